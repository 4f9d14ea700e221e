"""Calls that fail in a finalizer at the end of the interpreter: the exceptions are those of
any other time."""

import unittest
from typing import List

from support import ChannelTest
from eshm._backend import NativeChannel

TRIED = """
backend = sys.argv[2]
master, slave = (ESHM(sys.argv[1], role=role, backend=backend) for role in (ESHMRole.MASTER, ESHMRole.SLAVE))
class Robot:
    def all_fail(self, write=os.write, master=master, slave=slave, ESHM=ESHM, opened=(sys.argv[1], backend)):
        def tried(call):
            try:
                return repr(call())
            except BaseException as error:
                return f"{type(error).__module__}.{type(error).__name__} {getattr(error, 'code', None)!r}: {error}"
        def full(call):
            master.write(b"abcdef")
            try:
                return call()
            finally:
                slave.try_read()
        for call in (CALLS):
            write(1, (tried(call) + "\\n").encode())
    def __del__(self):
        self.all_fail()
"""
CALLS = """
    lambda: slave.read(timeout_ms=1), lambda: slave.read(timeout_ms=150), lambda: slave.read(timeout_ms=0), slave.try_read,
    lambda: slave.readinto(bytearray(3), timeout_ms=1), lambda: slave.try_readinto(bytearray(3)),
    lambda: slave.readinto(bytearray(3), timeout_ms=0), lambda: slave.readinto(b""), lambda: slave.readinto("x"),
    lambda: slave.readinto(memoryview(bytearray(9))[::2]),
    lambda: slave.read(timeout_ms=-1), lambda: slave.read(timeout_ms=1 << 80), lambda: slave.read(timeout_ms="x"),
    lambda: slave.read(-1), lambda: slave.read(1.5), lambda: slave.try_read("x"), lambda: slave.readinto(bytearray(3), 1 << 32),
    lambda: full(lambda: slave.read(2)), lambda: full(lambda: slave.readinto(bytearray(2))), lambda: full(lambda: slave.try_read(3)),
    lambda: master.write("x"), lambda: master.write(None), lambda: master.write(bytes(5000)), lambda: master.write(bytearray(5000)),
    lambda: master.write(memoryview(b"abcdef")[::2]), slave.try_read,
    lambda: slave.read_data(timeout_ms=1), lambda: full(slave.read_data), lambda: master.write_data({"a": object()}),
    lambda: setattr(slave, "wakeup_mode", 7),
    lambda: ESHM(opened[0] + "_none", role=1, backend=opened[1]), lambda: ESHM(opened[0], role=9, backend=opened[1]),
    lambda: slave.__reduce__(), slave.close, slave.close,
    slave.read, slave.try_read, lambda: slave.readinto(bytearray(3)), lambda: slave.write(b"x"), lambda: slave.write(bytearray(b"x")),
    slave.get_stats, slave.get_role, slave.is_remote_alive, slave.event_fd, lambda: slave.capacity, lambda: slave.wakeup_mode,
    slave.__enter__, lambda: slave,
"""


class Finalizers(ChannelTest):
    def said(self, backend: str, end: str) -> List[str]:
        code = TRIED.replace("CALLS", CALLS) + end
        child = self.script(code, self.name, backend, ESHM_PYTHON_BACKEND="" if NativeChannel is not None else "ctypes", ESHM_LIB="")
        said, errors = child.process.communicate(timeout=60)
        self.assertEqual((child.process.returncode, errors.decode()), (0, ""), said.decode())
        return said.decode().splitlines()

    ENDS = {
        "a global": "robot = Robot()",
        "a cycle": "robot = Robot()\nrobot.me = robot\ndel robot",
        "an argument's default": "robot = Robot()\ndef function(robot=robot): pass\ndel robot",
        "a module": "import types\nmodule = sys.modules['a_module'] = types.ModuleType('a_module')\nmodule.robot = Robot()\ndel module",
        "a global, beside a daemon thread": "robot = Robot()\nthread = threading.Thread(target=master.read, args=(None, 60_000), daemon=True)\nthread.start()\ntime.sleep(0.05)",
    }

    def same(self, backend: str) -> None:
        before = self.said(backend, "del Robot.__del__\nRobot().all_fail()")
        self.assertGreater(len(before), 40)
        for what, end in self.ENDS.items():
            with self.subTest(what):
                self.assertEqual(self.said(backend, end), before)

    def test_over_ctypes(self) -> None:
        self.same("ctypes")

    @unittest.skipIf(NativeChannel is None, "there is no native module")
    def test_over_the_native_back_end(self) -> None:
        self.same("native")


if __name__ == "__main__":
    unittest.main()
