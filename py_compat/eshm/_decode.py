"""From the bytes of a record to values. The bytes may be hostile: each length is checked against
what remains, and nesting goes no deeper than the format's table."""

from __future__ import annotations

import math
import struct
from typing import Any, Callable, Dict, List, Tuple

from ._values import DataItem, DataType, Event, FunctionCall, ImageFrame, RecordError

_DOUBLE = struct.Struct(">d")
_SEQUENCE = 0x10
_NAMES = {
    0x01: "BOOLEAN",
    0x02: "INTEGER",
    0x04: "BINARY",
    0x05: "NULL",
    0x09: "REAL",
    0x0C: "STRING",
    _SEQUENCE: "SEQUENCE",
}


def length(data: bytes, position: int, end: int) -> Tuple[int, int]:
    """The length at `position`, and where the content starts."""
    if position >= end:
        raise RecordError("the bytes end before a length", position)
    size, start = data[position], position + 1
    if size >= 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise RecordError(f"a length of {count} bytes", position)
        if end - start < count:
            raise RecordError("the bytes end within a length", position)
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    return size, start


def header(data: bytes, position: int, end: int) -> Tuple[int, int, int]:
    """Tag, and where the content of the item at `position` starts and ends."""
    if end - position < 2:
        raise RecordError("the bytes end within an item", position)
    size, start = length(data, position + 1, end)
    if size > end - start:
        raise RecordError(f"an item of {size} bytes where {end - start} remain", position)
    return data[position], start, start + size


def _expect(data: bytes, position: int, end: int, wanted: int) -> Tuple[int, int]:
    """Where the content of the item starts and ends, if it has this tag."""
    tag, start, stop = header(data, position, end)
    # Peers written in Python mark a SEQUENCE with 0x10, the others with 0x30.
    if (tag & 0x1F if wanted == _SEQUENCE else tag) != wanted:
        raise RecordError(f"tag 0x{tag:02x} in the place of {_NAMES[wanted]}", position)
    return start, stop


def integer_content(data: bytes, start: int, stop: int) -> int:
    if not 1 <= stop - start <= 8:
        raise RecordError(f"an INTEGER of {stop - start} bytes", start)
    return int.from_bytes(data[start:stop], "big", signed=True)


def boolean_content(data: bytes, start: int, stop: int) -> bool:
    if stop - start != 1:
        raise RecordError(f"a BOOLEAN of {stop - start} bytes", start)
    return data[start] != 0


def real_content(data: bytes, start: int, stop: int) -> float:
    if stop == start:
        return 0.0
    first = data[start]
    if first == 0x03:
        if stop - start != 9:
            raise RecordError(f"a REAL of {stop - start} bytes", start)
        value: float = _DOUBLE.unpack_from(data, start + 1)[0]
        return value
    if not first & 0x80:
        raise RecordError(f"a REAL in the unknown form 0x{first:02x}", start)
    middle = start + 1 + (first & 0x03) + 1
    if middle > stop:
        raise RecordError("a REAL that ends within its exponent", start)
    mantissa = data[middle:stop].lstrip(b"\0")
    if len(mantissa) > 8:
        raise RecordError(f"a REAL with a mantissa of {len(mantissa)} bytes", start)
    exponent = int.from_bytes(data[start + 1 : middle], "big", signed=True)
    value = _scaled(int.from_bytes(mantissa, "big"), exponent)
    return -value if first & 0x40 else value


def _scaled(mantissa: int, exponent: int) -> float:
    """mantissa * 2**exponent, rounded once."""
    bits = mantissa.bit_length()
    if not bits or bits + exponent < -1100:
        return 0.0
    if bits + exponent > 1100:
        return math.inf
    try:
        # Division of whole numbers is rounded correctly, also to a subnormal number.
        return mantissa / (1 << -exponent) if exponent < 0 else float(mantissa << exponent)
    except OverflowError:
        return math.inf


def string_content(data: bytes, start: int, stop: int) -> str:
    # Strings are any bytes to C and C++: what is not UTF-8 becomes lone surrogates, and the same
    # bytes again in the encoder.
    return data[start:stop].decode("utf-8", "surrogateescape")


def _binary(data: bytes, start: int, stop: int) -> bytes:
    return data[start:stop]


_SCALARS: Dict[int, Callable[[bytes, int, int], Any]] = {
    0x02: integer_content,
    0x01: boolean_content,
    0x09: real_content,
    0x0C: string_content,
    0x04: _binary,
}


