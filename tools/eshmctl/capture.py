"""Reads files that `eshmctl record` wrote.

>>> import io, struct, zlib
>>> head = b"ESHMCAP\\n" + struct.pack("<IIQI", 1, 4096, 0, 4) + b"demo"
>>> head += struct.pack("<I", zlib.crc32(head))
>>> frame = struct.pack("<QBBHII", 1500, 0, 0, 0, 2, 3) + b"one"
>>> capture = Capture(io.BytesIO(head + frame + struct.pack("<I", zlib.crc32(frame))))
>>> capture.name, capture.capacity
(b'demo', 4096)
>>> list(capture)
[Value(time=1.5e-06, writer='master', missed=2, data=b'one')]
"""
import struct
import zlib
from typing import BinaryIO, Iterator, NamedTuple

__all__ = ["Capture", "CaptureError", "Value"]

_HEAD = struct.Struct("<8sIIQI")
_FRAME = struct.Struct("<QBBHII")
_SUM = struct.Struct("<I")


class CaptureError(ValueError):
    """The file is no capture, or is damaged."""


class Value(NamedTuple):
    """One recorded value."""

    time: float  #: seconds since the beginning
    writer: str  #: "master" or "slave"
    missed: int  #: values missed before it
    data: bytes


class Capture:
    """The values of a file open for reading in binary mode, in order; a last one that was cut off
    is left out."""

    def __init__(self, file: BinaryIO) -> None:
        head = file.read(_HEAD.size)
        if len(head) < 12 or head[:8] != b"ESHMCAP\n":
            raise CaptureError("not a file that `eshmctl record` wrote")
        version = int.from_bytes(head[8:12], "little")
        if version != 1:
            raise CaptureError(f"format version {version}; this module reads 1")
        length = int.from_bytes(head[24:], "little")
        rest = file.read(length + _SUM.size) if length <= 255 else b""
        name = rest[:length]
        if (
            len(rest) < length + _SUM.size
            or zlib.crc32(head + name) != _SUM.unpack(rest[length:])[0]
        ):
            raise CaptureError("its header is damaged")
        _, _, capacity, began, _ = _HEAD.unpack(head)
        self._file = file
        self.name: bytes = name  #: the segment's, without ``eshm_``
        self.capacity: int = capacity  #: bytes of the segment's largest message
        self.began: float = began / 1e9  #: Unix time of the beginning

    def __iter__(self) -> Iterator[Value]:
        number = 0
        while True:
            head = self._file.read(_FRAME.size)
            if len(head) < _FRAME.size:
                return
            number += 1
            time, direction, zero, zeros, missed, size = _FRAME.unpack(head)
            if direction > 1 or zero or zeros or size > 1 << 30:
                raise CaptureError(f"value {number} is damaged: its header cannot be")
            rest = self._file.read(size + _SUM.size)
            if len(rest) < size + _SUM.size:
                return
            data = rest[:size]
            if zlib.crc32(data, zlib.crc32(head)) != _SUM.unpack(rest[size:])[0]:
                raise CaptureError(f"value {number} is damaged: its checksum is wrong")
            yield Value(time / 1e9, "master" if direction == 0 else "slave", missed, data)
