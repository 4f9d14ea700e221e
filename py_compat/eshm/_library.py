"""Loading the native library, and the life of its handles."""

from __future__ import annotations

import ctypes
import functools
import operator
import threading
import weakref
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ._find import library_path
from ._last import close_last, open_channels
from ._types import ESHMConfig, ESHMStats

HANDLE = ctypes.c_void_p
_END = compile("", "eshm", "exec")
_PROTOTYPES = {  # name: (result, arguments)
    "eshm_init": (HANDLE, [ctypes.POINTER(ESHMConfig)]),
    "eshm_destroy": (ctypes.c_int, [HANDLE]),
    # None: these two are called for each message, and ctypes takes longer to check arguments than
    # they take to run. Their caller passes (void*, const void*, size_t) and (void*, void*, size_t,
    # size_t*, uint32_t) as ctypes objects.
    "eshm_write": (ctypes.c_int, None),
    "eshm_read_ex": (ctypes.c_int, None),
    "eshm_check_remote_alive": (ctypes.c_int, [HANDLE, ctypes.POINTER(ctypes.c_bool)]),
    "eshm_get_stats": (ctypes.c_int, [HANDLE, ctypes.POINTER(ESHMStats)]),
    "eshm_get_role": (ctypes.c_int, [HANDLE, ctypes.POINTER(ctypes.c_int)]),
    "eshm_error_string": (ctypes.c_char_p, [ctypes.c_int]),
    "eshm_set_wakeup_mode": (ctypes.c_int, [HANDLE, ctypes.c_int]),
    "eshm_get_wakeup_mode": (ctypes.c_int, [HANDLE, ctypes.POINTER(ctypes.c_int)]),
}


@functools.lru_cache(maxsize=None)
def load() -> ctypes.CDLL:
    """The native library with its prototypes declared, loaded once a process.

    Raises:
        RuntimeError: it cannot be found or loaded, or is something else.
    """
    path = library_path()
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(f"{path} cannot be loaded: {error}") from None
    for name, (result, arguments) in _PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise RuntimeError(
                f"{path} has no function {name}: not a libeshm of release 1.1 or later"
            ) from None
        function.restype, function.argtypes = result, arguments
    return library


def optional(library: ctypes.CDLL, prototypes: Mapping[str, Tuple[Any, List[Any]]]) -> ctypes.CDLL:
    """The library with the prototypes of functions declared that not every release has.

    Raises:
        RuntimeError: this one has not.
    """
    for name, (result, arguments) in prototypes.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise RuntimeError(
                f"{library._name} has no function {name}: a libeshm too old for this"
            ) from None
        function.restype, function.argtypes = result, arguments
    return library


class Handle(ctypes.c_void_p):
    """An ``ESHMHandle*``, destroyed with the last reference to it, or by the end of the
    interpreter.

    ctypes keeps a reference to the arguments of a running call. So whoever drops the handle, and
    whatever other threads are doing, no call ever runs on a freed one, and calls need neither a
    lock nor a count for that.
    """

    def __init__(self, destroy: Callable[[int], Any]) -> None:
        super().__init__()
        self.open = threading.Lock()
        """Held until the handle is destroyed. (A lock, not an Event: it has no state that a fork
        could tear.)"""
        self.open.acquire()
        self._addresses: List[Optional[int]] = []
        # Told of by a weak reference to an object that the garbage collector does not look at, as
        # code objects are: it ends when it is freed. A finalizer would run beside those of the
        # program's objects, which may still want to write.
        self._end = _END.replace(co_name=f"handle {id(self)}")
        key = ("handle", id(self))
        self._destroy = _once(
            functools.partial(list, map(destroy, filter(None, self._addresses))),
            self.open.release,
            functools.partial(open_channels.pop, key, None),
        )
        ended = weakref.ref(self._end, self._destroy)
        close_last(key, functools.partial(self._destroy, ended))

    def obtain(self, function: Callable[..., Optional[int]], *arguments: object) -> bool:
        """Becomes what the function of the library gives. False if that is NULL."""
        # Call and keeping are one step, with no line of Python between, where a signal handler
        # could raise.
        self._addresses.extend(map(function, *([argument] for argument in arguments)))
        self.value = self._addresses[0]
        return self.value is not None

    def destroy(self) -> None:
        """Destroys it now. No call may be running on it."""
        self._destroy(None)


def _once(*steps: Callable[[], object]) -> Callable[[object], object]:
    """A callback that takes the steps in turn, and only once. All are functions of C, and so is all
    of this: what a signal handler raises in a line of Python in a callback would be lost, and the
    steps after it with it."""
    calls = [functools.partial(step) for step in steps]
    return functools.partial(functools.reduce, operator.is_, map(functools.partial.__call__, calls))
