"""The golden vectors, and records of every kind for the tests of both codecs."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import support  # noqa: F401  puts the package on the path
from eshm.data_handler import DataItem, DataType, Event, FunctionCall, ImageFrame

VECTORS = Path(__file__).resolve().parents[2] / "tests" / "data" / "record-vectors.json"


class Vector(NamedTuple):
    """A record as the original library encoded it."""

    name: str
    items: List[DataItem]
    bytes: bytes


def _value(described: Any) -> Any:
    if described is None:
        return None
    if "event" in described:
        return Event(
            described["event"], {key: _value(v) for key, v in described["parameters"].items()}
        )
    if "function" in described:
        arguments = [_value(argument) for argument in described["arguments"]]
        return FunctionCall(described["function"], arguments, _value(described["return"]))
    if "width" in described:
        numbers = [int(described[name]) for name in ("width", "height", "channels", "timestamp_ns")]
        return ImageFrame(*numbers, bytes.fromhex(described["data"]))
    ((kind, value),) = described.items()
    convert: Dict[str, Any] = {
        "integer": int,
        "boolean": bool,
        "real_bits": lambda bits: struct.unpack(">d", bytes.fromhex(bits))[0],
        "string": str,
        "binary": bytes.fromhex,
    }
    return convert[kind](value)


def vectors() -> List[Vector]:
    """All of them."""
    return [
        Vector(
            described["name"],
            [
                DataItem(DataType(item["type"]), item["key"], _value(item["value"]))
                for item in described["items"]
            ],
            bytes.fromhex(described["hex"]),
        )
        for described in json.loads(VECTORS.read_text())
    ]


def from_python(record: bytes) -> bytes:
    """A record of the original's with the tag that its Python package gave a SEQUENCE."""
    out = bytearray(record)

    def walk(position: int, end: int) -> None:
        while position < end:
            size, start = record[position + 1], position + 2
            if size >= 0x80:
                start += size & 0x7F
                size = int.from_bytes(record[position + 2 : start], "big")
            if record[position] == 0x30:
                out[position] = 0x10
                walk(start, start + size)
            position = start + size

    walk(0, len(record))
    return bytes(out)


def same(one: Any, other: Any) -> bool:
    """Equal in class and value; of reals the bits count."""
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack(">d", one) == struct.pack(">d", other) or (
            math.isnan(one) and math.isnan(other)
        )
    return type(one) is type(other) and one == other


def same_items(one: List[DataItem], other: List[DataItem]) -> bool:
    """Two records with the same content."""
    return len(one) == len(other) and all(
        a.type is b.type and a.key == b.key and same(a.value, b.value) for a, b in zip(one, other)
    )


#: One item of each scalar type.
SCALARS = [
    DataItem(DataType.INTEGER, "i", -129),
    DataItem(DataType.BOOLEAN, "b", True),
    DataItem(DataType.REAL, "r", 23.5),
    DataItem(DataType.STRING, "s", "h\u00e9llo \u2713"),
    DataItem(DataType.BINARY, "x", b"\x00\x01\xff"),
]
