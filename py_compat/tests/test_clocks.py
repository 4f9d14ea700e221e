"""Under a clock that is not the kernel's, as libfaketime's: every wait ends, and none too early."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import ChannelTest, skip

#: What waits, each with a limit of 250 ms.
WAITS = """
def uptime():  # of the kernel, whatever the clock says
    with open("/proc/uptime") as file:
        return float(file.read().split()[0])
def timed(what, call):
    begun = uptime()
    try:
        call()
        error = None
    except Exception as raised:
        error = type(raised).__name__
    say(f"{what} {error} {round((uptime() - begun) * 1000)}")
class Changes:  # the clock turns false while a read waits
    def __enter__(self):
        self.timer = threading.Thread(target=self.soon)
        self.timer.start()
    def soon(self):
        import select
        select.select([], [], [], 0.05)
        open(os.environ["FALSE_CLOCK_AT"], "w").close()
    def __exit__(self, *_):
        self.timer.join()
with ESHM(sys.argv[1], role=ESHMRole.MASTER, stale_threshold_ms=2000) as channel:
    with Changes():
        timed("changing", lambda: channel.read(timeout_ms=250))
    timed("read", lambda: channel.read(timeout_ms=250))
    timed("readinto", lambda: channel.readinto(bytearray(8), timeout_ms=250))
    timed("open", lambda: ESHM(sys.argv[1] + "x", role=ESHMRole.SLAVE, wait_for_master_ms=250))
    read = lambda: channel.read(timeout_ms=TIMEOUT_INFINITE)
    reader = threading.Thread(target=timed, args=("closed", read))
    reader.start()
    while not channel._calls()._is_open():
        pass
    closers = [threading.Thread(target=channel.close) for _ in range(2)]
    for thread in closers:
        thread.start()
    for thread in [reader, *closers]:
        thread.join()
say("done")
"""


class FalseClock(ChannelTest):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.work.cleanup)
        cls.library = Path(cls.work.name, "false_clock.so")
        cls.compiler = shutil.which("cc")
        if cls.compiler:
            source = Path(__file__).with_name("false_clock.c")
            command = [
                cls.compiler,
                "-shared",
                "-fPIC",
                "-Wall",
                "-Werror",
                "-o",
                str(cls.library),
                str(source),
            ]
            subprocess.run(command, check=True)

    def check(self, kind):
        if not self.compiler:
            skip(self, "false clocks: there is no cc")
        at = Path(self.work.name, self.name)
        child = self.script(
            WAITS, self.name, LD_PRELOAD=str(self.library), FALSE_CLOCK=kind, FALSE_CLOCK_AT=str(at)
        )
        for what, error in (
            ("changing", "ESHMTimeout"),
            ("read", "ESHMTimeout"),
            ("readinto", "ESHMTimeout"),
            ("open", "ESHMOpenFailed"),
        ):
            said = child.line().split()
            self.assertEqual(said[:2], [what, error])
            # Ahead: it is over by that clock.
            if not (what == "changing" and int(kind.replace("stopped", "0")) > 0):
                # The uptime is in hundredths of a second.
                self.assertGreaterEqual(int(said[2]), 200, what)
        self.assertEqual(child.line().split()[:2], ["closed", "ESHMClosed"])
        self.assertEqual(child.line(), "done")
        self.assertEqual(child.end()[0], 0)

    def test_stopped(self):
        self.check("stopped")

    def test_behind(self):
        self.check("-259200")

    def test_ahead(self):
        self.check("259200")


if __name__ == "__main__":
    unittest.main()
