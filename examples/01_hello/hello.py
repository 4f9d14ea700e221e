#!/usr/bin/env python3
"""Two processes greet each other: whoever comes first is the master.

    python3 hello.py [NAME]
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM


def main() -> int:
    with ESHM(sys.argv[1] if len(sys.argv) > 1 else "hello") as end:
        greeting = f"{end.get_role().name.lower()} {os.getpid()} says hello from Python\0".encode()
        heard = None
        # A message counts for those who are there when it is written, so it is repeated until the other has answered.
        for _ in range(200):
            with suppress(RuntimeError):  # a slave cannot write once its master has left, content
                end.write(greeting)
            with suppress(TimeoutError):
                heard = end.read(timeout_ms=100).rstrip(b"\0").decode()
            if heard:
                break
        with suppress(RuntimeError):
            end.write(greeting)
        print(heard or "nobody came")
        return 0 if heard else 1


if __name__ == "__main__":
    sys.exit(main())
