"""Class ESHM: one end of a channel."""

from __future__ import annotations

import functools
import weakref
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    List,
    NoReturn,
    Optional,
    Type,
    TypeVar,
    Union,
    overload,
)

from ._arrays import filled, of_message, room
from ._backend import Calls, choose
from ._ctypes_channel import CtypesChannel
from ._decode import decode
from ._encode import encode
from ._errors import READ, READ_DATA, ESHMBufferTooSmall, ESHMFailed, ESHMOpenFailed, closed, failed
from ._last import close_last, open_channels
from ._opening import Opening
from ._options import Options, open_patiently
from ._settings import Settings
from ._types import ESHMError, ESHMRole, ESHMWakeupMode
from ._values import DataItem, Items, RecordError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import DTypeLike, NDArray
    from typing_extensions import Self

    from ._arrays import Shape

Scalar = TypeVar("Scalar", bound="numpy.generic")
Array = TypeVar("Array", bound="NDArray[Any]")


def items_of(message: bytes, max_items: int) -> List[DataItem]:
    """The items of a message that must be a record."""
    try:
        items = decode(message)
    except RecordError as error:
        raise failed(f"{READ_DATA}: no record: {error}", ESHMError.INVALID_PARAM) from None
    if len(items) > max_items:
        text = f"{READ_DATA}: a record of {len(items)} items, more than max_items={max_items}"
        raise failed(text, ESHMError.BUFFER_TOO_SMALL)
    return items


