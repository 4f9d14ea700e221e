"""Class ESHM: one end of a channel."""

from __future__ import annotations

import atexit
import ctypes
import math
import os
import sys
import time
import weakref
from operator import index
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Type, Union

from ._arguments import encoded_name, known, u32
from ._decode import decode
from ._library import Handle, load
from ._options import capacity as capacity_of
from ._options import last_error, open_channel, options_of
from ._types import (
    TIMEOUT_INFINITE,
    ESHMConfig,
    ESHMDisconnectBehavior,
    ESHMError,
    ESHMLogLevel,
    ESHMRole,
    ESHMStats,
    ESHMWakeupMode,
)
from ._values import DataItem, RecordError

_DEFAULT_TIMEOUT_MS = 1000

# The interpreter sees Ctrl-C, and a close() in another thread, only between calls of the library. So a long wait is
# made of calls this short.
_SLICE_MS = 100

# How long close() waits for calls in other threads: many slices. They end by themselves; this is for the unforeseen.
_CLOSE_WAIT_S = 2.0

_NO_DATA, _TIMEOUT, _TOO_SMALL = int(ESHMError.NO_DATA), int(ESHMError.TIMEOUT), int(ESHMError.BUFFER_TOO_SMALL)
_MOST_BYTES = 1 << 30  # no channel has more
_BytesLike = Union[bytes, bytearray, memoryview]


