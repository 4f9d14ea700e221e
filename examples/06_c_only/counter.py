#!/usr/bin/env python3
"""The peer of counter: answers each number with the next one, until that is ten.

    python3 counter.py [NAME] [master|slave]
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM, ESHMRole


def main() -> int:
    role = ESHMRole.MASTER if sys.argv[2:] == ["master"] else ESHMRole.SLAVE
    number = 0
    with ESHM(sys.argv[1] if len(sys.argv) > 1 else "counter", role=role) as end:
        while number < 10:
            number = int(end.read(timeout_ms=20000).rstrip(b"\0")) + 1
            end.write(f"{number}\0".encode())  # the other side is in C and expects the NUL
    print(f"counted to {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
