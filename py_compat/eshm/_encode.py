"""From values to the bytes of a record."""

from __future__ import annotations

import struct
from operator import index
from typing import Any, Callable, Dict

from ._values import (
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

_REAL = struct.Struct(">BBBd")
_SEQUENCE = struct.Struct(">BBI")
_MOST = 0xFFFFFFFF
_ABSENT = b"\x05\x00"
_POSITIVE_ZERO = bytes(8)


def sequence_head(size: int) -> bytes:
    """Tag and length of a SEQUENCE; the length always has four bytes, as the released libraries
    write it."""
    if size > _MOST:
        raise RecordError(f"{size} bytes are too many for one record")
    # The tag is that of the released package, whose decoder knows no other. C and C++ peers take it
    # by its low five bits.
    return _SEQUENCE.pack(0x10, 0x84, size)


def sequence(content: bytes) -> bytes:
    """A SEQUENCE."""
    return sequence_head(len(content)) + content


def length(size: int) -> bytes:
    """A length in its shortest form."""
    if not 0 <= size <= _MOST:
        raise RecordError(
            f"{size} bytes are too many for one record" if size > 0 else f"a length of {size}"
        )
    if size < 0x80:
        return bytes((size,))
    content = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(content),)) + content


def _tagged(tag: int, content: bytes) -> bytes:
    """Anything but a SEQUENCE, with the shortest length."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag,)) + length(size) + content


def integer_item(value: Any) -> bytes:
    number = integer(value)
    # One bit more than the magnitude, for the sign; -128 is one byte, as ~-128 is 127.
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return bytes((0x02, size)) + number.to_bytes(size, "big", signed=True)


def boolean_item(value: Any) -> bytes:
    return b"\x01\x01\xff" if boolean(value) else b"\x01\x01\x00"


def real_item(value: Any) -> bytes:
    packed = _REAL.pack(0x09, 9, 0x03, real(value))
    # -0.0 keeps its sign in the long form.
    return b"\x09\x00" if packed[3:] == _POSITIVE_ZERO else packed


def string_item(value: Any) -> bytes:
    return _tagged(0x0C, string(value))


def binary_item(value: Any) -> bytes:
    return _tagged(0x04, binary(value))


_SCALARS: Dict[DataType, Callable[[Any], bytes]] = {
    DataType.INTEGER: integer_item,
    DataType.BOOLEAN: boolean_item,
    DataType.REAL: real_item,
    DataType.STRING: string_item,
    DataType.BINARY: binary_item,
}


def _scalar(value: Any) -> bytes:
    kind = type_of(value)
    encode = _SCALARS.get(kind)
    if encode is None:
        raise TypeError(f"parameters and arguments are scalars, not {kind.name}")
    return encode(value)


def _expect(value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"expected a value of class {kind.__name__}, not {type(value).__name__}")


def _event(value: Any) -> bytes:
    _expect(value, Event)
    parameters = [
        sequence(string_item(key) + _scalar(one)) for key, one in value.parameters.items()
    ]
    return sequence(string_item(value.event_name) + sequence(b"".join(parameters)))


def _function_call(value: Any) -> bytes:
    _expect(value, FunctionCall)
    answer = _ABSENT if value.return_value is None else _scalar(value.return_value)
    arguments = b"".join([_scalar(one) for one in value.arguments])
    return sequence(string_item(value.function_name) + answer + sequence(arguments))


def _unsigned(what: str, value: Any, bits: int) -> bytes:
    number = index(value)
    if not 0 <= number < 1 << bits:
        raise RecordError(f"an image's {what} of {number}")
    # Of 64 bits the same ones, read with a sign.
    return integer_item(number - (1 << 64) if number >> 63 else number)


def _image_frame(value: Any) -> bytes:
    _expect(value, ImageFrame)
    return sequence(
        _unsigned("width", value.width, 32)
        + _unsigned("height", value.height, 32)
        + _unsigned("channels", value.channels, 32)
        + _unsigned("timestamp_ns", value.timestamp_ns, 64)
        + binary_item(value.data)
    )


_ENCODERS: Dict[DataType, Callable[[Any], bytes]] = {
    **_SCALARS,
    DataType.EVENT: _event,
    DataType.FUNCTION_CALL: _function_call,
    DataType.IMAGE_FRAME: _image_frame,
}


def encode(items: Items) -> bytes:
    """The record of these items.

    Raises:
        TypeError: a value is not of its item's type, or of none a record can hold.
        RecordError: a value is out of its type's range.
    """
    types, keys, values = [], [], []
    for kind, key, value in triples(items):
        encoder = _ENCODERS.get(kind)
        if encoder is None:
            raise RecordError(f"there is no type {kind!r}")
        try:
            keys.append(_tagged(0x0C, string(key)))
            values.append(encoder(value))
        except (TypeError, RecordError) as error:
            raise type(error)(f"{key!r}: {error}") from None
        types.append(bytes((0x02, 1, kind)))
    return sequence(
        sequence(b"".join(types)) + sequence(b"".join(keys)) + sequence(b"".join(values))
    )
