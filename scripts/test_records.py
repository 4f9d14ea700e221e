#!/usr/bin/env python3
"""C++, Python and Rust exchange a record of all five scalar types, each with each, both ways.

    scripts/test_records.py [BUILD_DIR]

BUILD_DIR (default: build) is where CMake built libeshm.so and test/record_end; the Rust end is built here.
"""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
TIMEOUT_S = 60.0  # tells a hang from a slow machine


def rust_end():
    command = ["cargo", "build", "--quiet", "--package", "eshm-processes", "--bin", "record_end",
               "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = map(json.loads, done.stdout.splitlines())
    return [message["executable"] for message in messages if message.get("executable")][-1]


class End:
    """One program of a pair."""

    def __init__(self, command, role, name):
        self.process = subprocess.Popen([*command, role, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "ESHM_LIB": str(BUILD / "libeshm.so"), "ESHM_LOG": "error"})

    def line(self):
        text, deadline = b"", time.monotonic() + TIMEOUT_S
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 1) if ready else b""
            if not chunk:
                return f"{'ended' if ready else 'said nothing'} after {text!r}"
            text += chunk
        return text.decode().strip()

    def go_on(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.communicate()


def exchange(name, master_command, slave_command):
    """What each end says about the other's record."""
    ends = []
    try:
        for command, role in ((master_command, "master"), (slave_command, "slave")):
            ends.append(End(command, role, name))
            opened = ends[-1].line()
            if opened != "open":
                return f"the {role} {opened}"
        master, slave = ends
        master.go_on()
        said = slave.line(), master.line()
        slave.go_on()
        codes = [end.process.wait(TIMEOUT_S) for end in ends]
        return said if codes == [0, 0] else f"{said}, exit codes {codes}"
    finally:
        for end in ends:
            end.kill()
        Path(f"/dev/shm/eshm_{name}").unlink(missing_ok=True)


def main():
    ends = {
        "cpp": [str(BUILD / "test" / "record_end")],
        "python": [sys.executable, str(ROOT / "scripts" / "record_end.py")],
        "rust": [rust_end()],
    }
    failed = 0
    for master in ends:
        for slave in ends:
            said = exchange(f"records_{os.getpid()}_{master}_{slave}", ends[master], ends[slave])
            passed = said == (f"ok {master}", f"ok {slave}")
            failed += not passed
            print(f"{'ok' if passed else 'FAILED'}  {master} master, {slave} slave{'' if passed else f': {said}'}", flush=True)
    print(f"{len(ends) ** 2 - failed} of {len(ends) ** 2} pairs passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
