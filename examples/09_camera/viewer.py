#!/usr/bin/env python3
"""Takes the frames of a camera into a numpy array, checks each, and counts those that it missed.

    python3 viewer.py [NAME] [master|slave] [WIDTH HEIGHT]
"""

import argparse
import struct
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

import numpy

from eshm import ESHM, ESHMRole

SEEN = struct.Struct("@QQ")  # the newest frame's number, how many were seen


def empty_frame(width: int, height: int) -> numpy.ndarray:
    """Room for a frame, as the struct of C++ and the pixels after it."""
    head = [("number", "u8"), ("left", "u8"), ("width", "u4"), ("height", "u4"), ("checksum", "u4"), ("reserved", "u4")]
    return numpy.zeros((), head + [("pixels", "u1", (height, width, 3))])


def wait_for_camera(end: ESHM, frame: numpy.ndarray) -> None:
    """Until the first frame has come."""
    # A message counts for those who are there when it is written, so it is repeated.
    for _ in range(200):
        end.write(SEEN.pack(0, 0))
        with suppress(TimeoutError):
            end.read_array(out=frame, timeout_ms=100)
            return
    raise RuntimeError("no camera came")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="camera")
    parser.add_argument("role", nargs="?", choices=("master", "slave"), default="slave")
    parser.add_argument("width", nargs="?", type=int, default=640)
    parser.add_argument("height", nargs="?", type=int, default=480)
    options = parser.parse_args()
    frame = empty_frame(options.width, options.height)
    role = ESHMRole[options.role.upper()]
    with ESHM(options.name, role=role, stale_threshold_ms=2000, capacity=frame.nbytes, exact_capacity=True) as end:
        wait_for_camera(end, frame)
        begun = time.monotonic()
        seen = skipped = newest = 0
        while True:
            number = int(frame["number"])
            skipped += number - newest - 1
            newest = number
            if zlib.adler32(frame["pixels"]) != frame["checksum"]:
                print(f"frame {number} is DAMAGED")
                return 1
            seen += 1
            with suppress(RuntimeError):  # the camera has left
                end.write(SEEN.pack(number, seen))
            if frame["left"] == 0:
                break
            end.read_array(out=frame, timeout_ms=20000)  # no pixel is copied but into the array
        rate = (seen - 1) / max(time.monotonic() - begun, 1e-9)
        shape = "x".join(map(str, frame["pixels"].shape))
    print(f"{seen} frames of {shape} seen, all whole, and {skipped} skipped: {rate:.0f} a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
