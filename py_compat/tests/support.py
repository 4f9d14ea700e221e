"""What the tests share: unique names, peers in processes of their own, waiting for events.

Import it before eshm: it puts the package on the path.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import unittest
import uuid
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from eshm import ESHM, ESHMRole, library_path

PACKAGE = Path(__file__).resolve().parents[1]

# Refusals and lost peers are what most tests are about. (The library is loaded later.)
os.environ.setdefault("ESHM_LOG", "off")

#: A limit for hangs, not an expectation: generous for a busy machine.
HANG_S = 30.0

#: The stale threshold where a test asks for none: a busy machine may hold a process up for longer
#: than the library's own 100 ms.
PATIENT_MS = 2000


def segment(name: str) -> Path:
    """The file of a channel."""
    return Path("/dev/shm/eshm_" + name.replace("/", "_"))


def wait_until(condition: Callable[[], Any], what: str, timeout: float = HANG_S) -> Any:
    """The condition's value, once it is true."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.002)


def asleep(thread: int) -> bool:
    """Whether a thread, a process's main thread included, is blocked in the kernel."""
    return Path(f"/proc/{thread}/stat").read_text().rpartition(")")[2].split()[0] == "S"


class Program:
    """A child process whose output is read line by line. Use in a with block: it is dead after
    it."""

    def __init__(self, command: List[str], cwd: Optional[Path] = None, **environment: str) -> None:
        self._pending = b""
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self, timeout: float = HANG_S) -> str:
        """The next line of standard output, without its end."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._pending:
            ready, _, _ = select.select(
                [self.process.stdout], [], [], max(0.0, deadline - time.monotonic())
            )
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                self.process.kill()
                errors = self.process.stderr.read().decode()
                reason = "ended" if ready else f"said nothing for {timeout} s"
                raise AssertionError(
                    f"{self.process.args} {reason}; "
                    f"it had left {self._pending!r}, stderr:\n{errors}"
                )
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def line_with(self, text: str, lines: int = 10_000) -> str:
        """The first line from here on that contains the text."""
        seen = []
        for _ in range(lines):
            seen.append(self.line())
            if text in seen[-1]:
                return seen[-1]
        raise AssertionError(f"no {text!r} in {seen[-20:]}")

    def send(self, line: str) -> None:
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout: float = HANG_S) -> Tuple[int, str]:
        """Waits for the end: exit code (negative: the signal that killed it) and standard error."""
        try:
            _, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, errors = self.process.communicate()
            raise AssertionError(
                f"{self.process.args} did not end within {timeout} s; stderr:\n{errors.decode()}"
            ) from None
        return self.process.returncode, errors.decode()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


PRELUDE = f"""
import os, signal, sys, threading, time, warnings
# Python 3.12: not beside the library's thread.
warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
sys.path.insert(0, {str(PACKAGE)!r})
import eshm
from eshm import *
# A parent in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
def say(value): print(value, flush=True)
"""


def script(code: str, *arguments: str, **environment: str) -> Program:
    """A Python process that runs the code with the package imported, and `say` to print a line."""
    return Program([sys.executable, "-c", PRELUDE + code, *arguments], **environment)


class Peer(Program):
    """The other end of a channel in a process of its own; it opens it before the constructor
    returns."""

    CODE = """
with ESHM(sys.argv[1], role=ESHMRole[sys.argv[2]], **eval(sys.argv[3])) as channel:
    say("open")
    for line in sys.stdin:
        try:
            say(repr(eval(line)))
        except Exception as error:
            say("!" + repr(error))
"""

    def __init__(self, name: str, role: str, **settings: Any) -> None:
        settings.setdefault("stale_threshold_ms", PATIENT_MS)
        super().__init__([sys.executable, "-c", PRELUDE + self.CODE, name, role, repr(settings)])
        assert self.line() == "open"

    def __call__(self, expression: str) -> Any:
        """The value of an expression over `channel` in the peer's process."""
        self.send(expression)
        answer = self.line()
        if answer.startswith("!"):
            raise AssertionError(f"{expression} in the peer: {answer[1:]}")
        return eval(answer)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> int:
        """A clean exit; its exit code."""
        self.process.stdin.close()
        return self.process.wait(HANG_S)


class ChannelTest(unittest.TestCase):
    """A test with a channel name of its own, whose file is gone afterwards."""

    def setUp(self) -> None:
        self.name = self.unique_name()

    def unique_name(self) -> str:
        name = f"pytest_{uuid.uuid4().hex[:12]}"
        self.addCleanup(lambda: segment(name).unlink() if segment(name).exists() else None)
        return name

    def open(self, role: ESHMRole, name: Optional[str] = None, **settings: Any) -> ESHM:
        """An end of the test's channel, closed after the test."""
        settings.setdefault("stale_threshold_ms", PATIENT_MS)
        channel = ESHM(name or self.name, role=role, **settings)
        self.addCleanup(channel.close)
        return channel

    def pair(self, **settings: Any) -> Tuple[ESHM, ESHM]:
        """Master and slave in this process."""
        return self.open(ESHMRole.MASTER, **settings), self.open(ESHMRole.SLAVE, **settings)

    def peer(self, role: str, **settings: Any) -> Peer:
        """The other end in a process of its own."""
        peer = Peer(self.name, role, **settings)
        self.addCleanup(peer.__exit__)
        return peer

    def script(self, code: str, *arguments: str, **environment: str) -> Program:
        program = script(code, *(arguments or (self.name,)), **environment)
        self.addCleanup(program.__exit__)
        return program


def skip(test: unittest.TestCase, reason: str) -> None:
    """Skips a test aloud."""
    print(f"SKIPPED: {reason}", flush=True)
    test.skipTest(reason)


__all__ = [
    "ESHM",
    "ESHMRole",
    "ChannelTest",
    "HANG_S",
    "PACKAGE",
    "PRELUDE",
    "Peer",
    "Program",
    "asleep",
    "library_path",
    "script",
    "segment",
    "skip",
    "wait_until",
]
