"""Arguments from Python, checked where ctypes would cut or misread them."""

from __future__ import annotations

import sys
from enum import IntEnum
from operator import index
from typing import Type

from ._errors import ESHMOpenFailed, open_failed
from ._types import ESHMError

MAX_NAME_BYTES = 249


def _refused(name: str, reason: str) -> ESHMOpenFailed:
    error = open_failed(f"Failed to initialize ESHM {name!r}: {reason}", ESHMError.INVALID_PARAM)
    error.reason = reason
    return error


def encoded_name(name: str, most: int = MAX_NAME_BYTES) -> bytes:
    """A channel's name as C gets it; RuntimeError for one that no channel can have."""
    if not isinstance(name, str):
        raise TypeError(f"shm_name must be str, not {type(name).__name__}")
    # surrogateescape: a name that came from the file system or the command line goes back as it
    # was.
    try:
        encoded = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _refused(name, str(error)) from None
    if not 1 <= len(encoded) <= most:
        raise _refused(name, f"a name has 1 to {most} bytes, not {len(encoded)}")
    if b"\0" in encoded:  # C would see the part before it, another channel
        raise _refused(name, "a name holds no NUL byte")
    return encoded


def known(kind: Type[IntEnum], what: str, value: int, name: str) -> int:
    """A value of one of the C enums; RuntimeError for another number, TypeError for none."""
    try:
        return kind(index(value))
    except TypeError:
        raise TypeError(f"{what} must be an {kind.__name__}, not {type(value).__name__}") from None
    except ValueError:
        raise _refused(name, f"unknown {what} {value!r}") from None


def u32(what: str, value: int) -> int:
    """A 32-bit number; ValueError for one out of range."""
    value = index(value)  # ctypes would silently cut a number to 32 bits
    if not 0 <= value <= 0xFFFFFFFF:
        raise ValueError(f"{what} must be 0 to {0xFFFFFFFF}, not {value}")
    return value


def size(what: str, value: int) -> int:
    """Bytes of memory; ValueError for a number out of range."""
    value = index(value)
    if not 0 <= value <= sys.maxsize:
        raise ValueError(f"{what} must be 0 to {sys.maxsize}, not {value}")
    return value
