#!/usr/bin/env python3
"""The peer of average: sends ten samples, each until it is answered.

    python3 sampler.py [NAME] [master|slave]
"""

import struct
import sys
from contextlib import suppress
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

PAIR = struct.Struct("=Id")  # a number and a sample; back come the number and the average


def ask(end: ESHM, number: int, sample: float) -> float:
    for _ in range(200):
        with suppress(RuntimeError):  # a slave cannot write once its master has left, having answered
            end.write(PAIR.pack(number, sample))
        try:
            answered, average = PAIR.unpack(end.read(timeout_ms=100))
        except TimeoutError:
            continue
        if answered == number:
            return average
    raise RuntimeError("no answer")


def main() -> int:
    role = ESHMRole.MASTER if sys.argv[2:] == ["master"] else ESHMRole.SLAVE
    with ESHM(sys.argv[1] if len(sys.argv) > 1 else "average", role=role) as end:
        for number in range(1, 11):
            average = ask(end, number, float(number * number))
    print(f"{number} samples sent, average {average}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
