"""The build backend (PEP 517) of the package: maturin, and then what maturin does not do.

maturin builds a wheel with the native module, for Python 3.11 and later. Into it go libeshm.so.1, for ctypes, and the modules
that scripts import by top-level names; and as ctypes serves where the native module does not, it is made a wheel for any
Python 3.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional

import maturin
from maturin import get_requires_for_build_editable, get_requires_for_build_wheel  # noqa: F401  (hooks)

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent
MODULES = ("data_handler.py", "data_handler_native.py", "eshm_data.py", "rpc.py")

Settings = Optional[Dict[str, Any]]


def fail(reason: str) -> "SystemExit":
    return SystemExit(f"eshm cannot be built: {reason}")


def check() -> None:
    """What the build needs, named if it is not there."""
    if not (REPOSITORY / "src" / "lib.rs").is_file():
        raise fail(f"{REPOSITORY} is no checkout of the project; the library's source is beside this folder there")
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


def build_native(directory: str, config_settings: Settings, metadata_directory: Optional[str]) -> str:
    """maturin's wheel; its name."""
    if sys.version_info >= (3, 11):
        return str(maturin.build_wheel(directory, config_settings, metadata_directory))
    # This interpreter will use ctypes; the module is for others all the same, so that there is one wheel for all.
    command = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--compatibility", "linux"]
    subprocess.run([*command, "--interpreter", "python3.11", "--out", directory], cwd=PACKAGE, check=True)
    (name,) = os.listdir(directory)
    return name


def wheel(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "wheel", *arguments], check=True, stdout=subprocess.DEVNULL)


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None) -> str:
    check()
    with tempfile.TemporaryDirectory() as work:
        built = build_native(work, config_settings, metadata_directory)
        tree = Path(work, "tree")
        wheel("unpack", "--dest", str(tree), os.path.join(work, built))
        (root,) = tree.iterdir()
        build_library(root / "eshm" / "libeshm.so.1")
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


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
    check()
    return str(maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_editable(wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None) -> str:
    """The native module is put beside the source; ctypes finds the library in the build tree, if there is one."""
    check()
    return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    raise fail("a source distribution would lack the library; build a wheel from a checkout: pip wheel ./py_compat")
