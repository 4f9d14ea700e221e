#!/usr/bin/env python3
"""The Python end of a round trip: sends each message back.  python_end.py NAME SIZE"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "py_compat"))

from eshm import ESHM, ESHMRole


def main() -> None:
    while True:
        try:
            channel = ESHM(sys.argv[1], role=ESHMRole.SLAVE, max_reconnect_attempts=0)
            break
        except RuntimeError:
            time.sleep(0.01)  # its master is not there yet
    while True:
        try:
            channel.write(channel.read(timeout_ms=100))
        except TimeoutError:
            pass


main()
