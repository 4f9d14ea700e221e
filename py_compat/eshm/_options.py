"""What a channel can be opened with from release 1.3 of the library on, and what it tells of
itself."""

from __future__ import annotations

import ctypes
import os
import select
import sys
from operator import index
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from ._arguments import u32
from ._countdown import Countdown
from ._errors import ESHMOpenFailed
from ._library import Handle, load, optional
from ._settings import Settings
from ._types import TIMEOUT_INFINITE, ESHMConfig, ESHMLogLevel, ESHMOptions, ESHMRole

_INIT: Dict[str, Tuple[Any, Any]] = {
    "eshm_init_ex": (ctypes.c_void_p, [ctypes.POINTER(ESHMConfig), ctypes.POINTER(ESHMOptions)])
}
_CAPACITY: Dict[str, Tuple[Any, Any]] = {"eshm_capacity": (ctypes.c_size_t, [ctypes.c_void_p])}
_GIVEN_UP: Dict[str, Tuple[Any, Any]] = {"eshm_has_given_up": (ctypes.c_bool, [ctypes.c_void_p])}
_VERSION: Dict[str, Tuple[Any, Any]] = {"eshm_version": (ctypes.c_char_p, [])}
_LAST_ERROR: Dict[str, Tuple[Any, Any]] = {"eshm_last_error": (ctypes.c_char_p, [])}

MOST_BYTES = 1 << 30  # no channel has more
_SPIN_ADAPTIVE = 0xFFFFFFFF
# Ctrl-C is seen between calls of the library, and between two looks for the segment's file.
LOOK_S = 0.005
_SLICE_MS = 1000
# How a refusal for want of a master alone begins.
_PATIENT = ("there is no such segment", "its master is gone", "the file is no segment")


def version() -> str:
    """The native library's release, ``"1.3.0"`` for instance. Raises RuntimeError if it is older
    and does not tell.

    >>> version().split(".")[0]
    '1'
    """
    text: bytes = optional(load(), _VERSION).eshm_version()
    return text.decode()


def last_error(library: ctypes.CDLL) -> str:
    """Why this thread's last call that failed did so; empty if the library is older and does not
    tell."""
    try:
        text: bytes = optional(library, _LAST_ERROR).eshm_last_error()
    except RuntimeError:
        return ""
    return text.decode(errors="replace")


def given_up(library: ctypes.CDLL) -> Optional[Callable[[Optional[ctypes.c_void_p]], bool]]:
    """What tells whether a slave looks for its master no longer; None if the library is older."""
    try:
        ask: Callable[[Optional[ctypes.c_void_p]], bool] = optional(
            library, _GIVEN_UP
        ).eshm_has_given_up
    except RuntimeError:
        return None
    return ask


def capacity(library: ctypes.CDLL, handle: Optional[ctypes.c_void_p]) -> int:
    """Bytes of the largest message; 0 for a handle that is closed or a forked child's. Raises as
    :func:`version`."""
    size: int = optional(library, _CAPACITY).eshm_capacity(handle)
    return size


class Options(NamedTuple):
    """Checked options, in the order of the C structure ``ESHMOptions``; the native module takes
    them in the same one."""

    capacity: int
    mode: int
    wait_for_master_ms: int
    spin_us: int
    log_level: int
    exact_capacity: bool
    first_value: bool
    huge_pages: bool
    prefault: bool

    @classmethod
    def checked(
        cls,
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
    ) -> "Optional[Options]":
        """From the arguments of :class:`eshm.ESHM`; None if all are the defaults, which any library
        has."""
        if not 0 <= index(capacity) <= sys.maxsize:
            raise ValueError(f"capacity must be 0 to {sys.maxsize}, not {capacity}")
        options = cls(
            index(capacity),
            u32("mode", mode),
            u32("wait_for_master_ms", wait_for_master_ms),
            _SPIN_ADAPTIVE if spin_us is None else u32("spin_us", spin_us),
            ESHMLogLevel.DEFAULT if log_level is None else ESHMLogLevel(log_level),
            bool(exact_capacity),
            bool(first_value),
            bool(huge_pages),
            bool(prefault),
        )
        return (
            None
            if options
            == (0, 0, 0, _SPIN_ADAPTIVE, ESHMLogLevel.DEFAULT, False, False, False, False)
            else options
        )

    def is_out_of_range(self) -> bool:
        """Whether the library refuses it whatever there is."""
        return self.capacity > MOST_BYTES or self.mode > 0o777


def init(
    library: ctypes.CDLL, handle: Handle, config: ESHMConfig, options: Optional[Options]
) -> bool:
    """Opens the handle. False if the library refuses. Raises RuntimeError if it is too old for
    options."""
    if options is None:
        return handle.obtain(library.eshm_init, ctypes.byref(config))
    in_c = ESHMOptions(ctypes.sizeof(ESHMOptions), *options)
    return handle.obtain(
        optional(library, _INIT).eshm_init_ex, ctypes.byref(config), ctypes.byref(in_c)
    )


def open_patiently(
    open_once: "Callable[[Settings, Optional[Options]], None]",
    settings: Settings,
    options: Optional[Options],
) -> None:
    """Opens with `open_once`, which raises ESHMOpenFailed with the reason; waits for a master in
    calls of it so short that Ctrl-C is seen between them."""
    if options is None or settings.role != ESHMRole.SLAVE or not options.wait_for_master_ms:
        open_once(settings, options)
        return
    if options.is_out_of_range():
        open_once(settings, options._replace(wait_for_master_ms=0))  # raises
    wait_ms = options.wait_for_master_ms
    file = file_of(settings.name)
    countdown = Countdown(float("inf") if wait_ms == TIMEOUT_INFINITE else wait_ms)
    while True:
        while not file.exists() and countdown.left_ms() > 0:
            _rest(LOOK_S)
            countdown.passed(LOOK_S * 1000)
        # The file may be what a dead master left: the library waits for a live one.
        slice_ms = slice_of(countdown.left_ms() / 1000)
        try:
            open_once(settings, options._replace(wait_for_master_ms=slice_ms))
            return
        except ESHMOpenFailed as error:
            if not wants_a_master(error):
                raise
            countdown.passed(slice_ms)
            if countdown.left_ms() <= 0:
                raise


def _rest(seconds: float) -> None:
    """As time.sleep(), which waits for an instant of the clock and not for a while."""
    select.select([], [], [], seconds)


def file_of(name: bytes) -> Path:
    """The file of a channel's segment."""
    return Path("/dev/shm/eshm_" + os.fsdecode(name).replace("/", "_"))


def slice_of(left_s: float) -> int:
    """How long the library waits at a time."""
    return int(max(1, min(_SLICE_MS, left_s * 1000)))


def wants_a_master(error: ESHMOpenFailed) -> bool:
    """Whether it was refused for want of a master alone."""
    return error.reason.startswith(_PATIENT)
