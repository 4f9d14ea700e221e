"""The end of the interpreter. Channels close last: after the functions that a program has
registered with `atexit`, and after its objects' finalizers, any of which may still write."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from typing import Any, Callable, Dict, Hashable, List

#: By a key of its own, what closes each channel that is open.
open_channels: Dict[Hashable, Callable[[], object]] = {}
#: What must be over before the interpreter begins to end: from then on no thread but this one may
#: run Python code.
_before: List[Callable[[], None]] = []


class _Last:
    """Held by the module `sys`, which the interpreter clears after all modules of the program.
    Modules are empty by then, so all that this needs it holds itself; so do writes of bytes, and
    the native back end, but over ctypes not all of what can fail. Most channels are closed before,
    by their last references; here are those that a daemon thread, say, still has."""

    __slots__ = ("_collect", "_open")

    def __init__(self) -> None:
        self._collect = gc.collect
        self._open = open_channels

    def __del__(self) -> None:
        # What something in `sys` kept, a hook for exceptions say: its finalizers run now.
        self._collect()
        for close in [*self._open.values()]:
            close()


# The interpreter drops names that begin with one underscore first, others in the order they came.
setattr(sys, "__eshm_last__", _Last())


def before_the_end(stop: Callable[[], None]) -> None:
    """Has `stop` called as the interpreter ends, after all functions that were registered with
    `atexit` since the import."""
    _before.append(stop)


@atexit.register
def _run_before() -> None:
    for stop in _before:
        stop()
    # Behind the attributes that the program has given `sys` meanwhile: what they hold may still
    # write.
    names = vars(sys)
    names["__eshm_last__"] = names.pop("__eshm_last__")


def close_last(key: Hashable, close: Callable[[], object]) -> None:
    """Has `close` called at the end, unless it is taken from :data:`open_channels` before."""
    open_channels[key] = close
    _close_in_child()


#: What multiprocessing calls at the end of this process, and the process that it was registered in.
_finalizer: Any = None
_finalizer_pid = 0


def _close_in_child() -> None:
    """A child of multiprocessing that was forked leaves by `os._exit`: nothing is cleared then, and
    before Python 3.13 not even the functions of `atexit` are called. It does call the finalizers of
    `multiprocessing.util`, ours after all others."""
    global _finalizer, _finalizer_pid
    finalize = getattr(sys.modules.get("multiprocessing.util"), "Finalize", None)
    if finalize is None or _finalizer_pid == os.getpid() and _finalizer.still_active():
        return
    _finalizer = finalize(None, _end_of_child, exitpriority=-sys.maxsize)
    _finalizer_pid = os.getpid()


def _end_of_child() -> None:
    multiprocessing: Any = sys.modules["multiprocessing"]
    if multiprocessing.parent_process() is None or multiprocessing.get_start_method() == "spawn":
        return  # this interpreter ends as every program's does
    # What multiprocessing does a moment later before Python 3.13, and has done since: threads may
    # use channels until they end.
    threading._shutdown()  # type: ignore[attr-defined]
    _run_before()
    # Daemon threads still run, and are told that their channels are closed.
    threading.excepthook = _silent
    for close in [*open_channels.values()]:
        close()


def _silent(_: object) -> None:
    pass
