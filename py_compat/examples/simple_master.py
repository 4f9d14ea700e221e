#!/usr/bin/env python3
"""A master that sends ten greetings a second and prints what the slave answers.

    python3 simple_master.py [name]

Start it first, then simple_slave.py or `eshm_demo slave` with the same name. Ctrl-C ends it.
"""

import signal
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

PERIOD_S = 0.1


def text_of(message: bytes) -> str:
    return message.decode("utf-8", "replace").rstrip("\0")


def run(channel: ESHM) -> None:
    due = time.monotonic()
    count = 0
    while True:
        text = f"Hello from Python master #{count}"
        channel.write(text.encode() + b"\0")  # C and C++ peers expect the NUL
        print(f"[MASTER] Sent: {text}", flush=True)
        try:
            answer = channel.read(timeout_ms=int(PERIOD_S * 1000))
            print(f"[MASTER] Received: {text_of(answer)}", flush=True)
        except TimeoutError:
            pass  # no slave yet, or it is away: it gets the newest greeting when it comes
        count += 1
        due = max(due + PERIOD_S, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def main() -> int:
    # Both signals end the program in the same way, also where a script started it in the
    # background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    name = sys.argv[1] if len(sys.argv) > 1 else "eshm1"
    try:
        print("=== ESHM Python Master Example ===", flush=True)
        with ESHM(name, role=ESHMRole.MASTER) as channel:
            print(f"Initialized as {channel.get_role().name}", flush=True)
            run(channel)
    except KeyboardInterrupt:
        print("[MASTER] Stopped", flush=True)
    except RuntimeError as error:
        print(f"[MASTER] {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
