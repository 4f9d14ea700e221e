"""Exchange of newest values between two Linux processes over POSIX shared memory.

    from eshm import ESHM, ESHMRole

    with ESHM("robot", role=ESHMRole.MASTER) as channel:
        channel.write(b"hello\\0")            # C and C++ peers expect a NUL at a string's end
        reply = channel.read(timeout_ms=500)  # bytes; TimeoutError if nothing new came

Each direction holds one message, the newest: a write replaces an unread one.

    channel.readinto(buffer)                    # into a bytearray, a numpy array, ...; its size
    channel.read_array(float, 3)                # a numpy array; one can be written as it is
    channel.try_read()                          # None if nothing is new
    channel.write_data({"speed": 1.5})          # a record: named, typed values
    channel.read_data()                         # such a one as a dict

The work is done by the native module, where that was built, or by ``libeshm.so`` over ctypes, found
by :func:`library_path`: :attr:`ESHM.backend` says which. This package needs the standard library
alone. Modules :mod:`eshm.rpc` (named calls and events), :mod:`eshm.eshm_data` and
:mod:`eshm.data_handler` (records) are part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from ._channel import ESHM
from ._errors import (
    ESHMBufferTooSmall,
    ESHMClosed,
    ESHMException,
    ESHMFailed,
    ESHMNoData,
    ESHMOpenFailed,
    ESHMStale,
    ESHMTimeout,
)
from ._find import library_path
from ._options import version
from ._types import (
    TIMEOUT_INFINITE,
    ESHMConfig,
    ESHMDisconnectBehavior,
    ESHMError,
    ESHMLogLevel,
    ESHMOptions,
    ESHMRole,
    ESHMStats,
    ESHMWakeupMode,
)

from .data_handler import DataHandler, DataItem, DataType

if TYPE_CHECKING:
    from .aio import AsyncESHM

__version__ = "1.3.0"  # the crate's

__all__ = [
    "AsyncESHM",
    "DataHandler",
    "DataItem",
    "DataType",
    "ESHM",
    "ESHMBufferTooSmall",
    "ESHMClosed",
    "ESHMConfig",
    "ESHMDisconnectBehavior",
    "ESHMError",
    "ESHMException",
    "ESHMFailed",
    "ESHMLogLevel",
    "ESHMNoData",
    "ESHMOpenFailed",
    "ESHMOptions",
    "ESHMRole",
    "ESHMStale",
    "ESHMStats",
    "ESHMTimeout",
    "ESHMWakeupMode",
    "TIMEOUT_INFINITE",
    "library_path",
    "version",
]


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # asyncio takes longer to import than all of this package: only for those who use it.
    if name == "AsyncESHM":
        from .aio import AsyncESHM

        return AsyncESHM
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
