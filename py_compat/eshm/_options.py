"""What a channel can be opened with from release 1.3 of the library on, and what it tells of itself."""

from __future__ import annotations

import ctypes
import sys
import time
from operator import index
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from ._arguments import u32
from ._library import load, optional
from ._types import TIMEOUT_INFINITE, ESHMConfig, ESHMLogLevel, ESHMOptions, ESHMRole

_INIT: Dict[str, Tuple[Any, Any]] = {
    "eshm_init_ex": (ctypes.c_void_p, [ctypes.POINTER(ESHMConfig), ctypes.POINTER(ESHMOptions)])
}
_CAPACITY: Dict[str, Tuple[Any, Any]] = {"eshm_capacity": (ctypes.c_size_t, [ctypes.c_void_p])}
_VERSION: Dict[str, Tuple[Any, Any]] = {"eshm_version": (ctypes.c_char_p, [])}
_LAST_ERROR: Dict[str, Tuple[Any, Any]] = {"eshm_last_error": (ctypes.c_char_p, [])}

_SPIN_ADAPTIVE = 0xFFFFFFFF
# Ctrl-C is seen between calls of the library, and between two looks for the segment's file.
_LOOK_S = 0.005
_SLICE_MS = 1000


def version() -> str:
    """The native library's release, ``"1.3.0"`` for instance. Raises RuntimeError if it is older and does not tell."""
    text: bytes = optional(load(), _VERSION).eshm_version()
    return text.decode()


def last_error(library: ctypes.CDLL) -> str:
    """Why this thread's last call that failed did so; empty if the library is older and does not tell."""
    try:
        text: bytes = optional(library, _LAST_ERROR).eshm_last_error()
    except RuntimeError:
        return ""
    return text.decode(errors="replace")


def capacity(library: ctypes.CDLL, handle: Optional[ctypes.c_void_p]) -> int:
    """Bytes of the largest message; 0 for a handle that is closed or a forked child's. Raises as :func:`version`."""
    size: int = optional(library, _CAPACITY).eshm_capacity(handle)
    return size


def options_of(
    *,
    capacity: int = 0,
    exact_capacity: bool = False,
    mode: int = 0,
    wait_for_master_ms: int = 0,
    first_value: bool = False,
    huge_pages: bool = False,
    prefault: bool = False,
    spin_us: Optional[int] = None,
    log_level: Optional[ESHMLogLevel] = None,
) -> Optional[ESHMOptions]:
    """The options as C gets them; None if all are the defaults, which any library has."""
    if not 0 <= index(capacity) <= sys.maxsize:
        raise ValueError(f"capacity must be 0 to {sys.maxsize}, not {capacity}")
    options = ESHMOptions(
        ctypes.sizeof(ESHMOptions),
        capacity,
        u32("mode", mode),
        u32("wait_for_master_ms", wait_for_master_ms),
        _SPIN_ADAPTIVE if spin_us is None else u32("spin_us", spin_us),
        ESHMLogLevel.DEFAULT if log_level is None else ESHMLogLevel(log_level),
        bool(exact_capacity),
        bool(first_value),
        bool(huge_pages),
        bool(prefault),
    )
    defaults = ESHMOptions(ctypes.sizeof(ESHMOptions), spin_us=_SPIN_ADAPTIVE)
    return None if bytes(options) == bytes(defaults) else options


def open_channel(library: ctypes.CDLL, config: ESHMConfig, options: Optional[ESHMOptions]) -> Optional[int]:
    """The address of an open handle, or None. Raises RuntimeError if the library is too old for options."""
    if options is None:
        address: Optional[int] = library.eshm_init(ctypes.byref(config))
        return address
    init = optional(library, _INIT).eshm_init_ex
    wait_ms: int = options.wait_for_master_ms
    if config.role != ESHMRole.SLAVE or not wait_ms:
        address = init(ctypes.byref(config), ctypes.byref(options))
        return address
    file = Path("/dev/shm/eshm_" + config.shm_name.decode("utf-8", "surrogateescape").replace("/", "_"))
    end = float("inf") if wait_ms == TIMEOUT_INFINITE else time.monotonic() + wait_ms / 1000
    while True:
        while not file.exists() and time.monotonic() < end:
            time.sleep(_LOOK_S)
        # The file may be what a dead master left: the library waits for a live one, in calls this short.
        options.wait_for_master_ms = int(max(1, min(_SLICE_MS, (end - time.monotonic()) * 1000)))
        address = init(ctypes.byref(config), ctypes.byref(options))
        if address or time.monotonic() >= end or not _is_patient(last_error(library)):
            return address


def _is_patient(reason: str) -> bool:
    """Whether a refusal is for want of a master alone."""
    return reason.startswith(("there is no such segment", "its master is gone", "the file is no segment"))
