#!/usr/bin/env python3
"""The peer of survivor: three processes, one after the other, of which the first two are killed in the middle.

    python3 mortal.py [NAME] [master|slave]
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

LIVES = 3


def ask(end: ESHM, text: str) -> None:
    """Sends a message until the other side sends it back: it may have to find us first."""
    for _ in range(200):
        with suppress(RuntimeError):  # a slave cannot write once its master has left, having answered
            end.write(text.encode() + b"\0")
        try:
            if end.read(timeout_ms=100).rstrip(b"\0").decode() == text:
                return
        except TimeoutError:
            continue
    raise RuntimeError(f"nobody heard {text!r}")


def live(name: str, role: ESHMRole, number: int) -> None:
    with ESHM(name, role=role) as end:
        for message in range(1, 4):
            ask(end, f"life {number}, message {message}")
        print("ready to die", flush=True)
        if number < LIVES:
            sys.stdin.read()  # until killed
        ask(end, "end")


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "reconnection"
    role = "master" if sys.argv[2:3] == ["master"] else "slave"
    if len(sys.argv) > 3:
        live(name, ESHMRole[role.upper()], int(sys.argv[3]))
        return 0
    for number in range(1, LIVES + 1):
        command = [sys.executable, __file__, name, role, str(number)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            if process.stdout.readline().strip() != b"ready to die":
                return 1
            if number < LIVES:
                process.kill()
        print(f"life {number} {'was killed' if number < LIVES else 'ended in order'}", flush=True)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
