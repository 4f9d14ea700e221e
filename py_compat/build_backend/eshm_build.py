"""The build backend (PEP 517) of the package: maturin, and then what maturin does not do.

maturin builds a wheel with the native module, for Python 3.11 and later. Into it go libeshm.so, for
ctypes, and the modules that scripts import by top-level names; and as ctypes serves where the
native module does not, it is made a wheel for any Python 3.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional

import maturin
from maturin import (
    get_requires_for_build_editable,
    get_requires_for_build_wheel,
)  # noqa: F401  (hooks)

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent
MODULES = ("data_handler.py", "data_handler_native.py", "eshm_data.py", "rpc.py")

Settings = Optional[Dict[str, Any]]

# pip's isolated build has maturin in PATH. An environment that is not activated has it beside its
# interpreter alone, and a shell that read no profile lacks the folder of cargo.
for folder in (sysconfig.get_path("scripts"), os.path.expanduser("~/.cargo/bin")):
    os.environ["PATH"] = os.environ.get("PATH", os.defpath) + os.pathsep + folder


def fail(reason: str) -> "SystemExit":
    return SystemExit(f"eshm cannot be built: {reason}")


def check() -> None:
    """What the build needs, named if it is not there."""
    if not (REPOSITORY / "src" / "lib.rs").is_file():
        raise fail(
            f"{REPOSITORY} is no checkout of the project; "
            "the library's source is beside this folder there"
        )
    if shutil.which("cargo") is None:
        raise fail("there is no cargo in PATH; install Rust 1.88 or later")
    for tool in ("cc", "ld", "readelf", "objcopy"):
        if shutil.which(tool) is None:
            raise fail(f"there is no {tool} in PATH; on Debian: apt-get install gcc binutils")


def build_library(library: Path) -> None:
    """Puts libeshm.so there, built as CMake builds it, without the names of functions."""
    environment = {**os.environ, "LDFLAGS": f"{os.environ.get('LDFLAGS', '')} -s"}
    command = [str(REPOSITORY / "scripts" / "build_library.sh"), str(library), "--locked"]
    if subprocess.run(command, env=environment).returncode:
        raise fail("the library was not built; see above")


def for_maturin(config_settings: Settings) -> Settings:
    """The settings, and the interpreter that the native module is for.

    Before Python 3.11 this is not the running one, which uses ctypes: there is one wheel for all of
    them.
    """
    if sys.version_info >= (3, 11):
        return config_settings
    arguments = [*maturin.get_maturin_pep517_args(config_settings), "--interpreter", "python3.11"]
    return {**(config_settings or {}), "build-args": arguments}


def wheel(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "wheel", *arguments], check=True, stdout=subprocess.DEVNULL
    )


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    check()
    with tempfile.TemporaryDirectory() as work:
        built = maturin.build_wheel(work, for_maturin(config_settings), metadata_directory)
        tree = Path(work, "tree")
        wheel("unpack", "--dest", str(tree), os.path.join(work, built))
        (root,) = tree.iterdir()
        # Programs that pack a package, PyInstaller for one, collect files named lib*.so.
        build_library(root / "eshm" / "libeshm.so")
        for module in MODULES:
            shutil.copy(PACKAGE / module, root)
        (facts,) = root.glob("*.dist-info/WHEEL")
        facts.write_text(re.sub(r"(?m)^Tag: [^-]+-[^-]+-", "Tag: py3-none-", facts.read_text()))
        out = Path(work, "out")
        out.mkdir()
        wheel("pack", "--dest-dir", str(out), str(root))
        (result,) = out.iterdir()
        shutil.copy(result, wheel_directory)
        return result.name


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    check()
    return str(
        maturin.prepare_metadata_for_build_wheel(metadata_directory, for_maturin(config_settings))
    )


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    """The native module is put beside the source; ctypes finds the library in the build tree, if
    there is one."""
    check()
    return str(
        maturin.build_editable(wheel_directory, for_maturin(config_settings), metadata_directory)
    )


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    raise fail(
        "a source distribution would lack the library; "
        "build a wheel from a checkout: pip wheel ./py_compat"
    )