def _any_scalar(data: bytes, position: int, end: int) -> Tuple[Any, int]:
    tag, start, stop = header(data, position, end)
    decode_scalar = _SCALARS.get(tag)
    if decode_scalar is None:
        raise RecordError(f"tag 0x{tag:02x} in the place of a scalar", position)
    return decode_scalar(data, start, stop), stop


def _end(position: int, end: int) -> None:
    if position != end:
        raise RecordError(f"{end - position} bytes too many", position)


def _event(data: bytes, position: int, end: int) -> Event:
    start, stop = _expect(data, position, end, 0x0C)
    name, parameters = string_content(data, start, stop), {}
    position, last = _expect(data, stop, end, _SEQUENCE)
    _end(last, end)
    while position < last:
        start, position = _expect(data, position, last, _SEQUENCE)
        key_start, key_stop = _expect(data, start, position, 0x0C)
        parameters[string_content(data, key_start, key_stop)], stop = _any_scalar(
            data, key_stop, position
        )
        _end(stop, position)
    return Event(name, parameters)


def _function_call(data: bytes, position: int, end: int) -> FunctionCall:
    start, stop = _expect(data, position, end, 0x0C)
    call = FunctionCall(string_content(data, start, stop))
    if data[stop : min(stop + 1, end)] == b"\x05":  # NULL: not called yet
        start, stop = _expect(data, stop, end, 0x05)
        _end(start, stop)
    else:
        call.return_value, stop = _any_scalar(data, stop, end)
    position, last = _expect(data, stop, end, _SEQUENCE)
    _end(last, end)
    while position < last:
        argument, position = _any_scalar(data, position, last)
        call.arguments.append(argument)
    return call


def _image_frame(data: bytes, position: int, end: int) -> ImageFrame:
    numbers: List[int] = []
    for what in ("width", "height", "channels", "timestamp_ns"):
        start, stop = _expect(data, position, end, 0x02)
        number = integer_content(data, start, stop)
        if what == "timestamp_ns":
            number &= 0xFFFFFFFFFFFFFFFF  # without sign, in the same 64 bits
        elif not 0 <= number <= 0xFFFFFFFF:
            raise RecordError(f"an image's {what} of {number}", position)
        numbers.append(number)
        position = stop
    start, stop = _expect(data, position, end, 0x04)
    _end(stop, end)
    return ImageFrame(numbers[0], numbers[1], numbers[2], numbers[3], data[start:stop])


#: By type: the tag, and what its content is read with.
_BY_TYPE: Dict[DataType, Tuple[int, Callable[[bytes, int, int], Any]]] = {
    DataType.INTEGER: (0x02, integer_content),
    DataType.BOOLEAN: (0x01, boolean_content),
    DataType.REAL: (0x09, real_content),
    DataType.STRING: (0x0C, string_content),
    DataType.BINARY: (0x04, _binary),
    DataType.EVENT: (_SEQUENCE, _event),
    DataType.FUNCTION_CALL: (_SEQUENCE, _function_call),
    DataType.IMAGE_FRAME: (_SEQUENCE, _image_frame),
}
_TYPES = tuple(DataType)


def decode(buffer: Any) -> List[DataItem]:
    """The items of a record, from a bytes-like object. Bytes may follow it: programs pass their
    whole receive buffer.

    Raises:
        RecordError: they are no record; with reason and position.
    """
    data = buffer if type(buffer) is bytes else memoryview(buffer).tobytes()
    position, end = _expect(data, 0, len(data), _SEQUENCE)
    types, types_end = _expect(data, position, end, _SEQUENCE)
    keys, keys_end = _expect(data, types_end, end, _SEQUENCE)
    values, values_end = _expect(data, keys_end, end, _SEQUENCE)
    _end(values_end, end)
    items = []
    while types < types_end:
        start, stop = _expect(data, types, types_end, 0x02)
        number = integer_content(data, start, stop)
        if not 0 <= number < len(_TYPES):
            raise RecordError(f"there is no type {number}", types)
        types = stop
        if keys == keys_end or values == values_end:
            what = "keys" if keys == keys_end else "values"
            raise RecordError(f"fewer {what} than types", keys if what == "keys" else values)
        start, keys = _expect(data, keys, keys_end, 0x0C)
        key = string_content(data, start, keys)
        kind = _TYPES[number]
        tag, read = _BY_TYPE[kind]
        start, values = _expect(data, values, values_end, tag)
        items.append(DataItem(kind, key, read(data, start, values)))
    if keys != keys_end or values != values_end:
        what = "keys" if keys != keys_end else "values"
        raise RecordError(f"more {what} than types", keys if what == "keys" else values)
    return items
