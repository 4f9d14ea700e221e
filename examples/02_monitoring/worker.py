#!/usr/bin/env python3
"""Writes ten values, one each 50 ms, and leaves.

    python3 worker.py [NAME] [master|slave]
"""

import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM, ESHMRole


def wait_for_slave(end: ESHM) -> None:
    for _ in range(2000):
        if end.get_stats()["slave_alive"]:
            return
        time.sleep(0.01)
    raise RuntimeError("nobody came")


def main() -> int:
    role = ESHMRole.MASTER if sys.argv[2:] == ["master"] else ESHMRole.SLAVE
    with ESHM(sys.argv[1] if len(sys.argv) > 1 else "monitoring", role=role, stale_threshold_ms=2000) as end:
        if role == ESHMRole.MASTER:
            wait_for_slave(end)
        for value in range(1, 11):
            end.write(value.to_bytes(4, sys.byteorder))  # an int32_t
            time.sleep(0.05)
        print("wrote 10 values", "" if end.is_remote_alive() else "to nobody")
    return 0


if __name__ == "__main__":
    sys.exit(main())
