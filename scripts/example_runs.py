"""Two sides of an example beside each other, for test_examples.py, and whether they did what they should."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import zlib
from pathlib import Path

TIMEOUT_S = 60.0  # tells a hang from a slow machine
SHOW_CURSOR = "\x1b[?25h"


class Failure(Exception):
    """What went wrong, for people."""


class Meeting:
    """The two sides as processes on channels of their own name; both and all files are gone after the with block."""

    def __init__(self, name, channels, environment):
        self.name = name
        self.environment = environment
        self.segments = [Path(f"/dev/shm/eshm_{name}{channel}") for channel in channels]
        self.processes = {}
        self.deadline = time.monotonic() + TIMEOUT_S

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for process in self.processes.values():
            process.kill()
            process.communicate()
        left = [str(segment) for segment in self.segments if segment.exists()]
        for segment in self.segments:
            segment.unlink(missing_ok=True)
        if left and kind is None:
            raise Failure(f"left behind: {', '.join(left)}")

    def left(self):
        """Seconds until all must have ended."""
        return max(1.0, self.deadline - time.monotonic())

    def start(self, role, command, options=(), **streams):
        """Starts a side; the master is there when this returns."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen([*map(str, command), self.name, role, *map(str, options)], env=self.environment,
                                   text=True, **streams)
        self.processes[role] = process
        while role == "master" and not all(segment.exists() for segment in self.segments):
            if process.poll() is not None or time.monotonic() > self.deadline:
                raise Failure(f"the master made no segment: {process.stderr.read() if process.poll() else ''}")
            time.sleep(0.005)  # a file of shared memory has no event

    def end(self, role):
        """What a side has printed, once it has ended by itself."""
        process = self.processes[role]
        try:
            out, err = process.communicate(timeout=self.left())
        except subprocess.TimeoutExpired:
            raise Failure(f"the {role} did not end within {TIMEOUT_S:.0f} s") from None
        if process.returncode:
            raise Failure(f"the {role} ended with {process.returncode}\n{out}{err}")
        return out

    def quit_on_terminal(self, command, shown):
        """Runs the slave on a terminal until it has shown a pattern, types Ctrl-C, and returns what it printed in all."""
        terminal, side = pty.openpty()
        try:
            self.start("slave", command, stdin=side, stdout=side, start_new_session=True,
                       preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(side)
            output, typed = "", False
            while True:
                select.select([terminal], [], [], self.left())
                if time.monotonic() > self.deadline:  # however much it prints
                    raise Failure(f"on a terminal it {'did not end on Ctrl-C' if typed else 'did not show all'}: {output[-1000:]!r}")
                try:
                    output += os.read(terminal, 65536).decode()
                except OSError:  # EIO: the slave has ended
                    break
                if not typed and re.search(shown, output):
                    os.write(terminal, b"\x03")
                    typed = True
        finally:
            os.close(terminal)
        self.end("slave")
        if not typed or output.rfind(SHOW_CURSOR) < output.rfind("\x1b[?25l"):
            raise Failure(f"it left the terminal without a cursor, or before it showed all: {output[-1000:]!r}")
        return output


def check_lines(who, output, patterns):
    """Whether these lines are in the output, in this order, with any others between."""
    lines = iter(output.splitlines())
    for pattern in patterns:
        if not any(re.fullmatch(pattern, line.strip()) for line in lines):
            raise Failure(f"{who} did not print {pattern!r} in its place, but\n{output}")


def check_plot(file):
    """Whether a file is a whole PNG picture of a plausible size with something in it; it is removed."""
    data = file.read_bytes()
    file.unlink()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise Failure(f"{file.name} is no PNG: it begins with {data[:8]!r}")
    chunks, at = {}, 8
    while at < len(data):
        (size,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if zlib.crc32(kind + body) != int.from_bytes(data[at + 8 + size : at + 12 + size], "big"):
            raise Failure(f"{file.name}: the checksum of {kind!r} is wrong")
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + size
    width, height = struct.unpack_from(">II", chunks[b"IHDR"])
    pixels = zlib.decompress(chunks[b"IDAT"])
    if b"IEND" not in chunks or not 200 < width < 4000 or not 200 < height < 4000 or len(set(pixels)) < 10:
        raise Failure(f"{file.name} is no plot: {width}x{height}, {len(set(pixels))} values")
