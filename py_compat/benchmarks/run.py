#!/usr/bin/env python3
"""The Python package's two back ends beside each other and beside other ways between processes, in
one run.

    python3 py_compat/benchmarks/run.py [--rounds N] [--build DIR]

Installs the package and the others into an environment of its own, DIR/bench/python (default:
build), which is a CMake build. Every round measures each figure once with each, one right after the
other. Shown are medians, and the medians of the rounds' ratios. Writes DIR/bench/python.json. What
cannot be installed is said aloud and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BACKENDS = ("ctypes", "native")
OTHERS = {  # transport: the distribution that has it
    "multiprocessing.Pipe": None,
    "shared_memory with a lock": None,
    "pyzmq over ipc": "pyzmq",
    "iceoryx2": "iceoryx2",
}
#: Trips: figure, transport, size, whether the other end is in C++.
TRIPS = (
    ("Python and C++, 32 B", "eshm", 32, True),
    ("Python and Python, 32 B", "eshm", 32, False),
    ("Python and C++, 4 KiB, readinto", "eshm_into", 4096, True),
    ("Python and Python, 4 KiB, readinto", "eshm_into", 4096, False),
)
SECONDS = "0.3"
#: What is aimed at: row of ratios, how it must be, limit.
TARGETS = (
    ("try_read(), nothing new", "native / ctypes", "<=", 0.25),
    ("try_read(), nothing new", "native / an empty native call", "<=", 3),
    ("write(32 B)", "native / ctypes", "<=", 0.25),
    ("write(32 B)", "native / an empty native call", "<=", 3),
    ("Python and C++, 32 B", "native / ctypes", ">=", 3),
    ("Python and C++, 32 B", "native / best other", ">=", 2),
    ("Python and Python, 32 B", "native / ctypes", ">=", 3),
    ("Python and C++, 4 KiB, readinto", "native / ctypes", ">=", 2),
)

Rounds = Dict[str, Dict[str, List[float]]]  # figure, what is measured, its value in each round


def prepare(build: Path) -> Path:
    """The environment's interpreter, with everything installed, and the C++ end."""
    made = build / "bench" / "python"
    python = made / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(made)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*install, "--force-reinstall", "--no-deps", str(ROOT / "py_compat")], check=True
    )
    for distribution in filter(None, OTHERS.values()):
        if subprocess.run([*install, distribution]).returncode != 0:
            print(f"SKIPPED: {distribution} cannot be installed here", flush=True)
    pair = [
        "g++",
        "-std=c++11",
        "-O2",
        str(ROOT / "bench" / "pair.cpp"),
        f"-I{ROOT / 'include'}",
        f"-I{build / 'include'}",
    ]
    subprocess.run(
        [*pair, f"-L{build}", "-leshm", "-o", str(build / "bench" / "pair"), "-pthread"], check=True
    )
    return python


def run(python: Path, build: Path, backend: str, *words: str) -> Any:
    environment = {
        **os.environ,
        "ESHM_PYTHON_BACKEND": backend,
        "ESHM_LOG": "off",
        "LD_LIBRARY_PATH": str(build),
    }
    done = subprocess.run(
        [str(python), *words],
        cwd=HERE,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} over {backend} failed")
    return json.loads(done.stdout)


def add(rounds: Rounds, figure: str, what: str, value: Optional[float]) -> None:
    if value is not None:
        rounds.setdefault(figure, {}).setdefault(what, []).append(value)


def one_round(python: Path, build: Path, calls: Rounds, trips: Rounds) -> None:
    for backend in BACKENDS:
        for figure, value in run(python, build, backend, "calls.py").items():
            add(calls, figure, backend, value)
    for figure, transport, size, in_cpp in TRIPS:
        for backend in BACKENDS:
            other = [str(build / "bench" / "pair")] if in_cpp else []
            add(
                trips,
                figure,
                backend,
                run(python, build, backend, "trips.py", transport, str(size), SECONDS, *other),
            )
    for transport in OTHERS:
        for size in (32, 4096):
            value = run(python, build, "ctypes", "trips.py", transport, str(size), SECONDS)
            for figure, _, its_size, _ in TRIPS:
                if its_size == size:
                    add(trips, figure, transport, value)


def ratio(over: List[float], under: List[float]) -> float:
    return statistics.median(a / b for a, b in zip(over, under))


def show(calls: Rounds, trips: Rounds) -> Dict[str, Dict[str, float]]:
    """Prints the tables; the ratios by figure and name."""
    ratios: Dict[str, Dict[str, float]] = {}
    empty = calls["an empty native call"]["native"]
    print(
        f"{'nanoseconds a call':38}{'ctypes':>10}{'native':>10}"
        f"{'native / ctypes':>18}{'/ empty call':>14}"
    )
    for figure, by in calls.items():
        middle = {backend: statistics.median(by[backend]) for backend in by}
        row = ratios.setdefault(
            figure, {"native / an empty native call": ratio(by["native"], empty)}
        )
        if "ctypes" in by:
            row["native / ctypes"] = ratio(by["native"], by["ctypes"])
        cells = "".join(
            f"{middle[backend]:>10.0f}" if backend in middle else f"{'':>10}"
            for backend in BACKENDS
        )
        first = f"{row['native / ctypes']:>18.2f}" if "ctypes" in by else f"{'':>18}"
        print(f"{figure:38}{cells}{first}{row['native / an empty native call']:>14.2f}")
    print()
    print(f"{'round trips a second':38}{'':26}{'a second':>12}{'native / it':>14}")
    for figure, by in trips.items():
        row = ratios.setdefault(figure, {})
        for what, values in by.items():
            row[f"native / {what}"] = ratio(by["native"], values)
            print(
                f"{figure:38}{what:26}{statistics.median(values):>12.0f}"
                f"{row[f'native / {what}']:>14.2f}"
            )
        row["native / best other"] = min(
            row[f"native / {other}"] for other in OTHERS if other in by
        )
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    if sys.version_info < (3, 11):
        print("SKIPPED: the Python back ends: the native one needs Python 3.11")
        return 0
    build = options.build.resolve()
    python = prepare(build)
    calls: Rounds = {}
    trips: Rounds = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        one_round(python, build, calls, trips)
    ratios = show(calls, trips)
    print()
    for figure, what, how, limit in TARGETS:
        value = ratios[figure][what]
        met = value <= limit if how == "<=" else value >= limit
        print(
            f"{'met   ' if met else 'MISSED'}  {figure + ': ' + what:70}"
            f"{value:>8.2f}  {how} {limit}"
        )
    (build / "bench" / "python.json").write_text(
        json.dumps({"calls": calls, "trips": trips, "ratios": ratios}, indent=1) + "\n"
    )
    print(f"\nwritten: {build / 'bench' / 'python.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
