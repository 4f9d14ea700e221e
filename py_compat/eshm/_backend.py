"""Which back end does the work: the native module, with the library linked in, or ctypes with
``libeshm.so``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Optional, Type

from ._ctypes_channel import CtypesChannel

BACKENDS = ("native", "ctypes")


def _from_environment() -> Optional[str]:
    chosen = os.environ.get("ESHM_PYTHON_BACKEND") or None
    if chosen not in (None, *BACKENDS):
        raise RuntimeError(f"ESHM_PYTHON_BACKEND is {chosen!r}, not one of {', '.join(BACKENDS)}")
    return chosen


def _native_channel() -> "Optional[Type[Any]]":
    """The native module's class; None where it is not wanted or not to be had, and then `missing`
    says why."""
    global missing
    if _from_environment() == "ctypes":
        missing = "ESHM_PYTHON_BACKEND is 'ctypes'"
    elif sys.version_info < (3, 11):
        missing = "it needs Python 3.11"
    else:
        try:
            from ._native import Channel, is_main_interpreter

            if is_main_interpreter():
                return Channel
            missing = "this is a subinterpreter"
        except ImportError as error:  # most often not built
            missing = str(error)
    if _from_environment() == "native":
        raise RuntimeError(
            f"ESHM_PYTHON_BACKEND is 'native', and the native module cannot be loaded: {missing}"
        )
    return None


#: Why there is no native module here.
missing = ""
NativeChannel = _native_channel()

# What ESHM is derived from, so that its calls are the back end's own with nothing between.
if TYPE_CHECKING:
    Calls = CtypesChannel  # the same methods
else:
    Calls = NativeChannel or CtypesChannel


def choose(asked: Optional[str]) -> str:
    """The back end for a channel: asked for, or by the environment, or the native one where it can
    serve.

    Raises:
        RuntimeError: the one asked for is not to be had.
        ValueError: there is none of this name.
    """
    chosen = asked or _from_environment()
    if chosen is None:
        # Who names a library's file wants that library.
        return "ctypes" if NativeChannel is None or os.environ.get("ESHM_LIB") else "native"
    if chosen not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {chosen!r}")
    if chosen == "native" and NativeChannel is None:
        raise RuntimeError(f"there is no native module: {missing}")
    return chosen
