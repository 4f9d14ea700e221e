"""Which back end serves, both in one process, the exceptions, and what a waiting read lets happen
meanwhile."""

import os
import pickle
import unittest

from support import ChannelTest, asleep, segment, skip, wait_until
import eshm
from eshm import _backend
from eshm import ESHM, ESHMError, ESHMException, ESHMRole

HAS_NATIVE = _backend.NativeChannel is not None


class Choice(ChannelTest):
    def test_the_tests_run_over_the_one_that_was_asked_for(self):
        asked = os.environ.get("ESHM_PYTHON_BACKEND")
        if asked:
            self.assertEqual(self.open(ESHMRole.MASTER).backend, asked)

    def test_by_argument(self):
        for backend in ("native", "ctypes"):
            if backend == "native" and not HAS_NATIVE:
                with self.assertRaisesRegex(RuntimeError, "no native module: "):
                    ESHM(self.name, backend="native")
                continue
            with ESHM(self.name, backend=backend) as channel:
                self.assertEqual(channel.backend, backend)
        with self.assertRaisesRegex(ValueError, "backend.*'java'"):
            ESHM(self.name, backend="java")
        self.assertFalse(segment(self.name).exists())

    SHOW = (
        "\nwith ESHM(sys.argv[1]) as channel: say(channel.backend)"
        "\nsay('eshm._native' in sys.modules)"
    )

    def shown(self, **environment):
        program = self.script(self.SHOW, **environment)
        return program.line(), program.line()

    def test_by_environment(self):
        self.assertEqual(self.shown(ESHM_PYTHON_BACKEND="ctypes"), ("ctypes", "False"))
        if HAS_NATIVE:
            self.assertEqual(self.shown(ESHM_PYTHON_BACKEND="native"), ("native", "True"))

    def test_who_names_a_library_gets_it(self):
        library = str(eshm.library_path())
        self.assertEqual(self.shown(ESHM_PYTHON_BACKEND="", ESHM_LIB=library)[0], "ctypes")
        if HAS_NATIVE:
            self.assertEqual(
                self.shown(ESHM_PYTHON_BACKEND="native", ESHM_LIB=library)[0], "native"
            )

    def test_unknown_in_the_environment(self):
        program = self.script("", ESHM_PYTHON_BACKEND="java")
        code, errors = program.end()
        self.assertEqual(code, 1)
        self.assertIn("ESHM_PYTHON_BACKEND is 'java'", errors)

    def test_a_subclass_may_override_calls_over_either(self):
        class Counting(ESHM):
            count = 0

            def write(self, data):
                self.count += 1
                super().write(data)

        for backend in ("native", "ctypes") if HAS_NATIVE else ("ctypes",):
            with Counting(self.name, role=ESHMRole.MASTER, backend=backend) as master:
                with ESHM(self.name, role=ESHMRole.SLAVE, backend=backend) as slave:
                    master.write(b"x")
                    self.assertEqual((slave.read(), master.count), (b"x", 1))


class Together(ChannelTest):
    """Both back ends in one process: each has a copy of the library."""

    def setUp(self):
        super().setUp()
        if not HAS_NATIVE:
            skip(self, f"both back ends in one process: there is no native one: {_backend.missing}")

    def test_they_meet(self):
        for first, second in (("native", "ctypes"), ("ctypes", "native")):
            for roles in ((ESHMRole.MASTER, ESHMRole.SLAVE), (ESHMRole.AUTO, ESHMRole.AUTO)):
                with ESHM(self.name, role=roles[0], stale_threshold_ms=2000, backend=first) as one:
                    with ESHM(self.name, role=roles[1], backend=second) as other:
                        self.assertIs(other.get_role(), ESHMRole.SLAVE)
                        for i in range(100):
                            one.write(b"%d" % i)
                            self.assertEqual(other.read(timeout_ms=20_000), b"%d" % i)
                            other.write(bytearray(b"-%d" % i))
                            self.assertEqual(one.read(timeout_ms=20_000), b"-%d" % i)
                        self.assertTrue(one.is_remote_alive() and other.is_remote_alive())
                self.assertFalse(segment(self.name).exists())

    def test_the_other_one_has_all_calls(self):
        with ESHM(self.name, role=ESHMRole.MASTER) as master:
            for backend in ("native", "ctypes"):
                with ESHM(self.name, role=ESHMRole.SLAVE, backend=backend) as slave:
                    buffer = bytearray(8)
                    for read in (slave.read, lambda: slave.read(timeout_ms=50), slave.try_read,
                                 lambda: bytes(buffer[:slave.readinto(buffer)]),
                                 lambda: bytes(buffer[:slave.try_readinto(buffer)])):
                        master.write(b"abc")
                        self.assertEqual(read(), b"abc")
                    self.assertIsNone(slave.try_read())
                    self.assertIsNone(slave.try_readinto(buffer))
                    self.assertEqual(set(slave.get_stats()), set(master.get_stats()))
                for call in (slave.read, slave.try_read, slave.get_stats, lambda: slave.write(b"x"),
                             lambda: slave.readinto(buffer), lambda: slave.try_readinto(buffer)):
                    with self.assertRaisesRegex(
                        eshm.ESHMClosed, f"^ESHM\\(name='{self.name}', role=SLAVE\\) is closed$"
                    ):
                        call()

    def test_fork_with_both_open(self):
        program = self.script("""
one = ESHM(sys.argv[1], role=ESHMRole.MASTER, backend="native")
other = ESHM(sys.argv[1], role=ESHMRole.SLAVE, backend="ctypes")
pid = os.fork()
if pid == 0:
    for channel in (one, other):
        try:
            channel.write(b"x")
        except RuntimeError as error:
            say(error)
    one.close()
    sys.exit(0)
say(os.waitpid(pid, 0)[1])
other.write(b"still here")
say(one.read(timeout_ms=20000))
""", ESHM_PYTHON_BACKEND="")
        self.assertIn("opened in another process: open your own", program.line())
        self.assertIn("opened in another process: open your own", program.line())
        self.assertEqual(program.line(), "0")
        self.assertEqual(program.line(), "b'still here'")
        self.assertEqual(program.end(), (0, ""))
        self.assertFalse(segment(self.name).exists())

    def test_a_subinterpreter_gets_ctypes(self):
        program = self.script("""
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    say("none")
    sys.exit(0)
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
say(channel.backend)
code = '''
import sys
sys.path[:] = PATH
from eshm import ESHM, ESHMRole
with ESHM(NAME, role=ESHMRole.SLAVE) as channel:
    channel.write(channel.backend.encode())
'''.replace("PATH", repr(sys.path)).replace("NAME", repr(sys.argv[1]))
try:
    other = interpreters.create(isolated=False)
except TypeError:
    other = interpreters.create()
interpreters.run_string(other, code)
say(channel.read())
interpreters.destroy(other)
channel.close()
""", ESHM_PYTHON_BACKEND="")
        first = program.line()
        if first == "none":
            skip(self, "subinterpreters: this Python has no module for them that we know")
        self.assertEqual(first, "native")
        self.assertEqual(program.line(), "b'ctypes'")
        self.assertEqual(program.end(), (0, ""))
        self.assertFalse(segment(self.name).exists())


