"""What the two benchmarks share: arguments, limits and the report lines."""

import argparse
import signal
import time
from typing import Optional


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("name", nargs="?", default="eshm1", help="channel (default: eshm1)")
    parser.add_argument(
        "stats_interval",
        nargs="?",
        type=int,
        default=1000,
        help="messages between two report lines (default: 1000)",
    )
    parser.add_argument(
        "--messages", type=int, help="end after so many messages (default: at Ctrl-C)"
    )
    parser.add_argument("--seconds", type=float, help="end after so many seconds from the start")
    options = parser.parse_args()
    if options.stats_interval < 1:
        parser.error("stats_interval must be at least 1")
    return options


def end_on_signals() -> None:
    """SIGINT and SIGTERM raise KeyboardInterrupt, also where a script started us in the
    background."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


class Meter:
    """Counts messages and prints a line each `interval`; the clock runs from the first message to
    the last."""

    def __init__(self, interval: int, messages: Optional[int], seconds: Optional[float]) -> None:
        self.count = 0
        self._interval = interval
        self._messages = messages
        self._end = None if seconds is None else time.monotonic() + seconds
        self._begin = self._last = self._previous = 0.0
        self._previous_count = 0

    def add(self) -> None:
        self._last = time.monotonic()
        if self.count == 0:
            self._begin = self._previous = self._last
        self.count += 1
        if self.count % self._interval == 0:
            self._report()

    def done(self) -> bool:
        if self._messages is not None and self.count >= self._messages:
            return True
        return self._end is not None and time.monotonic() >= self._end

    def _report(self) -> None:
        now = self._last
        total = max(now - self._begin, 1e-9)
        interval = max(now - self._previous, 1e-9)
        print(
            f"[{self.count:6d}] Total: {total:6.1f}s, {self.count / total:.1f} msg/s"
            f" | Interval: {(self.count - self._previous_count) / interval:.1f} msg/s",
            flush=True,
        )
        self._previous, self._previous_count = now, self.count

    def summary(self) -> None:
        total = max(self._last - self._begin, 1e-9) if self.count else 0.0
        rate = self.count / total if total else 0.0
        print(
            f"Average: {rate:.1f} msg/s "
            f"({self.count} messages in {total:.1f} s, each with its ACK)",
            flush=True,
        )
