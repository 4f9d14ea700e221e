"""Exchange of newest values between two Linux processes over POSIX shared memory.

    from eshm import ESHM, ESHMRole

    with ESHM("robot", role=ESHMRole.MASTER) as channel:
        channel.write(b"hello\\0")              # C and C++ peers expect a NUL at the end of a string
        reply = channel.read(timeout_ms=500)    # bytes; TimeoutError if nothing new came

Each direction holds one message, the newest: a write replaces an unread one. The work is done by the
native library (``libeshm.so``), found by :func:`library_path`; this package needs the standard library alone.
"""

from ._channel import ESHM
from ._library import library_path
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

__all__ = [
    "ESHM",
    "ESHMConfig",
    "ESHMDisconnectBehavior",
    "ESHMError",
    "ESHMLogLevel",
    "ESHMOptions",
    "ESHMRole",
    "ESHMStats",
    "ESHMWakeupMode",
    "TIMEOUT_INFINITE",
    "library_path",
    "version",
]
