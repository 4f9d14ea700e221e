"""Messages as numpy arrays. numpy is imported by who asks for one."""

from __future__ import annotations

from typing import Any, Sequence, Union


def of_message(message: bytes, dtype: Any) -> Any:
    """A message of any size as an array of one dimension."""
    import numpy

    return numpy.frombuffer(bytearray(message), dtype or float)


def room(dtype: Any, shape: Union[None, int, Sequence[int]], out: Any) -> Any:
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
