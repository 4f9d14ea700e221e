"""Waiting made of short waits, by a clock that may be false."""

from __future__ import annotations

import time


class Countdown:
    """What is left of a wait. The clock may stop or be set back, as under libfaketime: what has
    been waited is counted too."""

    def __init__(self, whole_ms: float) -> None:
        self._whole_ms = whole_ms
        self._begun = time.monotonic()
        self._waited_ms = 0.0

    def left_ms(self) -> float:
        """Milliseconds until the end; not above 0 when it has come."""
        return self._whole_ms - max(self._waited_ms, (time.monotonic() - self._begun) * 1000)

    def passed(self, waited_ms: float) -> None:
        """Counts a wait that lasted so long at least."""
        self._waited_ms += waited_ms
