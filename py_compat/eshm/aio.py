"""Class AsyncESHM: one end of a channel in an asyncio program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Callable,
    Dict,
    List,
    NoReturn,
    Optional,
    Type,
    TypeVar,
    Union,
    overload,
)

from ._arguments import encoded_name, u32
from ._arrays import filled, of_message, room
from ._backend import choose
from ._channel import ESHM, Array, Scalar, items_of
from ._encode import encode
from ._errors import (
    ESHMBufferTooSmall,
    ESHMClosed,
    ESHMException,
    ESHMNoData,
    ESHMOpenFailed,
    ESHMTimeout,
)
from ._opening import Opening
from ._options import LOOK_S, MOST_BYTES, file_of, slice_of, wants_a_master
from ._types import TIMEOUT_INFINITE, ESHMRole
from ._values import Items

if TYPE_CHECKING:
    import numpy
    from numpy.typing import DTypeLike, NDArray

    from ._arrays import Buffer, Shape

_FIRST_ROOM = 4096
_Result = TypeVar("_Result")


class AsyncESHM(Opening):
    """One end of a channel, open inside an ``async with`` block.

    Takes the arguments of :class:`eshm.ESHM`. Waiting is done by the event loop, on the channel's
    descriptor: an idle channel needs no thread and no wake-ups, however many there are.
    ``use_threads`` must stay on.

    >>> import asyncio
    >>> async def main():
    ...     master, slave = AsyncESHM(name, ESHMRole.MASTER), AsyncESHM(name, ESHMRole.SLAVE)
    ...     async with master, slave:
    ...         await master.write(b"position 1.5")
    ...         async for value in slave:
    ...             return value
    >>> asyncio.run(main())
    b'position 1.5'
    """

    def _begin(self, given: Dict[str, Any]) -> None:
        self._settings = given
        self._was_open = False
        self._open: Optional[_Owned] = None
        # What the opening that is going on is known by; close() takes it away.
        self._opening: Optional[object] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._role = given["role"]
        self._watch: Optional[_Watch] = None
        self._at_once = False
        self._room = _FIRST_ROOM

    async def __aenter__(self) -> "AsyncESHM":
        if self._open is not None or self._opening is not None:
            raise RuntimeError(f"{self!r} is open already")
        self._opening = opening = object()
        try:
            self._loop = asyncio.get_running_loop()
            channel = await self._opened(self._loop, self._settings, opening)
            try:
                self._check_wanted(opening)
                self._watch = _Watch(channel.fileno())
            except BaseException:
                channel.close()
                raise
        finally:
            if self._opening is opening:
                self._opening = None
        channel._owner = self
        self._open, self._was_open = channel, True
        self._role = channel.role  # AUTO has become one or the other, until it is opened anew
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _check_wanted(self, opening: object) -> None:
        if self._opening is not opening:
            raise ESHMClosed(f"{self!r} was closed while it opened")

    async def _opened(
        self, loop: asyncio.AbstractEventLoop, given: Dict[str, Any], opening: object
    ) -> "_Owned":
        """Opens it; a slave waits for its master between attempts, so that cancelling or closing
        ends the wait."""
        wait_ms = given["wait_for_master_ms"]
        if not wait_ms or given["role"] != ESHMRole.SLAVE:
            return await _in_a_thread(loop, lambda: _Owned(**given))
        u32("wait_for_master_ms", wait_ms)
        file = file_of(encoded_name(given["shm_name"]))
        # Refused by the first attempt, which is to come at once then.
        hopeless = given["capacity"] > MOST_BYTES or given["mode"] > 0o777
        end = float("inf") if wait_ms == TIMEOUT_INFINITE else loop.time() + wait_ms / 1000
        while True:
            while not file.exists() and loop.time() < end and not hopeless:
                await asyncio.sleep(LOOK_S)
                self._check_wanted(opening)
            settings = {**given, "wait_for_master_ms": slice_of(end - loop.time())}
            try:
                return await _in_a_thread(loop, lambda: _Owned(**settings))
            except ESHMOpenFailed as error:
                if loop.time() >= end or not wants_a_master(error):
                    raise
            self._check_wanted(opening)

    @property
    def name(self) -> str:
        """The channel's name."""
        name: str = self._settings["shm_name"]
        return name

    @property
    def role(self) -> ESHMRole:
        """MASTER or SLAVE, also of a closed channel; before it is open, what it is to become."""
        return ESHMRole(self._role)

    @property
    def channel(self) -> ESHM:
        """What it is made of.

        Raises:
            ESHMClosed: it is not open.
        """
        if self._open is None:
            raise ESHMClosed(f"{self!r} is not open")
        return self._open

    @property
    def backend(self) -> str:
        """``"native"`` or ``"ctypes"``: what does the work, or is to do it."""
        return choose(self._settings["backend"])

    @property
    def capacity(self) -> int:
        """Bytes of the largest message, as :attr:`eshm.ESHM.capacity`."""
        return self.channel.capacity

    def get_role(self) -> ESHMRole:
        """MASTER or SLAVE, as :meth:`eshm.ESHM.get_role`; :attr:`role` is known of a closed channel
        too."""
        return self.channel.get_role()

    def get_stats(self) -> Dict[str, Any]:
        """Counters and heartbeats of both sides, as :meth:`eshm.ESHM.get_stats`."""
        return self.channel.get_stats()

    def is_remote_alive(self) -> bool:
        """Whether the other side's heartbeat is not stale, as :meth:`eshm.ESHM.is_remote_alive`."""
        return self.channel.is_remote_alive()

    def try_read(self, buffer_size: Optional[int] = None) -> Optional[bytes]:
        """The next new message if there is one, else None, as :meth:`eshm.ESHM.try_read`: without
        `await`, and before reads that wait."""
        return self.channel.try_read(buffer_size)

    def try_readinto(self, buffer: Buffer) -> Optional[int]:
        """As :meth:`try_read` into a buffer: the message's size, or None."""
        return self.channel.try_readinto(buffer)

    async def write(self, data: Buffer) -> None:
        """Publish a message, as :meth:`eshm.ESHM.write` does. The loop runs other tasks before it
        returns."""
        self.channel.write(data)
        await asyncio.sleep(0)

    async def read(
        self, buffer_size: Optional[int] = None, timeout_ms: Optional[int] = None
    ) -> bytes:
        """Wait for the next new message and return it; a cancelled read has taken none.

        Args:
            buffer_size: Largest message to accept, in bytes; a larger one stays readable. None for
                any size.
            timeout_ms: How long to wait: None for as long as it takes, 0 not at all.

        Raises:
            TimeoutError: ``Read timed out``; with None this is a slave that has used up its
                attempts to reconnect.
            RuntimeError: as :meth:`eshm.ESHM.read`; also in a read that waits as the channel is
                closed.
        """
        return await self._patiently(lambda: self._take(buffer_size), timeout_ms)

    async def readinto(self, buffer: Buffer, timeout_ms: Optional[int] = None) -> int:
        """Wait for the next new message, put it into a buffer, as :meth:`eshm.ESHM.readinto` does,
        and return its size. Otherwise as :meth:`read`."""
        return await self._patiently(lambda: self.channel.try_readinto(buffer), timeout_ms)

    @overload
    async def read_array(
        self,
        dtype: None = None,
        shape: Shape = None,
        *,
        out: None = None,
        timeout_ms: Optional[int] = None,
    ) -> NDArray[numpy.float64]: ...

    @overload
    async def read_array(
        self,
        dtype: Union[Type[Scalar], numpy.dtype[Scalar]],
        shape: Shape = None,
        *,
        out: None = None,
        timeout_ms: Optional[int] = None,
    ) -> NDArray[Scalar]: ...

    @overload
    async def read_array(
        self,
        dtype: DTypeLike,
        shape: Shape = None,
        *,
        out: None = None,
        timeout_ms: Optional[int] = None,
    ) -> NDArray[Any]: ...

    @overload
    async def read_array(
        self,
        dtype: Any = None,
        shape: Shape = None,
        *,
        out: Array,
        timeout_ms: Optional[int] = None,
    ) -> Array: ...

    async def read_array(
        self,
        dtype: Any = None,
        shape: Shape = None,
        *,
        out: Any = None,
        timeout_ms: Optional[int] = None,
    ) -> Any:
        """Wait for the next new message and return it as a numpy array, as
        :meth:`eshm.ESHM.read_array` does. Otherwise as :meth:`read`."""
        if out is None and shape is None:
            return of_message(await self.read(timeout_ms=timeout_ms), dtype)
        array = room(dtype, shape, out)
        return filled(array, await self.readinto(array, timeout_ms))

    async def read_data(
        self, timeout_ms: Optional[int] = None, max_items: int = 32
    ) -> Dict[str, Any]:
        """Wait for the next new message, which must be a record, and return its values by their
        keys, as :meth:`eshm.ESHM.read_data` does. Otherwise as :meth:`read`."""
        return {
            item.key: item.value
            for item in items_of(await self.read(timeout_ms=timeout_ms), max_items)
        }

    async def write_data(self, items: Items) -> None:
        """Publish a record, as :meth:`eshm.ESHM.write_data` does. The loop runs other tasks before
        it returns."""
        await self.write(encode(items))

    async def _patiently(
        self, take: Callable[[], Optional[_Result]], timeout_ms: Optional[int]
    ) -> _Result:
        """What `take` gives once there is something for it."""
        loop = asyncio.get_running_loop()
        endless = timeout_ms is None or u32("timeout_ms", timeout_ms) == TIMEOUT_INFINITE
        deadline = None if timeout_ms is None or endless else loop.time() + timeout_ms / 1000
        if self._at_once:
            # A peer that writes faster than this side reads must not keep the other tasks from
            # running.
            await asyncio.sleep(0)
        value = None if self._watch is not None and self._watch.waiting else take()
        self._at_once = value is not None
        while value is None:
            if timeout_ms == 0:
                raise ESHMNoData("No data available")
            if deadline is not None and loop.time() >= deadline:
                raise ESHMTimeout("Read timed out")
            if endless and self.channel._calls()._has_given_up():
                value = take()  # what came before is read
                if value is None:
                    raise ESHMTimeout("Read timed out")
                break
            await self._readable(loop, deadline)
            value = take()
        return value

    def _take(self, buffer_size: Optional[int]) -> Optional[bytes]:
        if buffer_size is not None:
            return self.channel.try_read(buffer_size)
        while True:
            try:
                return self.channel.try_read(self._room)
            except ESHMBufferTooSmall as error:  # it is still there, or a newer one
                self._room = max(error.size or 0, self._room * 2)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The messages as they come, each that no newer one replaced in between; ends as the
        channel is closed.

        Raises as :meth:`read` does, TimeoutError for one.
        """
        return self._messages()

    async def _messages(self) -> AsyncIterator[bytes]:
        while self._open is not None:
            try:
                value = await self.read()
            except ESHMException:
                if self._open is None:
                    return
                raise
            yield value

    async def _readable(self, loop: asyncio.AbstractEventLoop, deadline: Optional[float]) -> None:
        """Wait until there may be a message for this read, or the deadline."""
        watch = self._watch
        if watch is None:  # closed; the next look says so
            return
        waiting = loop.create_future()
        # Watched only while somebody waits: a message that nobody takes leaves it readable.
        if not watch.waiting:
            loop.add_reader(watch.descriptor, self._wake_one)
        watch.waiting.append(waiting)
        timer = None if deadline is None else loop.call_at(deadline, _finish, waiting)
        try:
            await waiting
        finally:
            if timer is not None:
                timer.cancel()
            if waiting in watch.waiting:  # else its end has done this
                watch.waiting.remove(waiting)
                if not watch.waiting:
                    loop.remove_reader(watch.descriptor)

    def _wake_one(self) -> None:
        channel, watch = self._open, self._watch
        if channel is None or watch is None:
            return  # closed by another thread; the loop is about to hear of it
        # Takes a change of the peer, which also makes the descriptor readable.
        channel.is_remote_alive()
        for waiting in watch.waiting:
            if not waiting.done():
                waiting.set_result(None)
                return

    def _wake_all(self) -> None:
        for waiting in [] if self._watch is None else self._watch.waiting:
            _finish(waiting)

    def close(self) -> None:
        """Leave the channel. Reads that wait raise ESHMClosed. May be called again, from any
        thread."""
        self._opening = None
        channel, watch, loop = self._open, self._watch, self._loop
        if channel is None or watch is None or loop is None:
            return
        self._open = self._watch = None
        if loop.is_closed() or _is_here(loop):
            watch.end(loop)
        else:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(watch.end, loop)
        channel.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncESHM cannot be pickled or copied: open the channel by its name where it is "
            "needed"
        )

    def __repr__(self) -> str:
        if self._open is not None:
            return f"AsyncESHM(name={self.name!r}, role={self._open.role.name})"
        return f"AsyncESHM(name={self.name!r}, {'closed' if self._was_open else 'not open yet'})"


class _Watch:
    """The reads that wait for an open channel, and the descriptor that the loop watches for them.
    It is a duplicate of the channel's, which another thread may close at any moment: the number is
    not given to a stranger before the loop forgets it."""

    def __init__(self, descriptor: int) -> None:
        self._close, self.descriptor = os.close, -1  # kept for the end of the interpreter
        self.descriptor = os.dup(descriptor)
        self.waiting: List["asyncio.Future[None]"] = []  # a future of each read, the longest first

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the reads. In the loop, or once that is closed."""
        waiting, self.waiting = self.waiting, []
        if waiting and not loop.is_closed():
            loop.remove_reader(self.descriptor)
            for one in waiting:
                _finish(one)
        self._drop()

    def _drop(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            self._close(descriptor)

    def __del__(self) -> None:  # its loop was closed before it heard of the end
        self._drop()


class _Owned(ESHM):
    """The channel inside, whose close() is also that of its owner."""

    _owner: Optional[AsyncESHM] = None

    def is_remote_alive(self) -> bool:
        alive = super().is_remote_alive()
        owner, loop = self._owner, None if self._owner is None else self._owner._loop
        # Whoever asks takes the change from the descriptor, and no other will come: all reads
        # without limit end.
        if not alive and owner is not None and loop is not None and self._calls()._has_given_up():
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(owner._wake_all)
        return alive

    def close(self) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.close()
        super().close()


async def _in_a_thread(loop: asyncio.AbstractEventLoop, opening: Callable[[], _Owned]) -> _Owned:
    """What `opening` gives, which may take a while: to judge what a dead pair left, for instance.
    In a thread of its own, which neither waits for those of others nor is waited for if this is
    cancelled."""
    done: "asyncio.Future[_Owned]" = loop.create_future()

    def finish(channel: Optional[_Owned], error: Optional[BaseException]) -> None:
        if done.done():  # cancelled meanwhile
            if channel is not None:
                channel.close()
        elif error is not None:
            done.set_exception(error)
        elif channel is not None:
            done.set_result(channel)

    def run() -> None:
        channel, error = None, None
        try:
            channel = opening()
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(finish, channel, error)
        except RuntimeError:  # the loop is closed
            if channel is not None:
                channel.close()

    threading.Thread(target=run, name="eshm_open", daemon=True).start()
    return await done


def _is_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _finish(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
