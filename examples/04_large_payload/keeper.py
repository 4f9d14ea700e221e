#!/usr/bin/env python3
"""The peer of payload: takes the message that comes, of whatever size, and gives it back.

    python3 keeper.py [NAME] [master|slave]
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

LARGEST = 1 << 20  # of a channel that this side creates; as slave it takes the creator's


def main() -> int:
    role = ESHMRole.MASTER if sys.argv[2:] == ["master"] else ESHMRole.SLAVE
    name = sys.argv[1] if len(sys.argv) > 1 else "payload"
    # What a payload that is master has sent already, is the first to be read.
    with ESHM(name, role=role, capacity=LARGEST, first_value=True) as end:
        payload = end.read(buffer_size=end.capacity, timeout_ms=20000)
        end.write(payload)
    print(f"kept {len(payload)} bytes of one message and gave them back")
    return 0


if __name__ == "__main__":
    sys.exit(main())
