"""Closing, garbage collection, threads that are still busy, the end of the interpreter."""

import gc
import itertools
import os
import threading
import unittest

from support import HANG_S, ChannelTest, asleep, segment, wait_until
from eshm import _backend
from eshm import ESHM, TIMEOUT_INFINITE, ESHMRole, ESHMWakeupMode


class Close(ChannelTest):
    def test_closing_twice(self):
        master = self.open(ESHMRole.MASTER)
        master.close()
        master.close()
        self.assertFalse(segment(self.name).exists())

    def test_every_call_on_a_closed_channel_says_so(self):
        master = self.open(ESHMRole.MASTER)
        master.close()
        for call in (
            lambda: master.write(b"x"),
            lambda: master.write(bytearray(b"x")),
            lambda: master.read(),
            lambda: master.read(timeout_ms=0),
            lambda: master.read(timeout_ms=TIMEOUT_INFINITE),
            lambda: master.try_read(),
            lambda: master.get_stats(),
            lambda: master.get_role(),
            lambda: master.is_remote_alive(),
            lambda: master.wakeup_mode,
            lambda: setattr(master, "wakeup_mode", ESHMWakeupMode.POLL),
        ):
            with self.assertRaisesRegex(RuntimeError, f"{self.name}.*is closed"):
                call()

    def test_the_name_can_be_opened_again(self):
        for i in range(20):
            with ESHM(self.name, role=ESHMRole.MASTER) as master, ESHM(
                self.name, role=ESHMRole.SLAVE
            ) as slave:
                master.write(b"%d" % i)
                self.assertEqual(slave.read(), b"%d" % i)

    def test_nothing_leaks(self):
        def resources():
            return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

        with ESHM(self.name, role=ESHMRole.MASTER):
            pass
        before = resources()
        for _ in range(50):
            with ESHM(self.name, role=ESHMRole.MASTER) as master, ESHM(
                self.name, role=ESHMRole.SLAVE
            ):
                master.write(b"x")
        # The service thread may still be on its way out.
        wait_until(
            lambda: all(now <= was for now, was in zip(resources(), before)),
            "what was there before",
        )

    def test_garbage_collection_closes(self):
        master = ESHM(self.name, role=ESHMRole.MASTER)
        self.assertTrue(segment(self.name).exists())
        del master
        self.assertFalse(segment(self.name).exists())

    def test_garbage_collection_in_any_order(self):
        backends = ("native", "ctypes") if _backend.NativeChannel is not None else ("ctypes",)
        roles = (ESHMRole.MASTER, ESHMRole.SLAVE)
        for order in itertools.permutations(range(4)):
            names = [self.unique_name() for _ in range(2)]
            ends = [ESHM(name, role=role, backend=backends[i % len(backends)])
                    for i, (name, role) in enumerate(itertools.product(names, roles))]
            for end in ends:
                end.others = ends  # each holds all
            for i in order:  # and is dropped by the list in this order
                ends[i] = None
            del ends, end
            gc.collect()
            for name in names:
                self.assertFalse(segment(name).exists())

    def test_garbage_collection_closes_in_a_cycle(self):
        cycle = [ESHM(self.name, role=ESHMRole.MASTER)]
        cycle.append(cycle)
        del cycle
        gc.collect()
        self.assertFalse(segment(self.name).exists())


