"""What the calls of a channel raise: subclasses of the exceptions that scripts catch, each with the
library's code."""

from __future__ import annotations

import re
from typing import Optional

from ._types import ESHMError


class ESHMException(Exception):
    """The base of what a channel raises, beside TypeError and ValueError for wrong arguments.

    >>> error = ESHMTimeout("Read timed out")
    >>> isinstance(error, ESHMException), isinstance(error, TimeoutError), error.code.name
    (True, True, 'TIMEOUT')
    """

    code: ESHMError = ESHMError.NOT_INITIALIZED
    """The library's code for it."""


class ESHMTimeout(ESHMException, TimeoutError):
    """A read's time passed and nothing new came."""

    code = ESHMError.TIMEOUT


class ESHMFailed(ESHMException, RuntimeError):
    """A call that failed; ``code`` tells why, as a subclass does for some reasons."""


class ESHMOpenFailed(ESHMFailed):
    """The channel could not be opened."""

    code = ESHMError.SHM_ATTACH
    reason = ""
    """The library's reason alone."""


class ESHMClosed(ESHMFailed):
    """The channel is closed."""


class ESHMNoData(ESHMFailed):
    """Nothing new, and the read was not to wait."""

    code = ESHMError.NO_DATA


class ESHMStale(ESHMFailed):
    """The master is gone, and the channel was opened with ESHMDisconnectBehavior.IMMEDIATELY."""

    code = ESHMError.MASTER_STALE


class ESHMBufferTooSmall(ESHMFailed):
    """The message is larger than the buffer, and stays readable; or too large to be written."""

    code = ESHMError.BUFFER_TOO_SMALL
    size: Optional[int] = None
    """Bytes that a read needs, where they are known."""


# Tracebacks call them by the names that programs catch them by.
for _class in (
    ESHMException,
    ESHMTimeout,
    ESHMFailed,
    ESHMOpenFailed,
    ESHMClosed,
    ESHMNoData,
    ESHMStale,
    ESHMBufferTooSmall,
):
    _class.__module__ = "eshm"

READ, READ_DATA = "Read failed", "Read data failed"
_CHANNEL = re.compile(r"channel '(?:[^'\\]|\\.)*': ")  # quotes in the name are escaped
_CLASSES = {cls.code: cls for cls in (ESHMNoData, ESHMStale, ESHMBufferTooSmall)}


def without_channel(reason: str) -> str:
    """The library's reason without the channel's name before it, where the exception has it already
    or never had."""
    named = _CHANNEL.match(reason)
    return reason[named.end() :] if named else reason


def open_failed(reason: str, code: int) -> ESHMOpenFailed:
    """The exception for a channel that cannot be opened."""
    reason = without_channel(reason)
    error = ESHMOpenFailed(reason)
    error.reason = reason
    error.code = ESHMError(code)
    return error


def failure(what: str, code: int, text: str, size: Optional[int] = None) -> ESHMException:
    """The exception for an error code of a call, with the library's reason. `what` is how scripts
    know the failure."""
    text = without_channel(text)
    if what == READ and code == ESHMError.TIMEOUT:
        return ESHMTimeout("Read timed out")
    known = ESHMError(code)
    if known is ESHMError.NO_DATA:
        return ESHMNoData("No data available")
    if known is ESHMError.BUFFER_TOO_SMALL and text.startswith("Buffer too small: "):
        text = text.replace(": ", " (", 1) + ")"  # what scripts know is a part of its own
    error = _CLASSES.get(known, ESHMFailed)(f"{what}: {text}")
    error.code = known
    if isinstance(error, ESHMBufferTooSmall):
        error.size = size
    return error


def failed(text: str, code: ESHMError) -> ESHMFailed:
    """An exception with this code."""
    error = ESHMFailed(text)
    error.code = code
    return error


def no_event_fd(reason: str) -> ESHMFailed:
    """The exception for a channel without an event descriptor."""
    return ESHMFailed(f"there is no event descriptor: {reason}")


def closed(channel: object) -> ESHMClosed:
    """The exception for any call on a closed channel, which knows how messages call it."""
    return ESHMClosed(f"{getattr(channel, '_shown', channel)} is closed")
