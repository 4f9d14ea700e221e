"""Memory that messages come from and go to. numpy is imported by who asks for an array."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Sequence, Union

if TYPE_CHECKING:
    from typing import Protocol

    import typing_extensions

    class _Array(Protocol):
        """A numpy array or scalar: before Python 3.12 its stubs have no ``__buffer__``."""

        @property
        def __array_interface__(self) -> Dict[str, Any]: ...

    Buffer = Union[typing_extensions.Buffer, _Array]
    Shape = Union[None, int, Sequence[int]]


_FIELD_NAMES = re.compile(":[^:]*:")


class HoldsObjects(TypeError):
    """The elements are addresses of Python objects, which mean nothing elsewhere."""


def _holds_objects() -> HoldsObjects:
    return HoldsObjects("an array of Python objects has no bytes to share")


def view_of(data: Buffer, name: str = "data") -> memoryview:
    """The memory of any object with the buffer interface; of numpy's times that lie scattered, a
    copy."""
    buffer: Any = data
    try:
        view = memoryview(buffer)
    except TypeError:
        raise TypeError(f"{name} must be bytes-like, not {type(data).__name__}") from None
    except ValueError:  # numpy exports no times, nor structures with times in them
        if not hasattr(buffer, "__array_interface__"):
            raise
        if buffer.dtype.hasobject:
            raise _holds_objects() from None
        return memoryview(buffer.ravel().view("u1"))
    if "O" in view.format and "O" in _FIELD_NAMES.sub("", view.format):
        raise _holds_objects()
    return view


def message_of(data: Buffer) -> memoryview:
    """The memory that is a message to write."""
    if isinstance(data, str):
        text = (
            "data must be bytes-like, not str: text.encode(), with b'\\0' added for a C or C++ peer"
        )
        raise TypeError(text)
    return view_of(data)


def bytes_of(data: Buffer) -> bytes:
    """A copy of the message."""
    return message_of(data).tobytes()


def room_in(buffer: Buffer) -> memoryview:
    """The memory that a message is put into; BufferError where it cannot be."""
    view = view_of(buffer, "buffer")
    flags = getattr(buffer, "flags", None)
    if not view.c_contiguous or not getattr(flags, "c_contiguous", True):
        raise BufferError("the buffer is not in one piece")
    if view.readonly:
        raise BufferError("the buffer is read-only")
    return view


def of_message(message: bytes, dtype: Any) -> Any:
    """A message of any size as an array of one dimension."""
    import numpy

    return numpy.frombuffer(bytearray(message), dtype or float)


def room(dtype: Any, shape: Shape, out: Any) -> Any:
    """The array that a message is to fill: `out`, or a new one."""
    import numpy

    return numpy.empty(() if shape is None else shape, dtype or float) if out is None else out


def filled(array: Any, size: int) -> Any:
    """The array, if a message of so many bytes fills it."""
    if size != array.nbytes:
        raise ValueError(f"a message of {size} bytes for an array of {array.nbytes}")
    return array
