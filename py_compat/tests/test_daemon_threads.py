"""Daemon threads that are busy with a channel as the interpreter ends: it ends as any
program does, and says nothing."""

import unittest

from support import ChannelTest
from eshm._backend import NativeChannel

# Before Python 3.14 such a thread is ended by pthread_exit where it asks for the interpreter lock:
# in any code of Python's.
BUSY = """
backend, call = sys.argv[2:]
master, slave = (ESHM(sys.argv[1], role=role, backend=backend) for role in (ESHMRole.MASTER, ESHMRole.SLAVE))
assert (slave.backend, "eshm._native" in sys.modules) == (backend, NATIVE)
class Number:
    def __index__(self):
        sum(range(50))
        return 1
class Memory:
    def __init__(self):
        self.bytes = bytearray(10)
    def __buffer__(self, flags):  # from Python 3.12 on
        sum(range(50))
        return memoryview(self.bytes)
    def __release_buffer__(self, view):
        sum(range(50))
class Cycle:
    def __init__(self):
        self.me = self
    def __del__(self):
        sum(range(50))
def again():
    while True:
        try:
            eval(code)
        except (TimeoutError, RuntimeError, TypeError, ValueError, BufferError):
            pass
code = compile(call, "call", "eval")
for _ in range(3):
    threading.Thread(target=again, daemon=True).start()
time.sleep(0.03)
"""
CALLS = (
    "slave.read(timeout_ms=TIMEOUT_INFINITE)",
    "slave.read(timeout_ms=1)",
    "slave.read(timeout_ms=0)",
    "slave.read(timeout_ms=-1)",
    "slave.read(Number(), Number())",
    "slave.try_read()",
    "slave.readinto(bytearray(9), timeout_ms=1)",
    "slave.try_readinto(bytearray(9))",
    "slave.readinto(Memory(), timeout_ms=0)",
    "slave.readinto(b'', timeout_ms=0)",
    "master.write(b'x')",
    "master.write(bytearray(b'x'))",
    "master.write(memoryview(b'xyz')[::2])",
    "master.write(Memory())",
    "master.write('x')",
    "master.write(bytes(5000))",
    "slave.get_stats(), Cycle(), slave.is_remote_alive()",
    "ESHM(sys.argv[1] + '_none', role=ESHMRole.SLAVE, backend=backend)",
)


class TheEnd(ChannelTest):
    def is_silent(self, backend: str, call: str) -> None:
        native = NativeChannel is not None
        child = self.script(BUSY.replace("NATIVE", str(native)), self.name, backend, call,
                            ESHM_PYTHON_BACKEND="" if native else "ctypes", ESHM_LIB="")
        with self.subTest(backend=backend, call=call):
            self.assertEqual(child.end(), (0, ""))

    def test_over_ctypes(self) -> None:
        for call in CALLS:
            self.is_silent("ctypes", call)

    @unittest.skipIf(NativeChannel is None, "there is no native module")
    def test_over_the_native_back_end(self) -> None:
        for call in CALLS:
            self.is_silent("native", call)


if __name__ == "__main__":
    unittest.main()
