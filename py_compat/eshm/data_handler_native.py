"""Records, encoded and decoded by the native library: the interface of :mod:`data_handler`, with
the same results.

    from data_handler_native import NativeDataHandler, DataItem, DataType

It costs a few microseconds to call, so it pays for large records; the checks of values are the
library's.
"""

from __future__ import annotations

import ctypes
from operator import index
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Tuple,
    Type,
)

from . import data_handler
from ._decode import decode
from ._encode import encode
from ._library import load, optional
from ._types import ESHMError
from ._values import (
    DataItem,
    DataType,
    Event,
    FunctionCall,
    ImageFrame,
    Items,
    RecordError,
    binary,
    boolean,
    integer,
    real,
    string,
    triples,
    type_of,
)
from .data_handler import FunctionHandler

if TYPE_CHECKING:
    from typing_extensions import Self

_NONE = 255
_NUMBERS: List[Tuple[str, Any]] = [
    ("integer", ctypes.c_int64),
    ("real", ctypes.c_double),
    ("children", ctypes.c_uint32),
    ("field_type", ctypes.c_uint8),
]


class _Out(ctypes.Structure):
    """``ESHMRecordField`` for encoding: keeps the bytes it points to."""

    _fields_ = [
        ("key", ctypes.c_char_p),
        ("key_size", ctypes.c_size_t),
        ("data", ctypes.c_char_p),
        ("size", ctypes.c_size_t),
        *_NUMBERS,
    ]


class _In(ctypes.Structure):
    """``ESHMRecordField`` for decoding: its pointers are plain addresses, so that a NUL ends
    nothing."""

    _fields_ = [
        ("key", ctypes.c_void_p),
        ("key_size", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        *_NUMBERS,
    ]


_SIZE = ctypes.POINTER(ctypes.c_size_t)
_PROTOTYPES = {  # name: (result, arguments)
    "eshm_record_encode": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, _SIZE],
    ),
    "eshm_record_decode": (
        ctypes.c_int,
        [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, _SIZE],
    ),
}

#: Key, type, data, integer, real, children.
_Field = Tuple[bytes, int, bytes, int, float, int]


def _scalar(kind: int, key: bytes, value: Any) -> _Field:
    if kind == DataType.INTEGER:
        return key, kind, b"", integer(value), 0.0, 0
    if kind == DataType.BOOLEAN:
        return key, kind, b"", boolean(value), 0.0, 0
    if kind == DataType.REAL:
        return key, kind, b"", 0, real(value), 0
    if kind == DataType.STRING:
        return key, kind, string(value), 0, 0.0, 0
    if kind == DataType.BINARY:
        return key, kind, binary(value), 0, 0.0, 0
    raise TypeError(f"parameters and arguments are scalars, not {DataType(kind).name}")


def _expect(value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"expected a value of class {kind.__name__}, not {type(value).__name__}")


def _event(key: bytes, value: Any) -> List[_Field]:
    _expect(value, Event)
    children = [_scalar(type_of(one), string(name), one) for name, one in value.parameters.items()]
    return [(key, DataType.EVENT, string(value.event_name), 0, 0.0, len(children)), *children]


def _function_call(key: bytes, value: Any) -> List[_Field]:
    _expect(value, FunctionCall)
    absent: _Field = (b"", _NONE, b"", 0, 0.0, 0)
    answer = (
        absent
        if value.return_value is None
        else _scalar(type_of(value.return_value), b"", value.return_value)
    )
    children = [answer, *(_scalar(type_of(one), b"", one) for one in value.arguments)]
    return [
        (key, DataType.FUNCTION_CALL, string(value.function_name), 0, 0.0, len(children)),
        *children,
    ]


def _image_frame(key: bytes, value: Any) -> List[_Field]:
    _expect(value, ImageFrame)
    children = []
    for what, bits in (("width", 32), ("height", 32), ("channels", 32), ("timestamp_ns", 64)):
        number = index(getattr(value, what))
        if not 0 <= number < 1 << bits:
            raise RecordError(f"an image's {what} of {number}")
        children.append(
            _scalar(DataType.INTEGER, b"", number - (1 << 64) if number >> 63 else number)
        )
    children.append(_scalar(DataType.BINARY, b"", value.data))
    return [(key, DataType.IMAGE_FRAME, b"", 0, 0.0, len(children)), *children]


_COMPOSITE: Dict[int, Callable[[bytes, Any], List[_Field]]] = {
    DataType.EVENT: _event,
    DataType.FUNCTION_CALL: _function_call,
    DataType.IMAGE_FRAME: _image_frame,
}