class BusyThreads(ChannelTest):
    def failures_of(self, calls, close):
        """What each call ends with when the channel is closed under it."""
        results = []
        started = threading.Barrier(len(calls) + 1)

        def run(call):
            started.wait()
            try:
                while True:
                    call()
            except Exception as error:  # any kind is a result here
                results.append(error)

        threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
        for thread in threads:
            thread.start()
        started.wait()
        close()
        for thread in threads:
            thread.join(HANG_S)
            self.assertFalse(thread.is_alive(), "a call outlived close()")
        return results

    def test_close_ends_a_waiting_read(self):
        for timeout_ms in (60_000, TIMEOUT_INFINITE):
            master = self.open(ESHMRole.MASTER)
            errors = []

            def read(master=master, errors=errors, timeout_ms=timeout_ms):
                try:
                    master.read(timeout_ms=timeout_ms)
                except RuntimeError as error:
                    errors.append(str(error))

            threads = [threading.Thread(target=read) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                wait_until(lambda: asleep(thread.native_id), "the wait")
            master.close()
            self.assertFalse(segment(self.name).exists())
            for thread in threads:
                thread.join(HANG_S)
            self.assertEqual(errors, [f"ESHM(name='{self.name}', role=MASTER) is closed"] * 4)

    def test_close_under_calls_of_every_kind(self):
        def read():
            try:
                master.read(timeout_ms=1)
            except TimeoutError:
                pass

        for _ in range(20):
            master, slave = self.pair()
            calls = [
                lambda: master.write(b"x" * 4096),
                lambda: master.write(bytearray(100)),
                read,
                master.try_read,
                master.get_stats,
                master.is_remote_alive,
                master.get_role,
                slave.try_read,
            ]

            def close():
                master.close()
                slave.close()

            results = self.failures_of(calls, close)
            self.assertEqual(len(results), len(calls))
            for error in results:
                self.assertIsInstance(error, RuntimeError)
                self.assertRegex(str(error), "is closed")

    def test_close_from_many_threads(self):
        for _ in range(10):
            master = self.open(ESHMRole.MASTER)
            threads = [threading.Thread(target=master.close) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertFalse(segment(self.name).exists())

    def test_many_threads_share_a_channel(self):
        master, slave = self.pair()
        errors, stop = [], threading.Event()

        def guarded(function):
            try:
                while not stop.is_set():
                    function()
            except Exception as error:
                errors.append(error)

        def write():
            master.write(bytes([threading.get_ident() % 251]) * 3000)

        def read():
            message = slave.try_read()
            if message is not None and message != message[:1] * 3000:
                raise AssertionError("a torn message")

        def read_waiting():
            try:
                message = slave.read(buffer_size=3000, timeout_ms=50)
            except TimeoutError:
                return
            if message != message[:1] * 3000:
                raise AssertionError("a torn message")

        threads = [
            threading.Thread(target=guarded, args=(call,))
            for call in (write, write, read, read, read_waiting)
        ]
        for thread in threads:
            thread.start()
        stop.wait(1.0)
        stop.set()
        for thread in threads:
            thread.join(HANG_S)
        self.assertEqual(errors, [])


class Interpreter(ChannelTest):
    """The end of the process is a clean exit for the peer, and a quiet one."""

    def ends_in_order(self, code):
        program = self.script(code)
        self.assertEqual(program.line(), "open")
        slave = self.open(ESHMRole.SLAVE, reconnect_retry_interval_ms=10)
        program.send("go")
        self.assertEqual(program.end(), (0, ""))
        self.assertFalse(segment(self.name).exists())
        slave.close()

    def test_global_never_closed(self):
        self.ends_in_order("""
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
say("open")
sys.stdin.readline()
""")

    def test_cycle_never_collected(self):
        self.ends_in_order("""
import gc
gc.disable()
channel = [ESHM(sys.argv[1], role=ESHMRole.MASTER)]
channel.append(channel)
del channel
say("open")
sys.stdin.readline()
""")

    def test_daemon_thread_waiting_in_a_read(self):
        self.ends_in_order("""
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
def wait():
    try:
        channel.read(timeout_ms=TIMEOUT_INFINITE)
    except RuntimeError:
        pass
threading.Thread(target=wait, daemon=True).start()
say("open")
sys.stdin.readline()
""")

    def test_many_daemon_threads_in_the_midst_of_calls(self):
        for _ in range(5):
            self.ends_in_order("""
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
buffer = bytearray(64)
def again(call):
    try:
        while True:
            try:
                call()
            except TimeoutError:
                pass
    except RuntimeError:
        pass
for call in (lambda: channel.read(timeout_ms=TIMEOUT_INFINITE),
             lambda: channel.read(timeout_ms=1), channel.try_read,
             lambda: channel.readinto(bytearray(64), timeout_ms=TIMEOUT_INFINITE),
             lambda: channel.write(b"x" * 4096)):
    threading.Thread(target=again, args=(call,), daemon=True).start()
say("open")
sys.stdin.readline()
""")

    def test_object_kept_alive_by_the_interpreter(self):
        self.ends_in_order("""
sys.channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
say("open")
sys.stdin.readline()
""")

    def test_failed_opening(self):
        program = self.script("""
try:
    ESHM(sys.argv[1], role=ESHMRole.SLAVE)
except RuntimeError:
    say("refused")
""", self.name, ESHM_LOG="off")
        self.assertEqual(program.line(), "refused")
        self.assertEqual(program.end(), (0, ""))


if __name__ == "__main__":
    unittest.main()
