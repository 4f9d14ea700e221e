"""What release 1.3 added to opening a channel."""

import os
import re
import signal
import stat
import sys
import threading
import unittest
from pathlib import Path

from support import ChannelTest, Program, script, segment, wait_until
import eshm
from eshm import ESHM, TIMEOUT_INFINITE, ESHMError, ESHMLogLevel, ESHMOpenFailed, ESHMRole

MASTER, SLAVE = ESHMRole.MASTER, ESHMRole.SLAVE

#: Opens a master, says so, and ends as its input does, cleanly or not.
A_MASTER = """
import os, sys
from eshm import ESHM, ESHMRole
channel = ESHM(sys.argv[1], ESHMRole.MASTER)
print("open", flush=True)
sys.stdin.readline()
os._exit(0)
"""


class Capacity(ChannelTest):
    def test_the_default_is_the_librarys(self):
        with ESHM(self.name, MASTER) as channel:
            self.assertEqual(channel.capacity, 4096)
        with self.assertRaisesRegex(RuntimeError, "closed"):
            channel.capacity

    def test_messages_of_the_capacity_asked_for(self):
        for capacity in (1, 57, 1920 * 1080 * 3):
            with ESHM(self.name, MASTER, capacity=capacity) as master, ESHM(
                self.name, SLAVE
            ) as slave:
                self.assertEqual((master.capacity, slave.capacity), (capacity, capacity))
                message = os.urandom(capacity)
                master.write(message)
                self.assertEqual(slave.read(buffer_size=capacity), message)
                with self.assertRaisesRegex(
                    RuntimeError, r"^Write failed: Buffer too small \(.*\d.*\)$"
                ):
                    master.write(message + b"x")

    def test_another_capacity_is_matched_or_refused(self):
        with ESHM(self.name, MASTER, capacity=1000):
            with ESHM(self.name, SLAVE, capacity=2000) as slave:
                self.assertEqual(slave.capacity, 1000)
            with self.assertRaisesRegex(
                RuntimeError, "Failed to initialize.*1000 bytes, not the 2000"
            ):
                ESHM(self.name, SLAVE, capacity=2000, exact_capacity=True)


class Refusals(ChannelTest):
    def test_each_refusal_has_its_code(self):
        for code, settings in (
            (ESHMError.INVALID_PARAM, {"role": MASTER, "capacity": 2 << 30}),
            (
                ESHMError.INVALID_PARAM,
                {"role": SLAVE, "mode": 0o1777, "wait_for_master_ms": TIMEOUT_INFINITE},
            ),
            (ESHMError.INVALID_PARAM, {"role": 9}),
            (ESHMError.SHM_ATTACH, {"role": SLAVE}),
        ):
            with self.assertRaises(ESHMOpenFailed) as refused:
                ESHM(self.name, **settings)
            self.assertEqual(refused.exception.code, code, settings)
        with self.assertRaises(ESHMOpenFailed) as refused:
            ESHM("")
        self.assertEqual(refused.exception.code, ESHMError.INVALID_PARAM)

    def test_the_librarys_reason_is_in_the_exception(self):
        for options, reason in (
            ({"capacity": (1 << 30) + 1}, "capacity in bytes is 1073741825: 1 to 1073741824"),
            ({"mode": 0o1000}, "mode .0777 is 511. is 512: 0 to 511"),
        ):
            with self.assertRaisesRegex(
                RuntimeError, f"Failed to initialize ESHM .* as MASTER: .*{reason}"
            ):
                ESHM(self.name, MASTER, **options)
        with self.assertRaisesRegex(
            RuntimeError, "there is no such segment; start the master first"
        ) as refused:
            ESHM(self.name, SLAVE)
        self.assertEqual(str(refused.exception).count(self.name), 1)

    def test_numbers_out_of_range(self):
        for options in (
            {"capacity": -1},
            {"capacity": 1 << 64},
            {"mode": -1},
            {"spin_us": 1 << 32},
            {"log_level": 6},
        ):
            with self.assertRaises(ValueError):
                ESHM(self.name, MASTER, **options)

    def test_options_are_given_by_keyword(self):
        with self.assertRaises(TypeError):
            ESHM(self.name, MASTER, 1, 100, 5000, 100, 50, True, True, 1000)


