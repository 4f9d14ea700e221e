#!/usr/bin/env python3
"""The peer of payload: keeps the pieces that come, and gives them back.

    python3 keeper.py [NAME] [master|slave]
"""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))  # the module beside the examples, if there

from eshm import ESHM, ESHMRole

HEAD = struct.Struct("@III")  # index, count, size of the piece; its bytes follow, and fill up the message
LARGEST = 1 << 20


def main() -> int:
    role = ESHMRole.MASTER if sys.argv[2:] == ["master"] else ESHMRole.SLAVE
    pieces = {}
    with ESHM(sys.argv[1] if len(sys.argv) > 1 else "payload", role=role) as end:
        last = None
        while last is None or index < last:
            message = end.read(LARGEST, timeout_ms=20000)
            index, count, size = HEAD.unpack_from(message)
            last = 2 * count - 1
            if index < count:
                pieces[index] = message[HEAD.size : HEAD.size + size]
                answer = b""
            else:
                answer = pieces[index - count]
            end.write((HEAD.pack(index, count, len(answer)) + answer).ljust(len(message), b"\0"))
    print(f"kept {sum(map(len, pieces.values()))} bytes of {len(pieces)} messages and gave them back")
    return 0


if __name__ == "__main__":
    sys.exit(main())
