#!/usr/bin/env python3
"""Compares the built libeshm with a baseline that has the released libraries' costs, in one run.

    python3 bench/run.py [--rounds N] [--only WORD,...] [--build DIR]

Every round measures each figure once with each library, one right after the other. Shown are the medians over the rounds, and
the median of the rounds' ratios: figures of one machine at one time mean little, the ratios are the result. Writes
DIR/bench/figures.json, and DIR/bench/latency.svg with the distribution of round trips. DIR (default: build) is a CMake build.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from plot import distribution

ROOT = Path(__file__).resolve().parents[1]
SIZES = (8, 32, 256, 1024, 4096)
BETTER_HIGH = "per_second"


class Figure(NamedTuple):
    """One line of measurement: what `pair` is asked for, and which libraries it makes sense with."""

    name: str
    words: List[str]
    libraries: Tuple[str, ...] = ("baseline", "ours")


def figures(build: Path) -> List[Figure]:
    python_end = [sys.executable, str(ROOT / "bench" / "python_end.py")]
    rust_end = [str(build / "bench" / "rust" / "release" / "rust_end")]
    every = [Figure("limit", ["limit"], ("baseline",))]
    every += [Figure(f"trip {size}", ["trip", str(size), "1"]) for size in SIZES]
    every += [
        Figure("trip 32, Python end", ["trip", "32", "1", *python_end]),
        Figure("trip 32, Rust end", ["trip", "32", "1", *rust_end], ("ours",)),
        Figure("wake after 1 ms", ["wake", "1", "500"]),
        Figure("wake after 20 ms", ["wake", "20", "60"]),
        Figure("stream 32", ["stream", "32", "1"]),
        Figure("stream 4096", ["stream", "4096", "1"]),
        Figure("idle 1", ["idle", "1", "none"]),
        Figure("idle 1 with its peer", ["idle", "1", "live"]),
        Figure("idle 64", ["idle", "64", "none"]),
        Figure("idle 1000", ["idle", "1000", "none"], ("ours",)),
        Figure("64 waiting readers", ["blocked", "64"]),
        Figure("reconnect", ["reconnect", "8"]),
    ]
    return every


def prepare(build: Path) -> Dict[str, Path]:
    """Builds the programs; the folder of each library."""
    here, made = ROOT / "bench", build / "bench"
    (made / "baseline").mkdir(parents=True, exist_ok=True)
    includes = [f"-I{ROOT / 'include'}", f"-I{build / 'include'}"]
    baseline = made / "baseline" / "libeshm.so.1"
    run = lambda *command: subprocess.run(command, check=True)
    run("gcc", "-O3", "-shared", "-fPIC", "-Wl,-soname,libeshm.so.1", here / "baseline.c", *includes, "-o", baseline, "-pthread")
    run("g++", "-std=c++11", "-O2", here / "pair.cpp", *includes, f"-L{build}", "-leshm", "-o", made / "pair", "-pthread")
    run("cargo", "build", "--quiet", "--release", "--package", "eshm-bench", "--manifest-path", ROOT / "Cargo.toml",
        "--target-dir", made / "rust")
    return {"baseline": baseline.parent, "ours": build}


def measure(program: Path, figure: Figure, folder: Path) -> Dict[str, Any]:
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder),
        "ESHM_LIB": str(folder / "libeshm.so.1"),
        "ESHM_LOG": "off",
    }
    done = subprocess.run([program, *figure.words], env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{figure.name} with {folder}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def table(results: Dict[str, Dict[str, List[Dict[str, Any]]]]) -> List[Dict[str, Any]]:
    rows = []
    for name, by_library in results.items():
        first = next(iter(by_library.values()))[0]
        for key in (key for key in first if key != "histogram"):
            values = {library: [row[key] for row in runs] for library, runs in by_library.items()}
            row = {"figure": f"{name}: {key}", "values": values}
            row["medians"] = {library: statistics.median(runs) for library, runs in values.items()}
            if len(values) == 2 and all(values["baseline"]):
                row["ratio"] = statistics.median(o / b for o, b in zip(values["ours"], values["baseline"]))
            rows.append(row)
    return rows


def show(rows: List[Dict[str, Any]]) -> None:
    print(f"{'':44}{'baseline':>12}{'ours':>12}{'ratio':>8}")
    for row in rows:
        cells = "".join(f"{row['medians'][name]:>12.6g}" if name in row["medians"] else f"{'':>12}" for name in ("baseline", "ours"))
        ratio = f"{row['ratio']:>8.2f}" if "ratio" in row else ""
        print(f"{row['figure']:44}{cells}{ratio}{'  more is better' if BETTER_HIGH in row['figure'] and ratio else ''}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="names that contain one of these words")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    build = options.build.resolve()
    if not (build / "libeshm.so.1").exists():
        parser.error(f"no libeshm.so.1 in {build}: build it with CMake first")
    folders = prepare(build)
    words = [word for word in options.only.split(",") if word]
    chosen = [f for f in figures(build) if not words or any(word in f.name for word in words)]
    results: Dict[str, Dict[str, List[Dict[str, Any]]]] = {f.name: {name: [] for name in f.libraries} for f in chosen}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for figure in chosen:
            for library in figure.libraries:
                results[figure.name][library].append(measure(build / "bench" / "pair", figure, folders[library]))
    rows = table(results)
    show(rows)
    made = build / "bench"
    (made / "figures.json").write_text(json.dumps({"rounds": options.rounds, "figures": rows}, indent=1) + "\n")
    trips = {name: runs for name, runs in results.items() if name.startswith("trip") and "end" not in name}
    if trips:
        (made / "latency.svg").write_text(distribution(trips))
    print(f"\nwritten: {made / 'figures.json'}{', ' + str(made / 'latency.svg') if trips else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
