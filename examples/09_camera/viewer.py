#!/usr/bin/env python3
"""Takes the frames of a camera into a numpy array, checks each, and counts those that it missed.

    python3 viewer.py [NAME] [master|slave]
"""

import struct
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))  # the module beside the examples, if there

import numpy

from eshm import ESHM, ESHMRole

HEAD = [("number", "u8"), ("left", "u8"), ("width", "u4"), ("height", "u4"), ("checksum", "u4"), ("reserved", "u4")]
SEEN = struct.Struct("@QQ")  # the newest frame's number, how many were seen


def first_frame(end: ESHM) -> numpy.ndarray:
    """The camera's first frame, as an array with room for each that follows."""
    # A message counts for those who are there when it is written, so it is repeated until the camera has begun.
    for _ in range(200):
        end.write(SEEN.pack(0, 0))
        with suppress(TimeoutError):
            message = end.read_array("u1", timeout_ms=100)  # of whatever size
            head = message[: numpy.dtype(HEAD).itemsize].view(HEAD)[0]
            return message.view(HEAD + [("pixels", "u1", (head["height"], head["width"], 3))])
    raise RuntimeError("no camera came")


def main() -> int:
    role = ESHMRole.MASTER if sys.argv[2:] == ["master"] else ESHMRole.SLAVE
    with ESHM(sys.argv[1] if len(sys.argv) > 1 else "camera", role=role) as end:
        frames = first_frame(end)
        begun = time.monotonic()
        frame = frames[0]  # a view, as all of these: no pixel is copied after it has come
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
            end.read_array(out=frames, timeout_ms=20000)
        rate = (seen - 1) / max(time.monotonic() - begun, 1e-9)
        shape = "x".join(map(str, frame["pixels"].shape))
    print(f"{seen} frames of {shape} seen, all whole, and {skipped} skipped: {rate:.0f} a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
