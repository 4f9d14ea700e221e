"""What a record holds: types, items and the three composite values; and which type a Python value
has."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from operator import index
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from ._arrays import HoldsObjects, view_of

Scalar = Union[int, bool, float, str, bytes]


class DataType(IntEnum):
    """The type of an item. C and C++ peers know the first five, the scalars, in C functions too."""

    INTEGER = 0
    """64 bits with sign."""
    BOOLEAN = 1
    REAL = 2
    """64-bit floating point."""
    STRING = 3
    BINARY = 4
    EVENT = 5
    FUNCTION_CALL = 6
    IMAGE_FRAME = 7


@dataclass
class Event:
    """Something that happened, with scalar parameters by name."""

    event_name: str
    parameters: Dict[str, Any] = field(default_factory=dict)


@dataclass
class FunctionCall:
    """A function to be called with scalar arguments, or its answer."""

    function_name: str
    arguments: List[Any] = field(default_factory=list)
    return_value: Any = None
    """None: it was not called yet, or gave nothing back."""

    @property
    def has_return(self) -> bool:
        """Whether there is an answer."""
        return self.return_value is not None


@dataclass
class ImageFrame:
    """An image; its data is whatever both sides agree on, most often rows of pixels."""

    width: int
    height: int
    channels: int
    timestamp_ns: int
    data: bytes


Value = Union[Scalar, Event, FunctionCall, ImageFrame]


@dataclass
class DataItem:
    """One named value of a record."""

    data_type: DataType
    key: str
    value: Any

    @property
    def type(self) -> DataType:
        """The same as `data_type`."""
        return self.data_type

    @type.setter
    def type(self, data_type: DataType) -> None:
        self.data_type = data_type

    @property
    def event(self) -> Optional[Event]:
        """The value if it is an event, else None."""
        return self.value if isinstance(self.value, Event) else None

    @property
    def function(self) -> Optional[FunctionCall]:
        """The value if it is a function call, else None."""
        return self.value if isinstance(self.value, FunctionCall) else None

    @property
    def image(self) -> Optional[ImageFrame]:
        """The value if it is an image, else None."""
        return self.value if isinstance(self.value, ImageFrame) else None


Items = Union[Mapping[str, Any], Iterable[DataItem]]


class RecordError(ValueError):
    """Bytes that are no record, or values that no record can hold."""

    def __init__(self, reason: str, position: Optional[int] = None) -> None:
        super().__init__(reason if position is None else f"{reason} at byte {position}")
        self.reason = reason
        self.position = position
        """Where in the bytes; None while encoding."""


#: The types that are told by the exact class, which is the common case.
_BY_CLASS: Dict[type, DataType] = {
    int: DataType.INTEGER,
    bool: DataType.BOOLEAN,
    float: DataType.REAL,
    str: DataType.STRING,
    bytes: DataType.BINARY,
    bytearray: DataType.BINARY,
    memoryview: DataType.BINARY,
    Event: DataType.EVENT,
    FunctionCall: DataType.FUNCTION_CALL,
    ImageFrame: DataType.IMAGE_FRAME,
}

#: The kinds of numpy's scalar types; numpy itself is not needed.
_BY_DTYPE_KIND = {
    "b": DataType.BOOLEAN,
    "i": DataType.INTEGER,
    "u": DataType.INTEGER,
    "f": DataType.REAL,
}


def _dtype_kind(value: Any) -> Optional[str]:
    """The kind of a numpy scalar, or of an array without dimensions; None for anything else."""
    if getattr(value, "ndim", None) != 0:
        return None
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return kind if isinstance(kind, str) else None


def type_of(value: Any) -> DataType:
    """The type a value goes by: its class's, or for others what they can be turned into.

    Raises:
        TypeError: no type fits.
    """
    known = _BY_CLASS.get(type(value))
    if known is not None:
        return known
    known = _BY_DTYPE_KIND.get(_dtype_kind(value) or "")
    if known is not None:
        return known
    for kind, data_type in _BY_CLASS.items():  # subclasses, such as an IntEnum; bool has none
        if isinstance(value, kind):
            return data_type
    try:
        view_of(value)  # arrays too
        return DataType.BINARY
    except HoldsObjects:
        raise
    except TypeError:
        pass
    for method, data_type in (("__index__", DataType.INTEGER), ("__float__", DataType.REAL)):
        if hasattr(type(value), method):
            return data_type
    raise TypeError(f"a record holds no {type(value).__name__}")


def integer(value: Any) -> int:
    """A value as INTEGER; TypeError if it is none, RecordError if it has more than 64 bits."""
    number = index(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise RecordError(f"{number} does not fit in 64 bits")
    return number


def boolean(value: Any) -> bool:
    """A value as BOOLEAN; TypeError for what is neither a truth value nor a whole number."""
    if isinstance(value, (bool, int)) or _dtype_kind(value) in ("b", "i", "u"):
        return bool(value)
    raise TypeError(f"a BOOLEAN is a bool, not {type(value).__name__}")


def real(value: Any) -> float:
    """A value as REAL; TypeError if it is no number."""
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"a REAL is a number, not {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise RecordError("an integer too large for a REAL") from None


def string(value: Any) -> bytes:
    """A string as UTF-8; TypeError if it is none, RecordError for lone surrogates but those that
    stand for bytes."""
    if not isinstance(value, str):
        raise TypeError(f"expected a str, not {type(value).__name__}")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RecordError(f"a string that is not Unicode text: {error.reason}") from None


def binary(value: Any) -> bytes:
    """A bytes-like object's bytes; TypeError if it has none."""
    if type(value) is bytes:
        return value
    try:
        return view_of(value).tobytes()
    except HoldsObjects:
        raise
    except TypeError:
        raise TypeError(f"expected a bytes-like object, not {type(value).__name__}") from None


def triples(items: Items) -> Iterable[Tuple[Any, str, Any]]:
    """Type, key and value of each item. A mapping's values tell their types themselves."""
    if isinstance(items, Mapping):
        return [(type_of(value), key, value) for key, value in items.items()]
    return [(item.data_type, item.key, item.value) for item in items]
