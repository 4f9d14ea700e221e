"""Where the native libraries are looked for.

A library that is loaded runs its code. So an installed package takes no file from a place that
other users can write to, and a checkout none that other users can change.
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from ._trust import distrust

# resolve(), because scripts reach this package through a symbolic link.
_PACKAGE = Path(__file__).resolve().parent
# By its full name: in the folders of PATH anybody's program may have it.
_LDCONFIG = ("/sbin/ldconfig", "/usr/sbin/ldconfig")
_AT_SECURE = 23


def library_path(name: str = "eshm") -> Path:
    """The file of the native library ``lib<name>.so`` or ``lib<name>.so.1``.

    An environment variable comes first, ``ESHM_LIB`` for ``eshm``, ``ESHM_DATA_LIB`` for
    ``eshm_data`` and so on: it names the file itself. Other libraries than ``eshm`` are then looked
    for beside the file that ``ESHM_LIB`` names. Then come

    - in a checkout, the build tree (``build/lib`` and ``build`` beside this package's parent);
    - the package itself, where a wheel has the library;
    - the system's library directories and the loader's cache (``ldconfig -p``).

    A library in the build tree is passed over, and what follows is looked at, where it, a folder on
    the way to it, or what a symbolic link leads to

    - belongs to another user than root, who runs this, and the owner of this package;
    - can be written to by every user, but for folders that are sticky, as ``/tmp``;
    - can be written to by a group other than root's and the primary group of its owner or of who
      runs this.

    Whoever can write to this package counts as its owner here. A RuntimeWarning, or the error if
    there is no other library, names the path, its owner and mode, and the cure. No other place is
    examined so: the package and the system's directories are the administrator's, and the variable
    is the choice of who runs this.

    Raises:
        RuntimeError: it is nowhere; or the variable names a file that does not exist; or the
            variable is set by somebody who has fewer rights than this program (setuid, file
            capabilities), and Python ignores its own variables too.

    >>> library_path().name.startswith("libeshm.so")
    True
    """
    chosen = _from_environment(name)
    if chosen is not None:
        return chosen

    file_names = (f"lib{name}.so", f"lib{name}.so.1")
    tree = _build_tree()
    directories = [*tree, _PACKAGE, *_system_directories()]
    if name != "eshm" and os.environ.get("ESHM_LIB") and not _is_privileged():
        directories.insert(0, Path(os.environ["ESHM_LIB"]).absolute().parent)
    passed_over: List[str] = []
    for path in (directory / file_name for directory in directories for file_name in file_names):
        if not path.is_file():
            continue
        reason = distrust(path, _PACKAGE) if path.parent in tree else None
        if reason is None:
            return _warned(path, passed_over)
        variable = f"{name.upper()}_LIB"
        passed_over.append(f"{path} is passed over: {reason}, or name the file in {variable}")
    for path in _cached_by_loader(file_names):
        if path.is_file():
            return _warned(path, passed_over)

    cure = "install the wheel of eshm, or libeshm1"
    if tree:
        cure = f"build it with {_PACKAGE.parent / 'build_shared_lib.sh'}"
    raise RuntimeError(
        f"lib{name}.so was not found in {', '.join(map(str, directories))} or by ldconfig; "
        + "".join(f"{text}; " for text in passed_over)
        + f"{cure}, or name the file in the environment variable {name.upper()}_LIB"
    )


def _warned(path: Path, passed_over: List[str]) -> Path:
    for text in passed_over:
        warnings.warn(f"{text}; {path} is taken", RuntimeWarning, stacklevel=3)
    return path


def _from_environment(name: str) -> Optional[Path]:
    variable = f"{name.upper()}_LIB"
    chosen = os.environ.get(variable)
    if not chosen:
        return None
    if _is_privileged():
        raise RuntimeError(
            f"{variable} is set, and this program has more rights than whoever started it: unset it"
        )
    path = Path(chosen).absolute()  # a bare file name would make the loader search elsewhere
    if not path.is_file():
        raise RuntimeError(f"{variable} names {chosen!r}, where there is no library file")
    return path


def _is_privileged() -> bool:
    """Whether the environment has no say: in a setuid program, or one with file capabilities.

    Where Python follows its own variables (``PYTHONPATH``), who sets them runs code anyway, and may
    choose a library too.
    """
    if not sys.flags.ignore_environment:
        return False
    getauxval = ctypes.CDLL(None).getauxval
    getauxval.restype, getauxval.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    return bool(getauxval(_AT_SECURE))


def _build_tree() -> List[Path]:
    """The build folders of a checkout; none for an installed or packed package.

    The mark of a checkout is in the folder that holds this package, which nobody else can write to:
    a one-file program unpacks itself to ``/tmp/_MEIxxxxxx``, and anything beside that folder may be
    another user's.
    """
    if not (_PACKAGE.parent / "build_shared_lib.sh").is_file():
        return []
    build = _PACKAGE.parent.parent / "build"
    return [build / "lib", build]


def _system_directories() -> List[Path]:
    triplet = getattr(sys.implementation, "_multiarch", "")
    directories = []
    for prefix in ("/usr/local/lib", "/usr/lib", "/lib"):
        if triplet:
            directories.append(Path(prefix, triplet))
        directories += [Path(prefix + "64"), Path(prefix)]
    return directories


def _cached_by_loader(file_names: Tuple[str, ...]) -> Iterator[Path]:
    """Entries of the loader's cache, which look like
    ``libeshm.so.1 (libc6,x86-64) => /opt/lib/libeshm.so.1``."""
    listing = ""
    for ldconfig in _LDCONFIG:
        try:
            # Without the environment: a packed program's LD_LIBRARY_PATH is for its own libraries.
            listing = subprocess.run(
                [ldconfig, "-p"], env={}, capture_output=True, text=True, timeout=10
            ).stdout
            break
        except (OSError, subprocess.SubprocessError):
            continue
    architecture = {"x86_64": "x86-64", "aarch64": "AArch64"}.get(platform.machine(), "")
    for line in listing.splitlines():
        entry, arrow, path = line.strip().partition(" => ")
        if arrow and entry.split(" ")[0] in file_names and architecture in entry:
            yield Path(path)
