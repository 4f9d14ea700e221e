"""Ctrl-C while a channel is opened or closed: it is seen at once, and no channel is left behind."""

import os
import signal
import sys
import threading
import time
import unittest
from typing import Any, Callable, List, Tuple

from support import HANG_S, ChannelTest, ESHMRole, segment, wait_until
from eshm import ESHM
from eshm.rpc import Rpc


class Interrupted(KeyboardInterrupt):
    pass


class CtrlC(ChannelTest):
    def setUp(self) -> None:
        super().setUp()

        def handler(*_: object) -> None:
            raise Interrupted

        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        self.swallowed: List[object] = []
        self.addCleanup(setattr, sys, "unraisablehook", sys.unraisablehook)
        sys.unraisablehook = lambda told: self.swallowed.append(told.err_msg)

    is_kept = False

    def after(self, seconds: float, call: Callable[[], Any]) -> None:
        """Begins the call, and has a signal come so long after; returns once it has."""
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            call()
            while not self.swallowed:
                time.sleep(0.001)
        except Interrupted as error:
            self.last = error if self.is_kept else None  # with its traceback, as a shell keeps it

    def resources(self) -> Tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    def test_at_any_moment_of_opening_and_closing(self) -> None:
        def open_and_close() -> None:
            ESHM(self.name, role=ESHMRole.MASTER).close()

        def open_and_drop() -> None:
            Rpc(self.name, role=ESHMRole.MASTER)

        for call, file in (
            (open_and_close, segment(self.name)),
            (open_and_drop, segment(self.name + "_ctl")),
        ):
            call()
            before = self.resources()
            begun = time.monotonic()
            for _ in range(10):
                call()
            whole = (time.monotonic() - begun) / 10
            for i in range(150):
                self.after(max(1e-6, whole * i / 120), call)
                self.assertFalse(file.exists(), i)
                self.assertEqual(self.swallowed, [])
            wait_until(
                lambda: all(now <= was for now, was in zip(self.resources(), before)),
                "what was there before",
            )

    def test_in_a_call_of_the_library(self) -> None:
        # A file that is not ready: a master waits for the one that makes it.
        self.is_kept = True
        for i in range(5):
            segment(self.name).touch()
            begun = time.monotonic()
            self.after(0.02, lambda: ESHM(self.name, role=ESHMRole.MASTER, log_level=1))
            self.assertFalse(segment(self.name).exists() and segment(self.name).stat().st_size, i)
            self.assertLess(time.monotonic() - begun, HANG_S)

    def test_a_slave_of_a_trigger_channel_waits_for_its_master(self) -> None:
        for what in ("no file", "a file of no master"):
            if what != "no file":
                segment(self.name + "_ctl").touch()
            begun = time.monotonic()
            self.after(0.05, lambda: Rpc(self.name, role=ESHMRole.SLAVE))
            self.assertLess(time.monotonic() - begun, 4, what)
        # The thread that has begun to wait ends, and leaves nothing.
        segment(self.name + "_ctl").unlink()
        wait_until(
            lambda: not [one for one in threading.enumerate() if one.name == "eshm_open"],
            "its thread ended",
        )


if __name__ == "__main__":
    unittest.main()