class Others(ChannelTest):
    def test_a_mode_whatever_the_umask(self):
        before = os.umask(0o077)
        try:
            with ESHM(self.name, MASTER, mode=0o664):
                self.assertEqual(stat.S_IMODE(segment(self.name).stat().st_mode), 0o664)
        finally:
            os.umask(before)

    def test_the_first_value_may_be_the_current_one(self):
        with ESHM(self.name, MASTER) as master:
            master.write(b"current")
            with ESHM(self.name, SLAVE) as slave:
                self.assertIsNone(slave.try_read())
            with ESHM(self.name, SLAVE, first_value=True) as slave:
                self.assertEqual(slave.try_read(), b"current")
                self.assertIsNone(slave.try_read())

    def test_what_only_changes_the_speed_or_the_noise(self):
        options = {
            "huge_pages": True,
            "prefault": True,
            "spin_us": 0,
            "log_level": ESHMLogLevel.OFF,
        }
        with ESHM(self.name, MASTER, **options) as master, ESHM(
            self.name, SLAVE, **options
        ) as slave:
            master.write(b"x")
            self.assertEqual(slave.read(), b"x")

    def test_the_version(self):
        self.assertRegex(eshm.version(), r"^1\.\d+\.\d+$")


class Waiting(ChannelTest):
    def test_a_slave_waits_for_its_master(self):
        for wait_ms in (20_000, TIMEOUT_INFINITE):
            opened = []
            thread = threading.Thread(
                target=lambda: opened.append(ESHM(self.name, SLAVE, wait_for_master_ms=wait_ms)),
                daemon=True,
            )
            thread.start()
            with ESHM(self.name, MASTER) as master:
                wait_until(lambda: opened, "the slave is open")
                master.write(b"x")
                self.assertEqual(opened[0].read(), b"x")
                opened[0].close()
            thread.join()

    def test_not_for_longer_than_asked(self):
        with self.assertRaisesRegex(RuntimeError, "there is no such segment"):
            ESHM(self.name, SLAVE, wait_for_master_ms=30)

    def test_a_dead_master_is_none(self):
        with Program(
            [sys.executable, "-c", A_MASTER, self.name], cwd=Path(__file__).resolve().parents[1]
        ) as program:
            self.assertEqual(program.line(), "open")
            program.process.stdin.close()
            program.process.wait()
        with self.assertRaisesRegex(RuntimeError, "its master is gone"):
            ESHM(self.name, SLAVE, wait_for_master_ms=30)
        segment(self.name).unlink()

    def test_ctrl_c_ends_the_wait(self):
        waiter = "say('go'); ESHM(sys.argv[1], ESHMRole.SLAVE, wait_for_master_ms=TIMEOUT_INFINITE)"
        with script(waiter, self.name) as program:
            self.assertEqual(program.line(), "go")
            program.signal(signal.SIGINT)
            self.assertRegex(program.end()[1], "KeyboardInterrupt")


#: A library of an older release, for a process of its own: the functions of 1.3 are not found in
#: it.
OLDER = """
import ctypes, sys
class Older(ctypes.CDLL):
    def __getattr__(self, name):
        if name in ("eshm_init_ex", "eshm_capacity", "eshm_version", "eshm_last_error"):
            raise AttributeError(name)
        return super().__getattr__(name)
ctypes.CDLL = Older
import eshm
from eshm import ESHM, ESHMRole
with ESHM(sys.argv[1], ESHMRole.MASTER) as channel:
    channel.write(b"x")
def said(action):
    try:
        action()
    except RuntimeError as error:
        print(error)
said(lambda: ESHM(sys.argv[1], ESHMRole.MASTER, capacity=100))
said(lambda: channel.capacity)
said(eshm.version)
said(lambda: ESHM(sys.argv[1], ESHMRole.SLAVE))
"""


class OlderLibrary(ChannelTest):
    def test_only_what_it_does_not_have_is_refused(self):
        command, folder = [sys.executable, "-c", OLDER, self.name], Path(
            __file__
        ).resolve().parents[1]
        with Program(command, cwd=folder, ESHM_PYTHON_BACKEND="ctypes") as program:
            for function in ("eshm_init_ex", "eshm_capacity", "eshm_version"):
                self.assertRegex(
                    program.line(),
                    re.compile(f"has no function {function}: a libeshm too old for this"),
                )
            self.assertRegex(
                program.line(), "is its master running. the library's reason is on stderr"
            )


if __name__ == "__main__":
    unittest.main()
