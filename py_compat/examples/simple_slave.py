#!/usr/bin/env python3
"""A slave that acknowledges each message of its master.

    python3 simple_slave.py [name]

Start simple_master.py or `eshm_demo master` with the same name first. The first ten messages are
printed one by one, then a line a second: a master may send thousands. Ctrl-C ends it.
"""

import signal
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

SHOWN_ONE_BY_ONE = 10


def text_of(message: bytes) -> str:
    return message.decode("utf-8", "replace").rstrip("\0")


def run(channel: ESHM) -> None:
    count = 0
    connected = True
    next_report = 0.0
    reported = 0
    while True:
        try:
            message = channel.read(timeout_ms=1000)
        except TimeoutError:
            if connected and not channel.is_remote_alive():
                print("[SLAVE] Master is lost, waiting for it", flush=True)
                connected = False
            continue
        if not connected:
            print("[SLAVE] Master is back", flush=True)
            connected = True

        text = f"ACK from Python slave #{count}"
        try:
            channel.write(text.encode() + b"\0")  # C and C++ peers expect the NUL
        except RuntimeError as error:
            print(f"[SLAVE] {error}", flush=True)  # the master left just now
            continue

        if count < SHOWN_ONE_BY_ONE:
            print(f"[SLAVE] Received ({len(message)} bytes): {text_of(message)}", flush=True)
            print(f"[SLAVE] Sent: {text}", flush=True)
            next_report, reported = time.monotonic() + 1, count + 1
        count += 1
        now = time.monotonic()
        if now >= next_report:
            rate = (count - reported) / (now - next_report + 1)
            print(f"[SLAVE] {count} messages, {rate:.0f}/s, newest: {text_of(message)}", flush=True)
            next_report, reported = now + 1, count


def main() -> int:
    # Both signals end the program in the same way, also where a script started it in the
    # background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    name = sys.argv[1] if len(sys.argv) > 1 else "eshm1"
    try:
        print("=== ESHM Python Slave Example ===", flush=True)
        # No limit of attempts: this slave waits for its master to come back however long that
        # takes.
        with ESHM(name, role=ESHMRole.SLAVE, max_reconnect_attempts=0) as channel:
            print(f"Initialized as {channel.get_role().name}", flush=True)
            run(channel)
    except KeyboardInterrupt:
        print("[SLAVE] Stopped", flush=True)
    except RuntimeError as error:
        print(f"[SLAVE] {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
