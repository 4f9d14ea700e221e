"""The pieces of a record by hand: its tags, an encoder and a decoder of single items."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Optional, Tuple

from . import _decode, _encode
from ._values import RecordError


class Tag(IntEnum):
    """The tags of items."""

    BOOLEAN = 0x01
    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL_TYPE = 0x05
    REAL = 0x09
    UTF8_STRING = 0x0C
    SEQUENCE = 0x10


class AppTag(IntEnum):
    """Tags for composite values, which no record has: they are sequences there."""

    EVENT = 0x80
    FUNCTION_CALL = 0x81
    FUNCTION_RETURN = 0x82
    IMAGE_FRAME = 0x83


class DEREncoder:
    """Appends items to a buffer.

    >>> encoder = DEREncoder()
    >>> start = encoder.begin_sequence()
    >>> encoder.encode_integer(5)
    >>> encoder.end_sequence(start)
    >>> encoder.get_data().hex()
    '108400000003020105'
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def encode_tag(self, tag: int) -> None:
        """A tag alone, one byte."""
        self._data.append(tag)

    def encode_length(self, length: int) -> None:
        """A length alone, in its shortest form."""
        self._data += _encode.length(length)

    def encode_integer(self, value: int) -> None:
        """An INTEGER; RecordError if it has more than 64 bits."""
        self._data += _encode.integer_item(value)

    def encode_boolean(self, value: bool) -> None:
        """A BOOLEAN."""
        self._data += _encode.boolean_item(value)

    def encode_real(self, value: float) -> None:
        """A REAL."""
        self._data += _encode.real_item(value)

    def encode_utf8_string(self, value: str) -> None:
        """A UTF8_STRING."""
        self._data += _encode.string_item(value)

    def encode_octet_string(self, value: Any) -> None:
        """An OCTET_STRING of a bytes-like object."""
        self._data += _encode.binary_item(value)

    def begin_sequence(self) -> int:
        """Opens a SEQUENCE: what is encoded next goes into it. The result is for
        :meth:`end_sequence`."""
        self._data += _encode.sequence(b"")
        return len(self._data)

    def end_sequence(self, start: int) -> None:
        """Closes the SEQUENCE that begin_sequence gave this number for.

        Raises:
            ValueError: it gave no such number.
        """
        head = len(_encode.sequence(b""))
        if not head <= start <= len(self._data):
            raise ValueError(f"no sequence begins at {start}")
        self._data[start - head : start] = _encode.sequence_head(len(self._data) - start)

    def get_data(self) -> bytes:
        """All that was encoded."""
        return bytes(self._data)

    def clear(self) -> None:
        """Begins anew."""
        self._data.clear()


class DERDecoder:
    """Takes items from bytes, one after the other.

    Each ``decode_`` method takes a whole item, or what is left of it after :meth:`decode_tag`.

    Raises:
        RecordError: a ValueError; the bytes hold something else, or end within it.

    >>> decoder = DERDecoder(bytes.fromhex("108400000003020105"))
    >>> decoder.begin_sequence(), decoder.decode_integer(), decoder.has_more_data()
    (9, 5, False)
    """

    def __init__(self, data: Any) -> None:
        self._data = data if type(data) is bytes else memoryview(data).tobytes()
        self._position = 0
        # Of a tag that decode_tag has taken, while its length is still to come.
        self._tag_at: Optional[int] = None

    def decode_tag(self) -> int:
        """The next byte, a tag."""
        if not self.has_more_data():
            raise RecordError("there is no more data", self._position)
        self._tag_at = self._position
        self._position += 1
        return self._data[self._tag_at]

    def decode_length(self) -> int:
        """A length alone. Its content need not be there."""
        size, self._position = _decode.length(self._data, self._position, len(self._data))
        self._tag_at = None
        return size

    def decode_integer(self) -> int:
        """An INTEGER."""
        return _decode.integer_content(self._data, *self._take(Tag.INTEGER))

    def decode_boolean(self) -> bool:
        """A BOOLEAN."""
        return _decode.boolean_content(self._data, *self._take(Tag.BOOLEAN))

    def decode_real(self) -> float:
        """A REAL."""
        return _decode.real_content(self._data, *self._take(Tag.REAL))

    def decode_utf8_string(self) -> str:
        """A UTF8_STRING; bytes that are no UTF-8 become lone surrogates, as ``os.fsdecode`` has
        them."""
        return _decode.string_content(self._data, *self._take(Tag.UTF8_STRING))

    def decode_octet_string(self) -> bytes:
        """An OCTET_STRING."""
        start, stop = self._take(Tag.OCTET_STRING)
        return self._data[start:stop]

    def begin_sequence(self) -> int:
        """Enters a SEQUENCE; the position of its end. Both of its tags, 0x10 and 0x30, will do."""
        start, stop = self._take(Tag.SEQUENCE)
        self._position = start
        return stop

    def end_sequence(self, end: int) -> None:
        """Goes on behind a SEQUENCE, at the position that begin_sequence gave."""
        if not self._position <= end <= len(self._data):
            raise ValueError(
                f"position {end} is not between {self._position} and {len(self._data)}"
            )
        self._position, self._tag_at = end, None

    def has_more_data(self) -> bool:
        """Whether there is another byte."""
        return self._position < len(self._data)

    @property
    def position(self) -> int:
        """Bytes taken so far."""
        return self._position

    def _take(self, wanted: Tag) -> Tuple[int, int]:
        """Where the content of the next item starts and ends, which is taken."""
        at = self._position if self._tag_at is None else self._tag_at
        tag, start, stop = _decode.header(self._data, at, len(self._data))
        if (tag & 0x1F if wanted is Tag.SEQUENCE else tag) != wanted:
            raise RecordError(f"Expected {wanted.name} tag, got {tag}", at)
        self._position, self._tag_at = stop, None
        return start, stop
