#!/usr/bin/env python3
"""The slow policy of a fast robot: some milliseconds of thought for each command, made of the newest state there is.

    python3 policy.py [NAME] [master|slave] [--plot FILE.png]
"""

import argparse
import math
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import List

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

STATE = struct.Struct("@QqddQqQ")  # step, time_ns, angle, rate, command, latency_ns, left
COMMAND = struct.Struct("@Qqd")  # number, time_ns of the state, push
PUSHES = [0.1 * push for push in range(-150, 151)]
AHEAD, STEP_S = 60, 0.01


def cost(angle: float, rate: float, push: float) -> float:
    """What keeping this push would lead to."""
    total = 0.002 * push * push
    for _ in range(AHEAD):
        rate += (9.81 * math.sin(angle) + push) * STEP_S
        angle += rate * STEP_S
        total += angle * angle + 0.05 * rate * rate
    return total


def think(angle: float, rate: float, push: float, delay_s: float) -> float:
    """The best push for a state which will have moved on, under the push before, until the robot has the command."""
    rate += (9.81 * math.sin(angle) + push) * delay_s
    angle += rate * delay_s
    return min(PUSHES, key=lambda push: cost(angle, rate, push))


def greet(end: ESHM, state: bytearray) -> None:
    """Until the robot has begun."""
    # A message counts for those who are there when it is written, so it is repeated.
    for _ in range(200):
        end.write(COMMAND.pack(0, 0, 0.0))
        with suppress(TimeoutError):
            end.readinto(state, timeout_ms=100)
            return
    raise RuntimeError("no robot came")


def run(end: ESHM) -> List[float]:
    """Commands the robot to its last step. Returns the latencies it measured, in milliseconds."""
    state = bytearray(STATE.size)
    latencies = []
    number, push, measured, delay_s = 0, 0.0, 0, 0.0
    greet(end, state)
    while True:
        _, time_ns, angle, rate, command, latency_ns, left = STATE.unpack(state)
        if command > measured:
            measured, delay_s = command, latency_ns / 1e9
            latencies.append(latency_ns / 1e6)
        if left == 0:
            return latencies
        push = think(angle, rate, push, delay_s)
        number += 1
        with suppress(RuntimeError):  # the robot has left, after its last step
            end.write(COMMAND.pack(number, time_ns, push))
        end.readinto(state, timeout_ms=20000)


def percentile(ordered: List[float], percent: int) -> float:
    return ordered[(len(ordered) - 1) * percent // 100]


def plot(latencies: List[float], file: str) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        print(f"SKIPPED: no plot: {error}")
        return
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(latencies, bins=40)
    for percent in (50, 99):
        value = percentile(latencies, percent)
        axes.axvline(value, color="black", linestyle="dashed")
        axes.annotate(f" p{percent} {value:.2f} ms", (value, 0.98), xycoords=("data", "axes fraction"), va="top")
    axes.margins(y=0.12)
    axes.set(title="From a state to the first step by a command made of it", xlabel="milliseconds", ylabel="commands")
    figure.savefig(file, dpi=100)
    print(f"drew {file}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="control_loop")
    parser.add_argument("role", nargs="?", choices=("master", "slave"), default="slave")
    parser.add_argument("--plot", metavar="FILE.png", help="where to draw the histogram of the latencies")
    options = parser.parse_args()
    with ESHM(options.name, role=ESHMRole[options.role.upper()]) as end:
        latencies = sorted(run(end))
    if not latencies:
        raise RuntimeError("the robot took no command")
    p50, p99 = (percentile(latencies, percent) for percent in (50, 99))
    print(f"{len(latencies)} latencies: p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {latencies[-1]:.2f} ms")
    if options.plot:
        plot(latencies, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
