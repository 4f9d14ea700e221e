#!/usr/bin/env python3
"""Shows several motors at once, each a channel of its own, and asks for another speed each second. Ends on Ctrl-C.

    python3 dashboard.py [NAME] [master|slave|auto] [--for SECONDS] [--motors N]

On a terminal a table, drawn anew four times a second; elsewhere a line for each motor each second.
"""

import argparse
import asyncio
import signal
import struct
import sys
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import List, Optional

sys.path.append(str(Path(__file__).resolve().parents[2] / "py"))  # for want of an installed eshm

from eshm import AsyncESHM, ESHMRole

REPORT = struct.Struct("@Qdddd")  # number, speed, asked, current, temperature
ORDER = struct.Struct("@d")
HIDE_CURSOR, SHOW_CURSOR, TO_LINE_END, BELOW = "\x1b[?25l", "\x1b[?25h", "\x1b[K", "\x1b[J"


class Motor:
    """A channel, and what came through it."""

    def __init__(self, index: int, channel: AsyncESHM) -> None:
        self.index = index
        self.channel = channel
        self.newest = (0, 0.0, 0.0, 0.0, 0.0)
        self.seen = self.missed = 0
        self._counted, self._since = 0, time.monotonic()

    async def watch(self) -> None:
        async for message in self.channel:
            report = REPORT.unpack(message)
            if self.seen:
                self.missed += max(0, report[0] - self.newest[0] - 1)
            self.newest = report
            self.seen += 1

    async def order(self, speed: float) -> None:
        with suppress(RuntimeError):  # the motors' side is away
            await self.channel.write(ORDER.pack(speed))

    def rate(self) -> float:
        """Messages a second since the last call."""
        now = time.monotonic()
        rate = (self.seen - self._counted) / max(now - self._since, 1e-3)
        self._counted, self._since = self.seen, now
        return rate

    def state(self) -> str:
        if not self.seen:
            return "waited for"
        return "runs" if self.channel.channel.is_remote_alive() else "GONE"


def table(motors: List[Motor]) -> List[str]:
    lines = ["motor       rpm     asked  current  temperature  reports/s  missed  state"]
    for motor in motors:
        _, speed, asked, current, temperature = motor.newest
        lines.append(f"{motor.index:5} {speed:9.1f} {asked:9.1f} {current:6.2f} A {temperature:10.1f} C"
                     f" {motor.rate():10.0f} {motor.missed:7}  {motor.state()}")
    return lines


async def draw(motors: List[Motor]) -> None:
    """The table, over the one before it, until this is cancelled."""
    print(HIDE_CURSOR, end="")
    try:
        while True:
            lines = table(motors)
            print(*(line + TO_LINE_END for line in lines), sep="\n", flush=True)
            await asyncio.sleep(0.25)
            print(f"\x1b[{len(lines)}A", end="")
    finally:
        print(BELOW + SHOW_CURSOR, end="", flush=True)


async def tell(motors: List[Motor]) -> None:
    while True:
        await asyncio.sleep(1)
        for motor in motors:
            _, speed, asked, _, _ = motor.newest
            print(f"motor {motor.index}: {speed:.1f} of {asked:.1f} rpm, {motor.rate():.0f} reports/s, {motor.state()}", flush=True)


async def ask(motors: List[Motor]) -> None:
    """Another speed each second for each of them."""
    second = 0
    while True:
        for motor in motors:
            await motor.order(500.0 * (motor.index + 1) + 100.0 * (second % 5))
        await asyncio.sleep(1)
        second += 1


async def run(name: str, role: ESHMRole, count: int, seconds: Optional[float]) -> List[Motor]:
    """Until the time is over or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        # Without a limit of attempts a slave waits for its master to come back however long that takes.
        settings = {"role": role, "stale_threshold_ms": 2000, "max_reconnect_attempts": 0}
        channels = [AsyncESHM(f"{name}_{index}", **settings) for index in range(count)]
        motors = [Motor(index, await stack.enter_async_context(channel)) for index, channel in enumerate(channels)]
        show = draw if sys.stdout.isatty() else tell
        tasks = [asyncio.ensure_future(work) for work in (show(motors), ask(motors), *(motor.watch() for motor in motors))]
        stopped = asyncio.ensure_future(stop.wait())
        # Also as soon as one of them fails.
        await asyncio.wait([*tasks, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stopped):
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
    return motors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="motors")
    parser.add_argument("role", nargs="?", choices=("master", "slave", "auto"), default="auto")
    parser.add_argument("--for", type=float, metavar="SECONDS", dest="seconds", help="end by itself")
    parser.add_argument("--motors", type=int, default=4, metavar="N")
    options = parser.parse_args()
    for motor in asyncio.run(run(options.name, ESHMRole[options.role.upper()], options.motors, options.seconds)):
        print(f"motor {motor.index}: {motor.seen} reports seen, {motor.missed} missed, the newest {motor.newest[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
