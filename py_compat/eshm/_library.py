"""Finding and loading the native library, and the life of its handles."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import subprocess
import sysconfig
import threading
import weakref
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping, Optional, Tuple

from ._last import open_channels
from ._types import ESHMConfig, ESHMStats

# resolve(), because scripts reach this package through a symbolic link.
_REPOSITORY = Path(__file__).resolve().parents[2]
_BUILD_DIRECTORIES = (_REPOSITORY / "build" / "lib", _REPOSITORY / "build")
# A wheel has the library within the package.
_BUNDLED = Path(__file__).resolve().parent

HANDLE = ctypes.c_void_p
_END = compile("", "eshm", "exec")
_PROTOTYPES = {  # name: (result, arguments)
    "eshm_init": (HANDLE, [ctypes.POINTER(ESHMConfig)]),
    "eshm_destroy": (ctypes.c_int, [HANDLE]),
    # None: these two are called for each message, and ctypes takes longer to check arguments than they take to run.
    # Their caller passes (void*, const void*, size_t) and (void*, void*, size_t, size_t*, uint32_t) as ctypes objects.
    "eshm_write": (ctypes.c_int, None),
    "eshm_read_ex": (ctypes.c_int, None),
    "eshm_check_remote_alive": (ctypes.c_int, [HANDLE, ctypes.POINTER(ctypes.c_bool)]),
    "eshm_get_stats": (ctypes.c_int, [HANDLE, ctypes.POINTER(ESHMStats)]),
    "eshm_get_role": (ctypes.c_int, [HANDLE, ctypes.POINTER(ctypes.c_int)]),
    "eshm_error_string": (ctypes.c_char_p, [ctypes.c_int]),
    "eshm_set_wakeup_mode": (ctypes.c_int, [HANDLE, ctypes.c_int]),
    "eshm_get_wakeup_mode": (ctypes.c_int, [HANDLE, ctypes.POINTER(ctypes.c_int)]),
}


def library_path(name: str = "eshm") -> Path:
    """The file of the native library ``lib<name>.so``.

    Looked for in this order: the environment variable ``ESHM_LIB`` (the file itself; ``ESHM_DATA_LIB``, ``ESHM_CUDA_LIB`` for
    ``eshm_data``, ``eshm_cuda``), beside the file that ``ESHM_LIB`` names, for the other libraries, the build tree
    beside this package, the package itself, where a wheel has it, the system's library directories, the loader's cache
    (``ldconfig -p``).

    Raises:
        RuntimeError: it is nowhere, or the environment names a file that does not exist.

    >>> library_path().name.startswith("libeshm.so")
    True
    """
    variable = f"{name.upper()}_LIB"
    chosen = os.environ.get(variable)
    if chosen:
        path = Path(chosen).absolute()  # a bare file name would make the loader search elsewhere
        if not path.is_file():
            raise RuntimeError(f"{variable} names {chosen!r}, where there is no library file")
        return path

    file_names = (f"lib{name}.so", f"lib{name}.so.1")
    main = os.environ.get("ESHM_LIB")
    beside = [Path(main).absolute().parent] if main else []
    directories = [*beside, *_BUILD_DIRECTORIES, _BUNDLED, *_system_directories()]
    for directory in directories:
        for file_name in file_names:
            if (directory / file_name).is_file():
                return directory / file_name
    for path in _cached_by_loader(file_names):
        if path.is_file():
            return path
    raise RuntimeError(
        f"lib{name}.so was not found in {', '.join(map(str, directories))} or by ldconfig; "
        f"build it with build_shared_lib.sh, or name the file in the environment variable {variable}"
    )


def _system_directories() -> List[Path]:
    triplet = sysconfig.get_config_var("MULTIARCH")
    directories = []
    for prefix in ("/usr/local/lib", "/usr/lib", "/lib"):
        if triplet:
            directories.append(Path(prefix, triplet))
        directories += [Path(prefix + "64"), Path(prefix)]
    return directories


def _cached_by_loader(file_names: Tuple[str, ...]) -> Iterator[Path]:
    """Entries of the loader's cache, which look like ``libeshm.so.1 (libc6,x86-64) => /opt/lib/libeshm.so.1``."""
    search = f"{os.environ.get('PATH', os.defpath)}:/sbin:/usr/sbin"  # a user's PATH seldom has ldconfig
    try:
        listing = subprocess.run(
            ["ldconfig", "-p"], env={**os.environ, "PATH": search}, capture_output=True, text=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return
    architecture = {"x86_64": "x86-64", "aarch64": "AArch64"}.get(platform.machine(), "")
    for line in listing.splitlines():
        entry, arrow, path = line.strip().partition(" => ")
        if arrow and entry.split(" ")[0] in file_names and architecture in entry:
            yield Path(path)


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
            raise RuntimeError(f"{path} has no function {name}: not a libeshm of release 1.1 or later") from None
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
            raise RuntimeError(f"{library._name} has no function {name}: a libeshm too old for this") from None
        function.restype, function.argtypes = result, arguments
    return library


class Handle(ctypes.c_void_p):
    """An open ``ESHMHandle*``, destroyed with the last reference to it, or by the end of the interpreter.

    ctypes keeps a reference to the arguments of a running call. So whoever drops the handle, and whatever other
    threads are doing, no call ever runs on a freed one, and calls need neither a lock nor a count for that.
    """

    def __init__(self, address: int, destroy: Callable[[int], Any]) -> None:
        super().__init__(address)
        self.open = threading.Lock()
        """Held until the handle is destroyed. (A lock, not an Event: it has no state that a fork could tear.)"""
        self.open.acquire()
        release = self.open.release
        # Told of by a weak reference to an object that the garbage collector does not look at, as code objects are: it ends
        # when it is freed. A finalizer would run beside those of the program's objects, which may still want to write.
        self._end = _END.replace(co_name=f"handle {address}")

        def close(_: object = None, forget: Callable[..., Any] = open_channels.pop) -> None:
            if forget(address, None) is not None:
                destroy(address)
                release()

        ended = weakref.ref(self._end, close)
        open_channels[address] = lambda ended=ended: ended.__callback__(None)  # type: ignore[misc]
