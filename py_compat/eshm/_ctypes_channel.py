"""The calls of a channel over ctypes, with ``libeshm.so``."""

from __future__ import annotations

import ctypes
import math
import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, TypeVar, Union

from ._arguments import size as checked_size, u32
from ._arrays import message_of, room_in
from ._countdown import Countdown
from ._errors import READ, ESHMException, closed, failure, no_event_fd, open_failed
from ._library import HANDLE, Handle, load, optional
from ._options import MOST_BYTES, Options, capacity, given_up, init, last_error
from ._settings import Settings
from ._types import TIMEOUT_INFINITE, ESHMConfig, ESHMError, ESHMRole, ESHMStats

if TYPE_CHECKING:
    from ._arrays import Buffer

_DEFAULT_TIMEOUT_MS = 1000

# The interpreter sees Ctrl-C, and a close() in another thread, only between calls of the library.
# So a long wait is made of calls this short.
_SLICE_MS = 100

# How long close() waits for calls in other threads: many slices. They end by themselves; this is
# for the unforeseen.
_CLOSE_WAIT_S = 2.0

_NO_DATA, _TIMEOUT, _TOO_SMALL = (
    int(ESHMError.NO_DATA),
    int(ESHMError.TIMEOUT),
    int(ESHMError.BUFFER_TOO_SMALL),
)
_USUAL, _LARGE = 4096, 65536
_KEPT = 1 << 24  # bytes of the largest buffer that is used again
_EVENT_PROTOTYPE = {"eshm_get_event_fd": (ctypes.c_int, [HANDLE])}  # of release 1.3
_Result = TypeVar("_Result")


