"""Class AsyncESHM: one end of a channel in an asyncio program."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, AsyncIterator, List, Optional, Type

from ._arguments import u32
from ._channel import ESHM


class AsyncESHM:
    """One end of a channel, open inside an ``async with`` block.

    Takes the arguments of :class:`eshm.ESHM`. Waiting is done by the event loop, on the channel's descriptor: an idle channel
    needs no thread and no wake-ups, however many there are. ``use_threads`` must stay on.

        async with AsyncESHM("robot", role=ESHMRole.SLAVE) as channel:
            async for value in channel:
                await channel.write(b"seen")
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = args, kwargs
        self._open: Optional[ESHM] = None
        self._waiting: List["asyncio.Future[None]"] = []  # a future of each read that waits, the longest first
        self._at_once = False

    async def __aenter__(self) -> "AsyncESHM":
        if self._open is not None:
            raise RuntimeError(f"{self!r} is open already")
        args, kwargs = self._arguments
        # To judge what a dead pair left takes a while.
        channel = await asyncio.to_thread(ESHM, *args, **kwargs)
        try:
            channel.fileno()
        except BaseException:
            channel.close()
            raise
        self._open = channel
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    @property
    def channel(self) -> ESHM:
        """What it is made of, for all that does not wait: roles, statistics, ``try_read()``.

        Raises:
            RuntimeError: it is not open.
        """
        if self._open is None:
            raise RuntimeError(f"{self!r} is not open")
        return self._open

    async def write(self, data: Any) -> None:
        """Publish a message, as :meth:`eshm.ESHM.write` does. The loop runs other tasks before it returns."""
        self.channel.write(data)
        await asyncio.sleep(0)

    async def read(self, buffer_size: int = 4096, timeout_ms: Optional[int] = None) -> bytes:
        """Wait for the next new message and return it; a cancelled read has taken none.

        Args:
            buffer_size: Largest message to accept, in bytes. A larger one stays readable.
            timeout_ms: How long to wait: None for as long as it takes, 0 not at all.

        Raises:
            TimeoutError: ``Read timed out``.
            RuntimeError: as :meth:`eshm.ESHM.read`; also in a read that waits as the channel is closed.
        """
        loop = asyncio.get_running_loop()
        deadline = None if timeout_ms is None else loop.time() + u32("timeout_ms", timeout_ms) / 1000
        if self._at_once:
            # A peer that writes faster than this side reads must not keep the other tasks from running.
            await asyncio.sleep(0)
        value = None if self._waiting else self.channel.try_read(buffer_size)
        self._at_once = value is not None
        while value is None:
            if deadline is not None and loop.time() >= deadline:
                raise TimeoutError("Read timed out")
            await self._readable(loop, deadline)
            value = self.channel.try_read(buffer_size)
        return value

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The messages as they come, each that no newer one replaced in between; ends as the channel is closed."""
        return self._messages()

    async def _messages(self) -> AsyncIterator[bytes]:
        while self._open is not None:
            try:
                value = await self.read()
            except RuntimeError:
                if self._open is None:
                    return
                raise
            yield value

    async def _readable(self, loop: asyncio.AbstractEventLoop, deadline: Optional[float]) -> None:
        """Wait until there may be a message for this read, or the deadline."""
        descriptor = self.channel.fileno()
        waiting = loop.create_future()
        # Watched only while somebody waits: a message that nobody takes leaves it readable.
        if not self._waiting:
            loop.add_reader(descriptor, self._wake_one)
        self._waiting.append(waiting)
        timer = None if deadline is None else loop.call_at(deadline, _finish, waiting)
        try:
            await waiting
        finally:
            if timer is not None:
                timer.cancel()
            if waiting in self._waiting:  # else close() has done this
                self._waiting.remove(waiting)
                if not self._waiting:
                    loop.remove_reader(descriptor)

    def _wake_one(self) -> None:
        self.channel.is_remote_alive()  # takes a change of the peer, which also makes the descriptor readable
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
                return

    def close(self) -> None:
        """Leave the channel. Reads that wait raise RuntimeError. May be called again."""
        channel, self._open = self._open, None
        if channel is None:
            return
        waiting, self._waiting = self._waiting, []
        if waiting:
            waiting[0].get_loop().remove_reader(channel.fileno())
        for one in waiting:
            _finish(one)
        channel.close()

    def __repr__(self) -> str:
        args, kwargs = self._arguments
        name = args[0] if args else kwargs.get("shm_name")
        return f"AsyncESHM(name={name!r})"


def _finish(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
