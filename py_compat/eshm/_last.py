"""The end of the interpreter. Channels close last: after the functions that a program has registered with `atexit`, and after
its objects' finalizers, any of which may still write."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Callable, Dict, Hashable, List

#: By a key of its own, what closes each channel that is open.
open_channels: Dict[Hashable, Callable[[], None]] = {}
#: What must be over before the interpreter begins to end: from then on no thread but this one may run Python code.
_before: List[Callable[[], None]] = []


class _Last:
    """Held by the module `sys`, which the interpreter clears after all modules of the program. Modules are empty by then, so
    all that this needs it holds itself. Most channels are closed before, by their last references; here are those that a
    daemon thread, say, still has."""

    __slots__ = ("_collect", "_open")

    def __init__(self) -> None:
        self._collect = gc.collect
        self._open = open_channels

    def __del__(self) -> None:
        self._collect()  # what something in `sys` kept, a hook for exceptions say: its finalizers run now
        for close in [*self._open.values()]:
            close()


# The interpreter drops names that begin with one underscore first, others in the order they came.
setattr(sys, "__eshm_last__", _Last())


def before_the_end(stop: Callable[[], None]) -> None:
    """Has `stop` called as the interpreter ends, after all functions that were registered with `atexit` since the import."""
    _before.append(stop)


@atexit.register
def _run_before() -> None:
    for stop in _before:
        stop()