class ESHM(Opening, Calls):
    """One end of a channel, open from construction to :meth:`close`.

    Any threads may use one object at once. In a child made by ``os.fork()`` an inherited object is
    dead: every call but ``close()`` raises RuntimeError; the child opens a channel of its own.

    Args:
        shm_name: Name of the channel, 1 to 249 bytes; its file is ``/dev/shm/eshm_<name>``.
        role: Which end to be; see :class:`ESHMRole`.
        disconnect_behavior: What a slave does when its master is gone.
        stale_threshold_ms: Silence after which the other side counts as dead; the creator's setting
            holds.
        reconnect_wait_ms: Time limit for a slave's reconnection, 0 for none.
        reconnect_retry_interval_ms: Pause between its attempts.
        max_reconnect_attempts: Limit of its attempts, 0 for none.
        auto_cleanup: Whether a master removes the channel's file when it closes.
        use_threads: Whether the library's own thread sends heartbeats. If not, reads and writes do.
        backend: ``"native"`` or ``"ctypes"``; None for what the environment variable
            ``ESHM_PYTHON_BACKEND`` says, or ctypes where ``ESHM_LIB`` names a library, or native
            where that is to be had.

    By keyword alone, and only with a library of release 1.3 or later:
        capacity: Bytes of the largest message in a segment that is created, up to 1 GiB; 0 for the
            library's default, 4096. An existing segment keeps its own: see the property.
        exact_capacity: Whether an existing segment of another capacity will not do: a slave refuses
            it, a master replaces it.
        mode: Permission bits of a file that is created, whatever the umask; 0 for 0o666 less the
            umask.
        wait_for_master_ms: How long to wait until a slave has a live master. TIMEOUT_INFINITE for
            as long as it takes.
        first_value: Whether the value that is current now is new to the first read.
        huge_pages: Whether to ask the kernel for huge pages; that it gives none to shared memory is
            no failure.
        prefault: Whether to map all pages now, so that no first message pays for it.
        spin_us: How long a read spins before it parks; None for learnt.
        log_level: How much the library says on stderr, in the whole process.

    Raises:
        RuntimeError: it cannot be opened, with the library's reason; or the library is too old for
            an option.
        TypeError, ValueError: an argument is of the wrong type, or a time or count is not 0 to
            2**32 - 1.

    >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
    ...     master.write(b"position 1.5")
    ...     slave.read(timeout_ms=500)
    b'position 1.5'
    """

    _shown = "ESHM()"
    """What messages call it: its repr while it is open."""
    _end: Optional[CtypesChannel] = None
    """The back end, where that is not this object's own calls."""

    def _begin(self, given: Dict[str, Any]) -> None:
        backend = given.pop("backend")
        others = {name: given.pop(name) for name in Options._fields}
        settings, options = Settings.checked(**given), Options.checked(**others)
        shm_name: str = given["shm_name"]
        self._name = shm_name
        self._role = ESHMRole(settings.role)
        self._backend = choose(backend)
        if self._backend == "ctypes" and not issubclass(Calls, CtypesChannel):
            self._end = CtypesChannel()
        try:
            open_patiently(self._calls()._open, settings, options)
            self._role = self.get_role()  # AUTO has become one or the other
            self._shown = f"ESHM(name={shm_name!r}, role={self._role.name})"
            if self._end is not None:
                self._end._shown = self._shown
            if self._backend == "native":
                self._close_at_the_end()
        except ESHMOpenFailed as error:
            error.args = (f"Failed to initialize ESHM {shm_name!r} as {self._role.name}: {error}",)
            raise
        except BaseException:  # Ctrl-C for one; its traceback keeps this object
            self._calls()._close()
            raise

    def _close_at_the_end(self) -> None:
        key = ("native", id(self))

        def close() -> None:
            channel = held()
            if channel is not None:
                channel._close()

        held = weakref.ref(
            self, functools.partial(open_channels.pop, key)
        )  # in C: see _library._once
        close_last(key, close)

    def _calls(self) -> CtypesChannel:
        """What has the back end's other calls, whose names begin with an underscore."""
        return self if self._end is None else self._end

    @property
    def backend(self) -> str:
        """``"native"`` or ``"ctypes"``: what does the work.

        >>> with ESHM(name, backend="ctypes") as channel:
        ...     channel.backend
        'ctypes'
        """
        return self._backend

    @property
    def name(self) -> str:
        """The channel's name.

        >>> with ESHM(name, role=ESHMRole.MASTER) as channel:
        ...     channel.name == name
        True
        """
        return self._name

    @property
    def role(self) -> ESHMRole:
        """MASTER or SLAVE, as :meth:`get_role`, but also of a closed channel."""
        return self._role

    @overload
    def read_array(
        self,
        dtype: None = None,
        shape: Shape = None,
        *,
        out: None = None,
        timeout_ms: Optional[int] = None,
    ) -> NDArray[numpy.float64]: ...

    @overload
    def read_array(
        self,
        dtype: Union[Type[Scalar], numpy.dtype[Scalar]],
        shape: Shape = None,
        *,
        out: None = None,
        timeout_ms: Optional[int] = None,
    ) -> NDArray[Scalar]: ...

    @overload
    def read_array(
        self,
        dtype: DTypeLike,
        shape: Shape = None,
        *,
        out: None = None,
        timeout_ms: Optional[int] = None,
    ) -> NDArray[Any]: ...

    @overload
    def read_array(
        self,
        dtype: Any = None,
        shape: Shape = None,
        *,
        out: Array,
        timeout_ms: Optional[int] = None,
    ) -> Array: ...

    def read_array(
        self,
        dtype: Any = None,
        shape: Shape = None,
        *,
        out: Any = None,
        timeout_ms: Optional[int] = None,
    ) -> Any:
        """Wait for the next new message and return it as a numpy array. The message must fill it;
        arrays are written by :meth:`write` as they are.

        Args:
            dtype: Type of the elements; numpy's default is float64.
            shape: Shape of the result; None for one dimension, of as many elements as the message
                has.
            out: An array to put the message into, without any copy in between, in place of dtype
                and shape.
            timeout_ms: As for :meth:`read`, which also has the exceptions.

        Raises:
            ImportError: numpy is not installed.
            ValueError: the message, which is taken all the same, does not fill the array.

        >>> import numpy
        >>> position = numpy.zeros(3)
        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     master.write(numpy.array([1.5, 2.0, -3.0]))
        ...     slave.read_array(out=position) is position
        ...     master.write(position + 1)
        ...     slave.read_array(float, 3).tolist()
        True
        [2.5, 3.0, -2.0]
        """
        if out is None and shape is None:
            return of_message(self._read_any(timeout_ms), dtype)
        array = room(dtype, shape, out)
        return filled(array, self.readinto(array, timeout_ms))

    def read_data(self, timeout_ms: int = 10, max_items: int = 32) -> Dict[str, Any]:
        """Wait for the next new message, which must be a record, and return its values by their
        keys.

        :class:`eshm.eshm_data.ESHMData` gives the items with their types.

        Args:
            timeout_ms: As for :meth:`read`.
            max_items: The most items to accept.

        Raises:
            TimeoutError, RuntimeError: As :meth:`read`; RuntimeError also for a message that is no
                record, or of more items. Such a message is taken all the same.

        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     master.write_data({"temperature": 23.5, "status": "OK"})
        ...     slave.read_data(timeout_ms=500)
        {'temperature': 23.5, 'status': 'OK'}
        """
        return {item.key: item.value for item in self._read_items(timeout_ms, max_items)}

    def write_data(self, items: Items) -> None:
        """Publish a record, replacing a message the other side has not read yet.

        Args:
            items: DataItems, or a mapping of keys to values that tell their types themselves. numpy
                scalars and any bytes-like objects are accepted too. C and C++ peers that use the C
                functions read types 0 to 4.

        Raises:
            TypeError, RecordError: A value does not fit its item's type, or any.
            RuntimeError: As :meth:`write`.
        """
        self.write(encode(items))

    def _read_items(self, timeout_ms: int, max_items: int) -> List[DataItem]:
        try:
            message = self._read_any(timeout_ms)
        except ESHMFailed as error:
            error.args = (str(error).replace(READ, READ_DATA, 1),)
            raise
        return items_of(message, max_items)

    def _read_any(self, timeout_ms: Optional[int]) -> bytes:
        """The next new message, of whatever size."""
        size = 4096
        while True:
            try:
                return self.read(size, timeout_ms)
            except ESHMBufferTooSmall as error:  # the message is still there, or a newer one
                size = max(error.size or 0, size * 2)

    def get_stats(self) -> Dict[str, Any]:
        """Counters and heartbeats of both sides, by their names in the C structure ``ESHMStats``.

        Raises:
            RuntimeError: detached from the segment, or closed.

        >>> with ESHM(name, role=ESHMRole.MASTER) as master:
        ...     master.write(b"x")
        ...     master.get_stats()["m2s_write_count"]
        1
        """
        return self._calls()._get_stats()

    def get_role(self) -> ESHMRole:
        """MASTER or SLAVE; what AUTO became. Raises RuntimeError if closed.

        >>> with ESHM(name) as first, ESHM(name) as second:
        ...     first.get_role().name, second.get_role().name
        ('MASTER', 'SLAVE')
        """
        return ESHMRole(self._calls()._get_role())

    def is_remote_alive(self) -> bool:
        """Whether the other side's heartbeat is not stale. Raises RuntimeError if closed.

        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     slave.is_remote_alive()
        True
        """
        return self._calls()._is_remote_alive()

    def event_fd(self) -> int:
        """A descriptor for ``select``, ``selectors`` and ``asyncio``, or pass the channel itself:
        it has :meth:`fileno`.

        It is readable while there is a message to read, within a millisecond of its coming, and
        until a read took it; or a change to ask about (the other side came, left, died, was
        replaced or recovered), until :meth:`is_remote_alive` was called. Call both on waking up. It
        is only for polling, and is closed with the channel: unregister it before.

        :class:`eshm.AsyncESHM` is made of it.

        Raises:
            RuntimeError: there is none: use_threads is off, no descriptor is left, in a forked
                child, or closed.

        >>> import select
        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     master.write(b"news")
        ...     select.select([slave], [], [], 5)[0] == [slave]
        True
        """
        return self._calls()._event_fd()

    fileno = event_fd

    @property
    def capacity(self) -> int:
        """Bytes of the largest message. Raises RuntimeError if closed, or if the library is older
        than 1.3.

        >>> with ESHM(name, capacity=100_000) as channel:
        ...     channel.capacity
        100000
        """
        return self._calls()._capacity()

    @property
    def wakeup_mode(self) -> ESHMWakeupMode:
        """How this end's waiting reads learn of a message; can be set. Raises RuntimeError if
        closed.

        >>> with ESHM(name) as channel:
        ...     channel.wakeup_mode = ESHMWakeupMode.POLL
        ...     channel.wakeup_mode.name
        'POLL'
        """
        return ESHMWakeupMode(self._calls()._get_wakeup_mode())

    @wakeup_mode.setter
    def wakeup_mode(self, mode: ESHMWakeupMode) -> None:
        self._calls()._set_wakeup_mode(ESHMWakeupMode(mode))

    def close(self) -> None:
        """Leave the channel; a master with auto_cleanup also removes its file. May be called again,
        from any thread.

        A read that waits in another thread raises RuntimeError: at once, over ctypes within about
        100 ms. close() returns after it.

        >>> channel = ESHM(name)
        >>> channel.close()
        >>> channel.write(b"x")
        Traceback (most recent call last):
            ...
        eshm.ESHMClosed: ESHM(...) is closed
        """
        self._calls()._close()

    def __enter__(self) -> Self:
        if not self._calls()._is_open():
            raise closed(self)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an ESHM cannot be pickled or copied: open the channel by its name where it is needed"
        )

    def __repr__(self) -> str:
        return self._shown if self._calls()._is_open() else f"{self._shown[:-1]}, closed)"
