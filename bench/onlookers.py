#!/usr/bin/env python3
"""Measures what `eshmctl watch` and `eshmctl top` cost a pair that runs flat out.

    python3 bench/onlookers.py [--rounds N] [--seconds S] [--build DIR] [--watch ARGUMENTS]

A pair runs all the while. In every round its rates are measured while it is alone, watched, shown by `top` in a
pseudo-terminal of 80 x 24, and alone once more; each round begins with another of these. Shown are the medians over the rounds of
the ratios to the first time alone in the same round; the second time alone says how far chance moves them. `watch` writes to a
pipe that is read. Writes DIR/bench/onlookers.json. DIR (default: build) is a CMake build, in which bench/run.py has built `pair`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

ROOT = Path(__file__).resolve().parents[1]
ONLOOKERS = ("alone", "watch", "top", "alone again")
#: Seconds that an onlooker runs before rates are measured.
SETTLE = 0.2
#: What `pair` is asked for.
PAIRS = {f"{kind} {size}": [kind, str(size)] for kind in ("stream", "trip") for size in (32, 4096)}


class Drain(threading.Thread):
    """Reads a descriptor to its end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self.descriptor, self.lines, self.tail = descriptor, 0, b""
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError):  # a pseudo-terminal ends with EIO
            while got := os.read(self.descriptor, 1 << 16):
                self.lines += got.count(b"\n")
                self.tail = (self.tail + got)[-4096:]
        os.close(self.descriptor)


@contextlib.contextmanager
def onlooker(kind: str, ctl: Path, name: str, watch: List[str], seen: Dict[str, Any]) -> Iterator[None]:
    """Runs one beside the pair; `seen` gets its processor time and what it says that it saw."""
    if kind.startswith("alone"):
        yield
        return
    if kind == "watch":
        ours, theirs = os.pipe()
        command = [str(ctl), "watch", name, *watch]
    else:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command = [str(ctl), "top"]
    environment = {**os.environ, "TERM": "xterm-256color", "ESHM_LOG": "off"}
    process = subprocess.Popen(command, stdin=theirs if kind == "top" else subprocess.DEVNULL, stdout=theirs, env=environment)
    began = time.monotonic_ns()
    os.close(theirs)
    drain = Drain(ours)
    try:
        yield
        ran = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0])
        seen["cpu_percent"] = ran / (time.monotonic_ns() - began) * 100
    finally:
        process.terminate()
        if process.wait() != 0:
            raise RuntimeError(f"eshmctl {kind} ended with {process.returncode}")
        drain.join()
    if kind == "watch":
        said = re.search(rb"(\d+) caught, (\d+) missed\n$", drain.tail)
        if not said:
            raise RuntimeError(f"watch said {drain.tail[-200:]!r}")
        seen["caught"], seen["missed"] = map(int, said.groups())
        if not seen["caught"]:
            raise RuntimeError("watch caught nothing")
    elif name.encode()[:10] not in drain.tail:
        raise RuntimeError(f"top did not show {name}: {drain.tail[-400:]!r}")


def rates(ctl: Path, name: str, seconds: float) -> Dict[str, float]:
    """Values a second from the master, written and read, over a moment: two looks by `eshmctl show`."""
    command = [ctl, "show", name, "--json", "--over", str(int(seconds * 1000))]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)["master_to_slave"]
    return {"written": said["writes_per_second"], "read": said["reads_per_second"]}


def measure(build: Path, ctl: Path, words: List[str], options: argparse.Namespace) -> Dict[str, List[Dict[str, float]]]:
    """All rounds with one pair, which runs all the while."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(build), "ESHM_LOG": "off"}
    time_needed = 1 + options.rounds * len(ONLOOKERS) * (options.seconds + SETTLE + 0.1)
    pair = subprocess.Popen([build / "bench" / "pair", *words, str(time_needed)], env=environment, stdout=subprocess.PIPE)
    name = f"0bench_{pair.pid}"  # as in pair.cpp
    runs: Dict[str, List[Dict[str, float]]] = {kind: [] for kind in ONLOOKERS}
    time.sleep(0.7)  # it warms up
    for number in range(options.rounds):
        turn = number % len(ONLOOKERS)
        for kind in ONLOOKERS[turn:] + ONLOOKERS[:turn]:
            seen: Dict[str, Any] = {}
            with onlooker(kind, ctl, name, shlex.split(options.watch), seen):
                time.sleep(SETTLE)
                figures = rates(ctl, name, options.seconds)
            if pair.poll() is not None:
                raise RuntimeError(f"pair {words} ended too early, with {pair.returncode}")
            runs[kind].append({**figures, **seen})
    out, _ = pair.communicate(timeout=60)
    said = json.loads(out)
    if pair.returncode != 0 or said.get("torn") or said.get("lost"):
        raise RuntimeError(f"pair {words} ended with {pair.returncode}, saying {said}")
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--watch", default="", help="arguments for watch")
    parser.add_argument("--only", default="", help="pairs that contain this word")
    options = parser.parse_args()
    build = options.build.resolve()
    ctl = ROOT / "target" / "release" / "eshmctl"
    for program, how in ((build / "bench" / "pair", "bench/run.py"), (ctl, "cargo build --release --package eshmctl")):
        if not program.exists():
            parser.error(f"no {program}: {how} builds it")
    rows = []
    print(f"{'':24}{'alone':>12}{'watch':>8}{'top':>8}{'again':>8}   ratios; more is better")
    for pair, words in PAIRS.items():
        if options.only not in pair:
            continue
        runs = measure(build, ctl, words, options)
        for key in ("written", "read"):
            ratios = {k: [r[key] / a[key] for r, a in zip(runs[k], runs["alone"])] for k in ONLOOKERS[1:]}
            medians = {kind: statistics.median(of) for kind, of in ratios.items()}
            alone = statistics.median(run[key] for run in runs["alone"])
            print(f"{pair + ', ' + key:24}{alone:>12.6g}" + "".join(f"{medians[k]:>8.3f}" for k in ONLOOKERS[1:]))
            rows.append({"pair": pair, "figure": f"{key}_per_second", "alone": alone, "ratios": ratios, "medians": medians})
        watch, top = (
            {key: statistics.median(run[key] for run in runs[kind]) for key in runs[kind][0]} for kind in ("watch", "top")
        )
        print(f"    watch caught {watch['caught']:.0f} and missed {watch['missed']:.0f}; processor: watch {watch['cpu_percent']:.1f} %, "
              f"top {top['cpu_percent']:.1f} %")
        rows.append({"pair": pair, "watch": watch, "top": top})
    written = build / "bench" / "onlookers.json"
    written.write_text(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "rows": rows}, indent=1) + "\n")
    print(f"written: {written}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
