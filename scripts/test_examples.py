#!/usr/bin/env python3
"""Builds each example against an installed libeshm and runs it beside its Python peer, each of the two as master and as slave.

    scripts/test_examples.py [BUILD_DIR] [--only EXAMPLE...] [--python FILE] [--backend native|ctypes]...

BUILD_DIR (default: build) is where CMake built libeshm; it is installed from there to a folder of this script's own. The peers
take the checkout's Python package. With --python they run in that interpreter, and take the package installed there.
"""

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from example_cases import CASES
from example_runs import Failure, Meeting, check_lines, check_plot

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=Path, default=ROOT / "build", metavar="BUILD_DIR")
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), default=sorted(CASES), metavar="EXAMPLE")
    parser.add_argument("--python", metavar="FILE", help="an interpreter that has eshm installed")
    parser.add_argument("--backend", action="append", choices=("native", "ctypes"), help="of the Python package; may be repeated")
    return parser.parse_args()


OPTIONS = arguments()
BUILD = OPTIONS.build.resolve()
PYTHON = OPTIONS.python or sys.executable


def quietly(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def install(prefix):
    """Installs to `prefix`; what the user of the build folder would uninstall stays known."""
    manifest = BUILD / "install_manifest.txt"
    kept = manifest.read_bytes() if manifest.exists() else None
    try:
        quietly("cmake", "--install", BUILD, "--prefix", prefix)
    finally:
        if kept is not None:
            manifest.write_bytes(kept)
        elif manifest.exists():
            manifest.unlink()
    return next(prefix.rglob("libeshm.so"))


def by_cmake(example, folder, *options):
    quietly("cmake", "-S", EXAMPLES / example, "-B", folder, *options)
    quietly("cmake", "--build", folder)
    return folder


def builds(example, work, prefix):
    """The ways to build an example: what each is called, and the folder it makes, when asked."""
    if (EXAMPLES / example / "Cargo.toml").exists():
        def by_cargo():
            messages = quietly("cargo", "build", "--manifest-path", EXAMPLES / example / "Cargo.toml",
                               "--message-format=json-render-diagnostics")
            made = [message["executable"] for message in map(json.loads, messages.splitlines()) if message.get("executable")]
            return Path(made[-1]).parent

        return {"": by_cargo}
    ways = {"": lambda: by_cmake(example, work / example, f"-DCMAKE_PREFIX_PATH={prefix}")}
    if example == "05_integration":
        def inside(where, *options):
            # What cargo built for this very capacity is taken over.
            shutil.copytree(BUILD / "cargo", work / where / "cargo", symlinks=True)
            return by_cmake(example, work / where.split("/")[0], f"-DESHM_SOURCE={ROOT}", *settings(), *options)

        ways = {", find_package": ways[""],
                ", add_subdirectory": lambda: inside("subdirectory/eshm"),
                ", FetchContent": lambda: inside("fetch/_deps/eshm-build", "-DFETCH=ON")}
    return ways


def settings():
    cache = (BUILD / "CMakeCache.txt").read_text()
    return [f"-D{name}={re.search(rf'^{name}:STRING=(.*)$', cache, re.M)[1]}"
            for name in ("ESHM_MAX_DATA_SIZE", "ESHM_HEARTBEAT_INTERVAL_MS")]


@functools.lru_cache(maxsize=None)
def has(module):
    """Whether the peers can import a module."""
    return subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True).returncode == 0


def peers(work):
    """Where the Python peers are: with --python a copy, with no package of a checkout near it."""
    if not OPTIONS.python:
        return EXAMPLES
    return Path(shutil.copytree(EXAMPLES, work / "peers" / "examples", ignore=lambda _, names: {"target"} & {*names}))


def check_peer(who, case, output, plot):
    check_lines(who, output, case.peer_says)
    if case.plots and has("matplotlib"):
        check_plot(plot)
    elif case.plots:
        check_lines(who, output, ["SKIPPED: no plot: .*"])
        print(f"SKIPPED {case.peer}: its plot: no matplotlib for {PYTHON}", flush=True)


def run(example, folder, python, plot, environment):
    """Runs program and peer, each as master and as slave."""
    case = CASES[example]
    name = f"example_{os.getpid()}_{example}"
    program = [folder / case.program]
    options = [*case.peer_options, *(("--plot", plot) if case.plots else ())]
    with Meeting(name, case.channels, environment) as meeting:
        meeting.start("master", program)
        meeting.start("slave", python, options)
        check_lines("the program as master", meeting.end("master"), case.program_says)
        check_peer("the Python peer as slave", case, meeting.end("slave"), plot)
    with Meeting(name, case.channels, environment) as meeting:
        meeting.start("master", python, options)
        meeting.start("slave", program)
        check_peer("the Python peer as master", case, meeting.end("master"), plot)
        check_lines("the program as slave", meeting.end("slave"), case.program_says)
    if case.on_terminal:
        with Meeting(name, case.channels, environment) as meeting:
            meeting.start("master", program)
            output = meeting.quit_on_terminal(python, case.on_terminal)
            check_lines("the Python peer on a terminal, after Ctrl-C,", output, case.peer_says[-1:])
            check_lines("the program", meeting.end("master"), case.program_says)


def environments(library):
    """What the peers run over: a name for it, and the environment."""
    base = {**os.environ, "ESHM_LOG": "error", "PYTHONDONTWRITEBYTECODE": "1"}
    if OPTIONS.python:
        base.pop("ESHM_LIB", None)
    else:
        base["ESHM_LIB"] = str(library)
        base["PYTHONPATH"] = str(ROOT / "py")  # an installed package would come first
    if not OPTIONS.backend:
        return {"": base}
    return {f" over {backend}": {**base, "ESHM_PYTHON_BACKEND": backend} for backend in OPTIONS.backend}


def main():
    folders = sorted(path.name for path in EXAMPLES.iterdir() if re.match(r"\d\d_", path.name))
    if folders != sorted(CASES):
        print(f"FAILED: the examples are {folders}, those known here {sorted(CASES)}")
        return 1
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        library = install(work / "prefix")
        python_peers = peers(work)
        for example in OPTIONS.only:
            needs = CASES[example].needs
            if needs and not has(needs):
                print(f"SKIPPED {example}: no {needs} for {PYTHON}", flush=True)
                skipped += 1
                continue
            for way, build in builds(example, work, work / "prefix").items():
                python = [PYTHON, python_peers / CASES[example].peer]
                try:
                    folder = build()
                    for over, environment in environments(library).items():
                        run(example, folder, python, work / "plot.png", environment)
                        print(f"ok      {example}{way}: as master and as slave beside Python{over}", flush=True)
                        passed += 1
                except Failure as failure:
                    print(f"FAILED  {example}{way}: {failure}", flush=True)
                    failed += 1
    print(f"{passed} examples passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
