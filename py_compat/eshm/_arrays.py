"""Memory that messages come from and go to. numpy is imported by who asks for an array."""

from __future__ import annotations

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


def view_of(data: Buffer) -> memoryview:
    """The memory of any object with the buffer interface."""
    buffer: Any = data
    try:
        return memoryview(buffer)
    except ValueError:  # numpy exports no times, nor structures with times in them
        if not hasattr(buffer, "__array_interface__"):
            raise
    if buffer.dtype.hasobject:
        raise TypeError("an array of Python objects has no bytes to share")
    return memoryview(buffer.ravel().view("u1"))


def of_message(message: bytes, dtype: Any) -> Any:
    """A message of any size as an array of one dimension."""
    import numpy

    return numpy.frombuffer(bytearray(message), dtype or float)


def room(dtype: Any, shape: Shape, out: Any) -> Any:
    """The array that a message is to fill: `out`, or a new one."""
    import numpy

    array: Any = numpy.empty(() if shape is None else shape, dtype or float) if out is None else out
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects has no bytes to share")
    return array


def filled(array: Any, size: int) -> Any:
    """The array, if a message of so many bytes fills it."""
    if size != array.nbytes:
        raise ValueError(f"a message of {size} bytes for an array of {array.nbytes}")
    return array
