#!/usr/bin/env python3
"""Measures large messages from one process to another, up to frames of 1080p video, beside memcpy of as many bytes in the same run.

    python3 bench/large.py [--rounds N] [--build DIR]

A round measures memcpy, frames of which each is answered before the next is written, and frames written without waiting, of which
those count that arrive. Shown are medians over the rounds of the rates in MB/s and of their ratios to memcpy's of the same round.
One slot and two copies cap the answered ones at 0.5. DIR (default: build) is a CMake build. Writes DIR/bench/large.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"64 KiB": (1 << 16, 4000), "1 MiB": (1 << 20, 400), "1080p, 3 bytes a pixel": (1920 * 1080 * 3, 100)}
KINDS = ("memcpy", "answered", "flat_out")


def one_round(program: Path, size: int, frames: int) -> List[float]:
    words = subprocess.run([program, str(size), str(frames)], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return [float(word) for word in words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    build = options.build.resolve()
    made = build / "bench"
    made.mkdir(parents=True, exist_ok=True)
    program = made / "large"
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", ROOT / "bench" / "large.c", f"-I{ROOT / 'include'}",
                    f"-I{build / 'include'}", f"-L{build}", "-leshm", f"-Wl,-rpath,{build}", "-o", program], check=True)
    rounds: Dict[str, List[List[float]]] = {name: [] for name in SIZES}
    for _ in range(options.rounds):
        for name, (size, frames) in SIZES.items():
            rounds[name].append(one_round(program, size, frames))

    result: Dict[str, Any] = {}
    print(f"{'from process to process':26}{'memcpy MB/s':>12}{'answered':>10}{'x memcpy':>9}{'flat out':>10}{'x memcpy':>9}")
    for name, measured in rounds.items():
        rates = [statistics.median(each[kind] for each in measured) / 1e6 for kind in range(3)]
        ratios = [statistics.median(each[kind] / each[0] for each in measured) for kind in range(3)]
        print(f"{name:26}{rates[0]:12.0f}{rates[1]:10.0f}{ratios[1]:9.2f}{rates[2]:10.0f}{ratios[2]:9.2f}")
        result[name] = {"bytes": SIZES[name][0]}
        for kind in range(3):
            result[name][f"{KINDS[kind]}_mb_s"] = rates[kind]
            result[name][f"{KINDS[kind]}_x_memcpy"] = ratios[kind]
    (made / "large.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