class Exceptions(ChannelTest):
    def code_of(self, kind, promised, call):
        with self.assertRaises(kind) as caught:
            call()
        self.assertIsInstance(caught.exception, promised)
        self.assertIsInstance(caught.exception, ESHMException)
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual(
            (type(copy), str(copy), copy.code), (kind, str(caught.exception), caught.exception.code)
        )
        return caught.exception.code

    def test_each_has_its_code(self):
        self.assertIs(
            self.code_of(
                eshm.ESHMOpenFailed, RuntimeError, lambda: ESHM(self.name, role=ESHMRole.SLAVE)
            ),
            ESHMError.SHM_ATTACH,
        )
        master, slave = self.pair()
        code_of = self.code_of
        self.assertIs(
            code_of(eshm.ESHMTimeout, TimeoutError, lambda: slave.read(timeout_ms=1)),
            ESHMError.TIMEOUT,
        )
        self.assertIs(
            code_of(eshm.ESHMNoData, RuntimeError, lambda: slave.read(timeout_ms=0)),
            ESHMError.NO_DATA,
        )
        too_small = ESHMError.BUFFER_TOO_SMALL
        self.assertIs(
            code_of(eshm.ESHMBufferTooSmall, RuntimeError, lambda: slave.write(bytes(1 << 20))),
            too_small,
        )
        master.write(b"0123456789")
        self.assertIs(
            code_of(eshm.ESHMBufferTooSmall, RuntimeError, lambda: slave.read(9)), too_small
        )
        slave.close()
        self.assertIs(code_of(eshm.ESHMClosed, RuntimeError, slave.read), ESHMError.NOT_INITIALIZED)

    def test_a_lost_master(self):
        master = self.peer("MASTER")
        slave = self.open(
            ESHMRole.SLAVE, disconnect_behavior=eshm.ESHMDisconnectBehavior.IMMEDIATELY
        )
        master.kill()
        code = self.code_of(
            eshm.ESHMStale, RuntimeError, lambda: slave.read(timeout_ms=eshm.TIMEOUT_INFINITE)
        )
        self.assertIs(code, ESHMError.MASTER_STALE)
        self.assertIs(
            self.code_of(eshm.ESHMFailed, RuntimeError, lambda: slave.write(b"x")),
            ESHMError.TIMEOUT,
        )

    def test_a_channel_cannot_be_pickled(self):
        with self.assertRaisesRegex(TypeError, "pickle"):
            pickle.dumps(self.open(ESHMRole.MASTER))


class Meanwhile(ChannelTest):
    """While one thread waits, the others run."""

    CODE = """
import sys
# Nobody is made to give way: a wait that kept the interpreter would keep it.
sys.setswitchinterval(1000)
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    begun = threading.Event()
    def wait():
        begun.set()
        say(CALL)
    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    for i in range(3):
        say(i)
        sys.stdin.readline()
    thread.join()
"""

    def test_other_threads_run(self):
        for call, answer in (("channel.read(timeout_ms=TIMEOUT_INFINITE)", "b'abc'"),
                             ("channel.readinto(bytearray(8), timeout_ms=TIMEOUT_INFINITE)", "3")):
            program = self.script(self.CODE.replace("CALL", call))
            for i in range(3):
                self.assertEqual(program.line(), str(i))
                if i < 2:
                    program.send("go on")
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                slave.write(b"abc")
                self.assertEqual(program.line(), answer)
                program.send("the end")
                self.assertEqual(program.end(), (0, ""))

    def test_a_read_that_is_killed_leaves_a_channel_that_others_take_over(self):
        program = self.script("""
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("open")
    channel.read(timeout_ms=TIMEOUT_INFINITE)
""")
        self.assertEqual(program.line(), "open")
        wait_until(lambda: asleep(program.process.pid), "the wait")
        program.process.kill()
        program.process.wait()
        master, slave = self.pair()
        slave.write(b"x")
        self.assertEqual(master.read(), b"x")


if __name__ == "__main__":
    unittest.main()
