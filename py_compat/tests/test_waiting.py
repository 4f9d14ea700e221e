"""How long reads wait, what ends a wait, Ctrl-C."""

import signal
import threading
import time
import unittest

from support import ChannelTest, asleep, segment, wait_until
from eshm import TIMEOUT_INFINITE, ESHMRole


class Timeouts(ChannelTest):
    def setUp(self):
        super().setUp()
        self.master, self.slave = self.pair()

    def test_nothing_new_without_waiting(self):
        with self.assertRaisesRegex(RuntimeError, "^No data available$"):
            self.slave.read(timeout_ms=0)
        self.assertIsNone(self.slave.try_read())

    def test_timeouts_are_never_shorter_than_asked(self):
        # Below, at and above the 100 ms that a single call of the library waits.
        for timeout_ms in (1, 5, 99, 100, 101, 150, 350):
            began = time.monotonic()
            with self.assertRaisesRegex(TimeoutError, "^Read timed out$"):
                self.slave.read(timeout_ms=timeout_ms)
            self.assertGreaterEqual((time.monotonic() - began) * 1000, timeout_ms)

    def test_none_waits_a_second(self):
        for read in (self.slave.read, lambda: self.slave.read(4096, None)):
            began = time.monotonic()
            with self.assertRaises(TimeoutError):
                read()
            self.assertGreaterEqual(time.monotonic() - began, 1.0)

    def test_a_message_ends_any_wait(self):
        for timeout_ms in (20_000, TIMEOUT_INFINITE - 1, TIMEOUT_INFINITE):
            # In the third slice of the wait.
            timer = threading.Timer(0.25, self.master.write, (b"late",))
            timer.start()
            self.assertEqual(self.slave.read(timeout_ms=timeout_ms), b"late")
            timer.join()

    def test_messages_at_the_seams_of_slices_are_not_lost(self):
        seen = []

        def reader():
            while not seen or seen[-1] != b"19":
                seen.append(self.slave.read(timeout_ms=20_000))

        thread = threading.Thread(target=reader)
        thread.start()
        for i in range(20):
            time.sleep(0.1003)
            self.master.write(b"%d" % i)
            wait_until(lambda: len(seen) > i, f"message {i} is read")
        thread.join()
        self.assertEqual(seen, [b"%d" % i for i in range(20)])

    def test_timeouts_out_of_range(self):
        for timeout_ms in (-1, 1 << 32, -TIMEOUT_INFINITE):
            with self.assertRaisesRegex(ValueError, "timeout_ms"):
                self.slave.read(timeout_ms=timeout_ms)

    def test_timeouts_of_wrong_type(self):
        for timeout_ms in (1.5, "100", b"1"):
            with self.assertRaises(TypeError):
                self.slave.read(timeout_ms=timeout_ms)

    def test_timeout_error_is_no_runtime_error(self):
        self.assertFalse(issubclass(TimeoutError, RuntimeError))  # scripts tell them apart
        with self.assertRaises(TimeoutError):
            self.slave.read(timeout_ms=1)


class Interrupts(ChannelTest):
    """A process that waits in a read sees its signals."""

    def waiting(self, code):
        program = self.script(code)
        self.assertEqual(program.line(), "waiting")
        wait_until(lambda: asleep(program.process.pid), "the wait")
        return program

    def test_ctrl_c_ends_an_infinite_read(self):
        program = self.waiting("""
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    try:
        say("waiting")
        channel.read(timeout_ms=TIMEOUT_INFINITE)
    except KeyboardInterrupt:
        say("interrupted")
""")
        program.signal(signal.SIGINT)
        self.assertEqual(program.line(), "interrupted")
        self.assertEqual(program.end(), (0, ""))

    def test_ctrl_c_unhandled_ends_the_process_in_order(self):
        program = self.waiting("""
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("waiting")
    channel.read(timeout_ms=3_600_000)
""")
        program.signal(signal.SIGINT)
        code, errors = program.end()
        self.assertEqual(code, -signal.SIGINT)
        self.assertIn("KeyboardInterrupt", errors)
        self.assertFalse(segment(self.name).exists())

    def test_a_handler_that_returns_does_not_end_the_wait(self):
        program = self.waiting("""
signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("waiting")
    say(channel.read(timeout_ms=TIMEOUT_INFINITE))
""")
        for _ in range(3):
            program.signal(signal.SIGUSR1)
            self.assertEqual(program.line(), "handled")
        self.open(ESHMRole.SLAVE).write(b"done")
        self.assertEqual(program.line(), "b'done'")
        self.assertEqual(program.end()[0], 0)

    def test_a_handler_may_use_the_channel(self):
        program = self.waiting("""
def handler(*_):
    channel.write(b"from the handler")
    say(channel.try_read())
signal.signal(signal.SIGUSR1, handler)
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("waiting")
    say(channel.read(timeout_ms=TIMEOUT_INFINITE))
""")
        slave = self.open(ESHMRole.SLAVE)
        program.signal(signal.SIGUSR1)
        self.assertEqual(slave.read(timeout_ms=20_000), b"from the handler")
        self.assertEqual(program.line(), "None")
        slave.write(b"done")
        self.assertEqual(program.line(), "b'done'")

    def test_a_handler_may_close_the_channel_that_waits(self):
        program = self.waiting("""
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
signal.signal(signal.SIGTERM, lambda *_: channel.close())
say("waiting")
try:
    channel.read(timeout_ms=TIMEOUT_INFINITE)
except RuntimeError as error:
    say(error)
""")
        program.signal(signal.SIGTERM)
        self.assertIn("is closed", program.line())
        self.assertEqual(program.end(), (0, ""))


if __name__ == "__main__":
    unittest.main()