class CtypesChannel:
    """One end of a channel: the part of :class:`eshm.ESHM` that calls the library."""

    # So that closing is harmless where opening failed.
    _handle: Optional[Handle] = None
    _pid = 0
    _shown = ""
    """How messages name it."""

    def _open(self, settings: Settings, options: Optional[Options]) -> None:
        """Opens it, or raises ESHMOpenFailed with the reason."""
        self._library = library = load()
        # Looked up once: these two are called for each message.
        self._write: Callable[..., int] = library.eshm_write
        self._read_ex: Callable[..., int] = library.eshm_read_ex
        self._given_up = given_up(library)
        # When the interpreter ends, the module ctypes is empty before the last write.
        self._size_t = ctypes.c_size_t
        self._spare_buffers: List[_ReadBuffer] = []
        config = ESHMConfig(*settings)
        self._handle = handle = Handle(library.eshm_destroy)
        self._handle_open = handle.open
        self._pid = os.getpid()
        try:
            if not init(library, handle, config, options):
                hint = "is its master running? " if config.role == ESHMRole.SLAVE else ""
                code = (
                    ESHMError.SHM_ATTACH if config.role == ESHMRole.SLAVE else ESHMError.SHM_CREATE
                )
                if options is not None and options.is_out_of_range():
                    code = ESHMError.INVALID_PARAM
                raise open_failed(
                    last_error(library) or f"{hint}the library's reason is on stderr", code
                )
        except BaseException:  # Ctrl-C for one; its traceback keeps this frame, and that the handle
            self._handle = None
            handle.destroy()
            raise

    def _close(self) -> None:
        self._handle = None  # destroyed here, or at the end of the last call that still runs
        if self._pid == os.getpid():  # a forked child has no threads to wait for
            if self._handle_open.acquire(timeout=_CLOSE_WAIT_S):
                self._handle_open.release()

    def _is_open(self) -> bool:
        return self._handle is not None

    def write(self, data: "Buffer") -> None:
        """Publish a message, replacing one the other side has not read yet.

        Strings for C and C++ peers end in NUL.

        Args:
            data: Any object with the buffer interface: bytes, bytearray, memoryview, an array; may
                be empty.

        Raises:
            RuntimeError: ``Write failed: <text>`` (too large for the channel, detached, ousted by
                another master), or the channel is closed.
            TypeError: data holds no bytes.

        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     master.write("Grüße".encode() + b"\\0")
        ...     slave.read()
        b'Gr\\xc3\\xbc\\xc3\\x9fe\\x00'
        """
        if type(data) is bytes:
            code = self._write(self._handle, data, self._size_t(len(data)))
        else:
            code = self._write_buffer(data)
        if code:
            raise self._failure("Write failed", code)

    def _write_buffer(self, data: "Buffer") -> int:
        view = message_of(data)
        size = ctypes.c_size_t(view.nbytes)
        # ctypes gives the address of writable contiguous memory only; the rest is copied.
        if view.readonly or not view.c_contiguous or not view.nbytes:
            return self._write(self._handle, view.tobytes(), size)
        return self._write(self._handle, ctypes.byref(ctypes.c_char.from_buffer(view)), size)

    def read(self, buffer_size: Optional[int] = None, timeout_ms: Optional[int] = None) -> bytes:
        """Wait for the next new message and return it.

        Other threads run meanwhile. Ctrl-C and close() in another thread end the wait: at once with
        the native back end, within about 100 ms over ctypes.

        Args:
            buffer_size: Largest message to accept, in bytes; a larger one stays readable. None for
                any size.
            timeout_ms: How long to wait: None for 1000 ms, 0 not at all, TIMEOUT_INFINITE for as
                long as it takes.

        Raises:
            TimeoutError: ``Read timed out``.
            RuntimeError: ``No data available`` (only if timeout_ms is 0), ``Read failed: <text>``
                (``Buffer too small``, for instance), or the channel is closed.
            ValueError: an argument is out of range.

        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     master.write(b"position 1.5")
        ...     slave.read(timeout_ms=500)
        b'position 1.5'
        """
        wait_ms = _DEFAULT_TIMEOUT_MS if timeout_ms is None else u32("timeout_ms", timeout_ms)
        result = self._receive(buffer_size, wait_ms if wait_ms <= _SLICE_MS else _SLICE_MS)
        if isinstance(result, bytes):
            return result
        if result == _TIMEOUT and wait_ms > _SLICE_MS:
            result = self._in_slices(wait_ms, lambda slice_ms: self._receive(buffer_size, slice_ms))
            if isinstance(result, bytes):
                return result
        raise self._read_failure(result)

    def try_read(self, buffer_size: Optional[int] = None) -> Optional[bytes]:
        """The next new message if there is one, else None; never waits. Raises as :meth:`read` does
        otherwise.

        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     slave.try_read() is None
        ...     master.write(b"position 1.5")
        ...     slave.try_read()
        True
        b'position 1.5'
        """
        result = self._receive(buffer_size, 0)
        if isinstance(result, bytes):
            return result
        if result == _NO_DATA and self._handle is not None:
            return None
        raise self._read_failure(result)

    def readinto(self, buffer: "Buffer", timeout_ms: Optional[int] = None) -> int:
        """Wait for the next new message, put it into a buffer and return its size.

        Args:
            buffer: Any writable object with the buffer interface, in one piece: a bytearray, a
                numpy array. A message larger than it stays readable. BufferError for one that is
                read-only or not in one piece.
            timeout_ms: As for :meth:`read`, which also has the exceptions.

        >>> buffer = bytearray(64)
        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     master.write(b"position 1.5")
        ...     size = slave.readinto(buffer, timeout_ms=500)
        >>> buffer[:size]
        bytearray(b'position 1.5')
        """
        wait_ms = _DEFAULT_TIMEOUT_MS if timeout_ms is None else u32("timeout_ms", timeout_ms)
        target = _Target(buffer)
        code = self._receive_into(target, min(wait_ms, _SLICE_MS))
        if code == _TIMEOUT and wait_ms > _SLICE_MS:
            code = self._in_slices(wait_ms, lambda slice_ms: self._receive_into(target, slice_ms))
        if code:
            raise self._read_failure(code)
        return target.length.value

    def try_readinto(self, buffer: "Buffer") -> Optional[int]:
        """As :meth:`readinto` for the next new message if there is one, else None; never waits.

        >>> buffer = bytearray(64)
        >>> with ESHM(name, ESHMRole.MASTER) as master, ESHM(name, ESHMRole.SLAVE) as slave:
        ...     slave.try_readinto(buffer) is None
        ...     master.write(b"position 1.5")
        ...     slave.try_readinto(buffer)
        True
        12
        """
        target = _Target(buffer)
        code = self._receive_into(target, 0)
        if not code:
            return target.length.value
        if code == _NO_DATA and self._handle is not None:
            return None
        raise self._read_failure(code)

    def _receive(self, buffer_size: Optional[int], timeout_ms: int) -> Union[bytes, int]:
        """One call of the library: a message, or what :meth:`_receive_into` returns."""
        result: Union[bytes, int]
        if buffer_size is None:
            size = _USUAL
            while True:
                result = self._receive(size, timeout_ms)
                if isinstance(result, bytes) or result <= 0 and result != _TOO_SMALL:
                    return result
                size = max(result, size * 2)  # it is still there, or a newer one
        buffer_size = checked_size("buffer_size", buffer_size)
        if buffer_size > _LARGE:  # not more memory than a message can need
            buffer_size = min(buffer_size, max(_LARGE, self._most_bytes()))
        # list.pop and list.append are atomic: no two threads share a buffer.
        spares = self._spare_buffers
        try:
            buffer = spares.pop()
        except IndexError:
            buffer = _ReadBuffer(buffer_size)
        if buffer.size < buffer_size:
            buffer = _ReadBuffer(buffer_size)
        buffer.accepted.value = buffer_size
        code = self._receive_into(buffer, timeout_ms)
        result = code if code else buffer.memory[: buffer.length.value]
        if buffer.size <= _KEPT:
            spares.append(buffer)
        return result

    def _most_bytes(self) -> int:
        try:
            return capacity(self._library, self._handle)
        except RuntimeError:  # the library does not tell
            return MOST_BYTES

    def _receive_into(self, target: "_Target", timeout_ms: int) -> int:
        """One call of the library: 0, an error's code, or the size needed where there is too little
        room."""
        target.timeout.value = timeout_ms
        code = self._read_ex(
            self._handle, target.pointer, target.accepted, target.length_pointer, target.timeout
        )
        return target.length.value or code if code == _TOO_SMALL else code

    def _in_slices(
        self, wait_ms: int, receive: "Callable[[int], _Result]"
    ) -> "Union[_Result, int]":
        """The rest of a wait of which one slice has passed."""
        endless = wait_ms == TIMEOUT_INFINITE
        countdown = Countdown(math.inf if endless else wait_ms - _SLICE_MS)
        while True:
            left_ms = countdown.left_ms()
            if left_ms <= 0:
                return _TIMEOUT
            if endless and self._has_given_up():
                result = receive(0)  # what came before is read
                return _TIMEOUT if result == _NO_DATA else result
            slice_ms = _SLICE_MS if left_ms >= _SLICE_MS else math.ceil(left_ms)
            result = receive(slice_ms)
            if result != _TIMEOUT:
                return result
            countdown.passed(slice_ms)

    def _get_stats(self) -> Dict[str, Any]:
        stats = ESHMStats()
        self._check(
            "Failed to get stats", self._library.eshm_get_stats(self._handle, ctypes.byref(stats))
        )
        return {field[0]: getattr(stats, field[0]) for field in ESHMStats._fields_}

    def _get_role(self) -> int:
        role = ctypes.c_int()
        self._check(
            "Failed to get role", self._library.eshm_get_role(self._handle, ctypes.byref(role))
        )
        return role.value

    def _is_remote_alive(self) -> bool:
        alive = ctypes.c_bool()
        self._check(
            "Failed to check remote",
            self._library.eshm_check_remote_alive(self._handle, ctypes.byref(alive)),
        )
        return alive.value

    def _has_given_up(self) -> bool:
        """Whether this is a slave that looks for its master no longer. False over a library that
        does not tell."""
        return self._given_up is not None and self._given_up(self._handle)

    def _event_fd(self) -> int:
        fd: int = optional(self._library, _EVENT_PROTOTYPE).eshm_get_event_fd(self._handle)
        if fd < 0:
            if self._handle is None:
                raise closed(self)
            raise no_event_fd(last_error(self._library))
        return fd

    def _capacity(self) -> int:
        size = capacity(self._library, self._handle)
        if not size:
            raise self._failure("Failed to get capacity", ESHMError.NOT_INITIALIZED)
        return size

    def _get_wakeup_mode(self) -> int:
        mode = ctypes.c_int()
        self._check(
            "Failed to get wakeup mode",
            self._library.eshm_get_wakeup_mode(self._handle, ctypes.byref(mode)),
        )
        return mode.value

    def _set_wakeup_mode(self, mode: int) -> None:
        self._check(
            "Failed to set wakeup mode", self._library.eshm_set_wakeup_mode(self._handle, mode)
        )

    def _check(self, what: str, code: int) -> None:
        if code:
            raise self._failure(what, code)

    def _failure(self, what: str, code: int, size: Optional[int] = None) -> ESHMException:
        """The exception for an error code. The library got NULL, and said so, if the channel is
        closed."""
        if self._handle is None:
            return closed(self)
        text = last_error(self._library)
        if not text:  # a library that does not tell its reason
            text = self._library.eshm_error_string(code).decode()
            if os.getpid() != self._pid:
                text = "opened in another process: open your own"
        return failure(what, code, text, size)

    def _read_failure(self, code: int) -> ESHMException:
        """The exception for what a read returned: see :meth:`_receive_into`."""
        return self._failure(READ, _TOO_SMALL, code) if code > 0 else self._failure(READ, code)


class _Target:
    """Memory for a message, and the arguments of a read into it."""

    def __init__(self, buffer: "Buffer") -> None:
        view = room_in(buffer)
        # ctypes takes no address of no bytes.
        self._first = ctypes.c_char.from_buffer(view if view.nbytes else bytearray(1))
        self._prepare(ctypes.byref(self._first), view.nbytes)

    def _prepare(self, pointer: Any, size: int) -> None:
        self.pointer = pointer
        self.accepted = ctypes.c_size_t(size)
        self.length = ctypes.c_size_t()
        self.length_pointer = ctypes.byref(self.length)
        self.timeout = ctypes.c_uint32()


class _ReadBuffer(_Target):
    """Memory of its own, used again."""

    def __init__(self, size: int) -> None:
        # ctypes keeps each array type it ever made: powers of two bound their number.
        self.size = max(4096, 1 << (size - 1).bit_length())
        self.memory: Any = (ctypes.c_char * self.size)()  # Any: its slices are bytes
        self._prepare(ctypes.byref(self.memory), self.size)