class ESHM:
    """One end of a channel, open from construction to :meth:`close`.

    Any threads may use one object at once. In a child made by ``os.fork()`` an inherited object is dead: every call
    but ``close()`` raises RuntimeError; the child opens a channel of its own.

    Args:
        shm_name: Name of the channel, 1 to 249 bytes; its file is ``/dev/shm/eshm_<name>``.
        role: Which end to be; see :class:`ESHMRole`.
        disconnect_behavior: What a slave does when its master is gone.
        stale_threshold_ms: Silence after which the other side counts as dead; the creator's setting holds.
        reconnect_wait_ms: Time limit for a slave's reconnection, 0 for none.
        reconnect_retry_interval_ms: Pause between its attempts.
        max_reconnect_attempts: Limit of its attempts, 0 for none.
        auto_cleanup: Whether a master removes the channel's file when it closes.
        use_threads: Whether the library's own thread sends heartbeats. If not, reads and writes do.

    By keyword alone, and only with a library of release 1.3 or later:
        capacity: Bytes of the largest message in a segment that is created, up to 1 GiB; 0 for the library's default, 4096.
            Pass ``buffer_size`` to reads of more. An existing segment keeps its own: see the property.
        exact_capacity: Whether an existing segment of another capacity will not do: a slave refuses it, a master replaces it.
        mode: Permission bits of a file that is created, whatever the umask; 0 for 0o666 less the umask.
        wait_for_master_ms: How long to wait until a slave has a live master. TIMEOUT_INFINITE for as long as it takes.
        first_value: Whether the value that is current now is new to the first read.
        huge_pages: Whether to ask the kernel for huge pages; that it gives none to shared memory is no failure.
        prefault: Whether to map all pages now, so that no first message pays for it.
        spin_us: How long a read spins before it parks; None for learnt.
        log_level: How much the library says on stderr, in the whole process.

    Raises:
        RuntimeError: it cannot be opened, with the library's reason; or the library is too old for an option.
        TypeError, ValueError: an argument is of the wrong type, or a time or count is not 0 to 2**32 - 1.
    """

    # So that closing is harmless where opening failed.
    _handle: Optional[Handle] = None
    _pid = 0

    def __init__(
        self,
        shm_name: str,
        role: ESHMRole = ESHMRole.AUTO,
        disconnect_behavior: ESHMDisconnectBehavior = ESHMDisconnectBehavior.ON_TIMEOUT,
        stale_threshold_ms: int = 100,
        reconnect_wait_ms: int = 5000,
        reconnect_retry_interval_ms: int = 100,
        max_reconnect_attempts: int = 50,
        auto_cleanup: bool = True,
        use_threads: bool = True,
        *,
        capacity: int = 0,
        exact_capacity: bool = False,
        mode: int = 0,
        wait_for_master_ms: int = 0,
        first_value: bool = False,
        huge_pages: bool = False,
        prefault: bool = False,
        spin_us: Optional[int] = None,
        log_level: Optional[ESHMLogLevel] = None,
    ) -> None:
        config = ESHMConfig(
            encoded_name(shm_name),
            known(ESHMRole, "role", role, shm_name),
            known(ESHMDisconnectBehavior, "disconnect_behavior", disconnect_behavior, shm_name),
            u32("stale_threshold_ms", stale_threshold_ms),
            u32("reconnect_wait_ms", reconnect_wait_ms),
            u32("reconnect_retry_interval_ms", reconnect_retry_interval_ms),
            u32("max_reconnect_attempts", max_reconnect_attempts),
            bool(auto_cleanup),
            bool(use_threads),
        )
        options = options_of(
            capacity=capacity,
            exact_capacity=exact_capacity,
            mode=mode,
            wait_for_master_ms=wait_for_master_ms,
            first_value=first_value,
            huge_pages=huge_pages,
            prefault=prefault,
            spin_us=spin_us,
            log_level=log_level,
        )
        self._name = shm_name
        self._library = library = load()
        # Looked up once: these two are called for each message.
        self._write: Callable[..., int] = library.eshm_write
        self._read_ex: Callable[..., int] = library.eshm_read_ex
        self._spare_buffers: List[_ReadBuffer] = []

        address = open_channel(library, config, options)
        if not address:
            hint = "is its master running? " if config.role == ESHMRole.SLAVE else ""
            reason = last_error(library) or f"{hint}the library's reason is on stderr"
            raise RuntimeError(f"ESHM {shm_name!r} cannot be opened as {ESHMRole(config.role).name} ({reason})")
        self._handle = Handle(address, library.eshm_destroy)
        self._open = self._handle.open
        self._pid = os.getpid()
        self._role = ESHMRole(config.role)
        self._role = self.get_role()  # AUTO has become one or the other
        _channels.add(self)

    def write(self, data: _BytesLike) -> None:
        """Publish a message, replacing one the other side has not read yet.

        Strings for C and C++ peers end in NUL: ``write(text.encode() + b"\\0")``.

        Args:
            data: bytes, bytearray, memoryview or another object with the buffer interface; may be empty.

        Raises:
            RuntimeError: ``Write failed: <text>`` (too large for the channel, detached, ousted by another master),
                or the channel is closed.
            TypeError: data holds no bytes.
        """
        if type(data) is bytes:
            code = self._write(self._handle, data, ctypes.c_size_t(len(data)))
        else:
            code = self._write_buffer(data)
        if code:
            raise self._failure("Write", code)

    def _write_buffer(self, data: _BytesLike) -> int:
        if isinstance(data, str):
            raise TypeError("data must be bytes-like, not str: text.encode(), with b'\\0' added for a C or C++ peer")
        try:
            view = memoryview(data)
        except TypeError:
            raise TypeError(f"data must be bytes-like, not {type(data).__name__}") from None
        size = ctypes.c_size_t(view.nbytes)
        # ctypes gives the address of writable contiguous memory only; the rest is copied.
        if view.readonly or not view.c_contiguous or not view.nbytes:
            return self._write(self._handle, view.tobytes(), size)
        return self._write(self._handle, ctypes.byref(ctypes.c_char.from_buffer(view)), size)

    def read(self, buffer_size: int = 4096, timeout_ms: Optional[int] = None) -> bytes:
        """Wait for the next new message and return it.

        Ctrl-C and close() in another thread end any wait within about 100 ms.

        Args:
            buffer_size: Largest message to accept, in bytes. A larger one stays readable.
            timeout_ms: How long to wait: None for 1000 ms, 0 not at all, TIMEOUT_INFINITE for as long as it takes.

        Raises:
            TimeoutError: ``Read timed out``.
            RuntimeError: ``No data available`` (only if timeout_ms is 0), ``Read failed: <text>`` (``Buffer too
                small``, for instance), or the channel is closed.
            ValueError: an argument is out of range.
        """
        wait_ms = _DEFAULT_TIMEOUT_MS if timeout_ms is None else u32("timeout_ms", timeout_ms)
        if wait_ms <= _SLICE_MS:
            result = self._receive(buffer_size, wait_ms)
        else:
            result = self._receive(buffer_size, _SLICE_MS)
            if not isinstance(result, bytes) and result == _TIMEOUT:
                result = self._receive_in_slices(buffer_size, wait_ms)
        if isinstance(result, bytes):
            return result
        raise self._read_failure(result)

    def try_read(self, buffer_size: int = 4096) -> Optional[bytes]:
        """The next new message if there is one, else None; never waits. Raises as :meth:`read` does otherwise."""
        result = self._receive(buffer_size, 0)
        if isinstance(result, bytes):
            return result
        if result == _NO_DATA and self._handle is not None:
            return None
        raise self._failure("Read", result)

    def _receive(self, buffer_size: int, timeout_ms: int) -> Union[bytes, int]:
        """One call of the library: a message, or the error's code."""
        buffer_size = index(buffer_size)
        if not 0 <= buffer_size <= sys.maxsize:
            raise ValueError(f"buffer_size must be 0 to {sys.maxsize}, not {buffer_size}")
        # list.pop and list.append are atomic: no two threads share a buffer.
        spares = self._spare_buffers
        try:
            buffer = spares.pop()
        except IndexError:
            buffer = _ReadBuffer(buffer_size)
        if buffer.size < buffer_size:
            buffer = _ReadBuffer(buffer_size)
        buffer.accepted.value = buffer_size
        buffer.timeout.value = timeout_ms
        code = self._read_ex(self._handle, buffer.pointer, buffer.accepted, buffer.length_pointer, buffer.timeout)
        result: Union[bytes, int] = code if code else buffer.memory[: buffer.length.value]
        spares.append(buffer)
        return result

    def _receive_in_slices(self, buffer_size: int, wait_ms: int) -> Union[bytes, int]:
        """The rest of a wait of which one slice has passed."""
        deadline = math.inf if wait_ms == TIMEOUT_INFINITE else time.monotonic() + (wait_ms - _SLICE_MS) / 1000
        while True:
            left_ms = (deadline - time.monotonic()) * 1000
            if left_ms <= 0:
                return _TIMEOUT
            result = self._receive(buffer_size, _SLICE_MS if left_ms >= _SLICE_MS else math.ceil(left_ms))
            if isinstance(result, bytes) or result != _TIMEOUT:
                return result

    def read_data(self, timeout_ms: int = 10, max_items: int = 32) -> Dict[str, Any]:
        """Wait for the next new message, which must be a record, and return its values by their keys.

        :class:`eshm.eshm_data.ESHMData` also writes records, and gives the items with their types.

        Args:
            timeout_ms: As for :meth:`read`.
            max_items: The most items to accept.

        Raises:
            TimeoutError, RuntimeError: As :meth:`read`; RuntimeError also for a message that is no record, or of more
                items. Such a message is taken all the same.
        """
        return {item.key: item.value for item in self._read_items(timeout_ms, max_items)}

    def _read_items(self, timeout_ms: int, max_items: int) -> List[DataItem]:
        wait_ms = u32("timeout_ms", timeout_ms)
        size = 4096
        while True:
            message = self._receive(size, min(wait_ms, _SLICE_MS))
            if not isinstance(message, bytes) and message == _TIMEOUT and wait_ms > _SLICE_MS:
                message = self._receive_in_slices(size, wait_ms)
            if isinstance(message, bytes):
                break
            if message != _TOO_SMALL or size >= _MOST_BYTES:
                raise self._read_failure(message)
            size *= 2  # the message is still there
        try:
            items = decode(message)
        except RecordError as error:
            raise RuntimeError(f"Read failed: no record: {error}") from None
        if len(items) > max_items:
            raise RuntimeError(f"Read failed: a record of {len(items)} items, more than max_items={max_items}")
        return items

    def get_stats(self) -> Dict[str, Any]:
        """Counters and heartbeats of both sides, by their names in the C structure ``ESHMStats``.

        Raises:
            RuntimeError: detached from the segment, or closed.
        """
        stats = ESHMStats()
        self._check("Get stats", self._library.eshm_get_stats(self._handle, ctypes.byref(stats)))
        return {field[0]: getattr(stats, field[0]) for field in ESHMStats._fields_}

    def get_role(self) -> ESHMRole:
        """MASTER or SLAVE; what AUTO became. Raises RuntimeError if closed."""
        role = ctypes.c_int()
        self._check("Get role", self._library.eshm_get_role(self._handle, ctypes.byref(role)))
        return ESHMRole(role.value)

    def is_remote_alive(self) -> bool:
        """Whether the other side's heartbeat is not stale. Raises RuntimeError if closed."""
        alive = ctypes.c_bool()
        self._check("Check remote", self._library.eshm_check_remote_alive(self._handle, ctypes.byref(alive)))
        return alive.value

    @property
    def capacity(self) -> int:
        """Bytes of the largest message. Raises RuntimeError if closed, or if the library is older than 1.3."""
        size = capacity_of(self._library, self._handle)
        if not size:
            raise self._failure("Get capacity", ESHMError.NOT_INITIALIZED)
        return size

    @property
    def wakeup_mode(self) -> ESHMWakeupMode:
        """How this end's waiting reads learn of a message. Raises RuntimeError if closed."""
        mode = ctypes.c_int()
        self._check("Get wakeup mode", self._library.eshm_get_wakeup_mode(self._handle, ctypes.byref(mode)))
        return ESHMWakeupMode(mode.value)

    @wakeup_mode.setter
    def wakeup_mode(self, mode: ESHMWakeupMode) -> None:
        self._check("Set wakeup mode", self._library.eshm_set_wakeup_mode(self._handle, ESHMWakeupMode(mode)))

    def close(self) -> None:
        """Leave the channel; a master with auto_cleanup also removes its file. May be called again, from any thread.

        A read that waits in another thread raises RuntimeError within about 100 ms; close() returns after it.
        """
        self._handle = None  # destroyed here, or at the end of the last call that still runs
        if self._pid == os.getpid():  # a forked child has no threads to wait for
            if self._open.acquire(timeout=_CLOSE_WAIT_S):
                self._open.release()

    def __enter__(self) -> "ESHM":
        if self._handle is None:
            raise self._failure("Enter", ESHMError.NOT_INITIALIZED)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ESHM(name={self._name!r}, role={self._role.name})"

    def _check(self, what: str, code: int) -> None:
        if code:
            raise self._failure(what, code)

    def _read_failure(self, code: int) -> Exception:
        if self._handle is not None:
            if code == _TIMEOUT:
                return TimeoutError("Read timed out")
            if code == _NO_DATA:
                return RuntimeError("No data available")
        return self._failure("Read", code)

    def _failure(self, what: str, code: int) -> RuntimeError:
        """The exception for an error code. The library got NULL, and said so, if the channel is closed."""
        if self._handle is None:
            return RuntimeError(f"{self!r} is closed")
        return RuntimeError(f"{what} failed: {self._library.eshm_error_string(code).decode()}")


class _ReadBuffer:
    """Memory and arguments for one read at a time."""

    def __init__(self, size: int) -> None:
        # ctypes keeps each array type it ever made: powers of two bound their number.
        self.size = max(4096, 1 << (size - 1).bit_length())
        self.memory: Any = (ctypes.c_char * self.size)()  # Any: its slices are bytes
        self.pointer = ctypes.byref(self.memory)
        self.accepted = ctypes.c_size_t()
        self.length = ctypes.c_size_t()
        self.length_pointer = ctypes.byref(self.length)
        self.timeout = ctypes.c_uint32()


_channels: "weakref.WeakSet[ESHM]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A clean exit for the peer to see, also of channels that outlive the script in a thread or a cycle."""
    for channel in list(_channels):
        channel.close()