def _flatten(items: Items) -> List[_Field]:
    fields: List[_Field] = []
    for kind, key, value in triples(items):
        if kind not in range(len(DataType)):
            raise RecordError(f"there is no type {kind!r}")
        try:
            composite = _COMPOSITE.get(kind)
            if composite is not None:
                fields += composite(string(key), value)
            else:
                fields.append(_scalar(kind, string(key), value))
        except (TypeError, RecordError) as error:
            raise type(error)(f"{key!r}: {error}") from None
    return fields


def _value(field: _In) -> Any:
    kind = field.field_type
    if kind == DataType.INTEGER:
        return field.integer
    if kind == DataType.BOOLEAN:
        return field.integer != 0
    if kind == DataType.REAL:
        return field.real
    if kind == _NONE:
        return None
    data = ctypes.string_at(field.data, field.size) if field.size else b""
    return data if kind == DataType.BINARY else data.decode()


def _key(field: _In) -> str:
    return ctypes.string_at(field.key, field.key_size).decode() if field.key_size else ""


def _unflatten(fields: Iterable[_In]) -> List[DataItem]:
    items = []
    row = iter(fields)
    for field in row:
        kind = DataType(field.field_type)
        value: Any
        if kind <= DataType.BINARY:
            value = _value(field)
        else:
            children = [next(row) for _ in range(field.children)]
            values = [_value(child) for child in children]
            if kind == DataType.IMAGE_FRAME:
                value = ImageFrame(
                    values[0], values[1], values[2], values[3] & 0xFFFFFFFFFFFFFFFF, values[4]
                )
            else:
                name = ctypes.string_at(field.data, field.size).decode() if field.size else ""
                if kind == DataType.EVENT:
                    value = Event(name, dict(zip(map(_key, children), values)))
                else:
                    value = FunctionCall(name, values[1:], values[0])
        items.append(DataItem(kind, _key(field), value))
    return items


class NativeDataHandler(data_handler.DataHandler):
    """As :class:`data_handler.DataHandler`, over the native library. Can be closed, and used in a
    with block; it holds nothing.

    Raises:
        RuntimeError: the library cannot be loaded, or is too old; or the handler is closed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._library = optional(load(), _PROTOTYPES)
        self._closed = False

    def close(self) -> None:
        """Encodes and decodes no more. May be called again."""
        self._closed = True

    def __enter__(self) -> "Self":
        self._check_open()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def encode_data_buffer(self, items: Items) -> bytes:
        """The record of these items; see the pure-Python class. A SEQUENCE has the tag 0x30
        here."""
        self._check_open()
        if not isinstance(items, Mapping):
            items = list(items)  # it may be needed twice
        fields = _flatten(items)
        row = (_Out * len(fields))()
        room = 64
        for out, (key, kind, data, number, fraction, children) in zip(row, fields):
            out.key, out.key_size, out.data, out.size = key, len(key), data, len(data)
            out.integer, out.real, out.children, out.field_type = number, fraction, children, kind
            room += 64 + len(key) + len(data)
        buffer: Any = ctypes.create_string_buffer(room)  # Any: its slices are bytes
        size = ctypes.c_size_t()
        if self._library.eshm_record_encode(row, len(fields), buffer, room, ctypes.byref(size)):
            return encode(items)  # strings that are no UTF-8; for anything else this raises
        record: bytes = buffer[: size.value]
        return record

    def decode_data_buffer(self, buffer: Any) -> List[DataItem]:
        """The items of a record, from a bytes-like object; see the pure-Python class."""
        self._check_open()
        message = buffer if type(buffer) is bytes else memoryview(buffer).tobytes()
        most = 32
        while True:
            row = (_In * most)()
            count = ctypes.c_size_t()
            code = self._library.eshm_record_decode(
                message, len(message), row, most, ctypes.byref(count)
            )
            if code != ESHMError.BUFFER_TOO_SMALL or count.value <= most:
                break
            most = 1 << (count.value - 1).bit_length()  # ctypes keeps each array type it ever made
        if code:
            # Bytes after the record, or in strings no UTF-8; for anything else this raises.
            return decode(message)
        return _unflatten(row[: count.value])

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the NativeDataHandler is closed")


#: The name that `data_handler` has for it.
DataHandler = NativeDataHandler


__all__ = [
    "DataHandler",
    "DataItem",
    "DataType",
    "Event",
    "FunctionCall",
    "FunctionHandler",
    "ImageFrame",
    "NativeDataHandler",
    "RecordError",
]
