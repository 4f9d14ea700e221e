"""How large a message may be is the peer's choice; that there is no memory for it is an error."""

import subprocess
import sys
import unittest

import support
from support import HANG_S, PACKAGE

PROGRAM = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from eshm import ESHM, ESHMRole

LARGE = 64 << 20
with ESHM(sys.argv[2], ESHMRole.MASTER, capacity=LARGE) as master, ESHM(sys.argv[2]) as slave:
    master.write(bytes(LARGE))
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1, before[1]))  # nothing more than there is now
    try:
        slave.read()
    except MemoryError:
        refused = True
    resource.setrlimit(resource.RLIMIT_AS, before)
    assert refused
    assert len(slave.read()) == LARGE, "it stays readable"
"""


class Memory(unittest.TestCase):
    def test_a_message_that_memory_does_not_suffice_for_is_a_memory_error(self):
        name = f"memory_{support.os.getpid()}"
        command = [sys.executable, "-c", PROGRAM, str(PACKAGE), name]
        result = subprocess.run(command, stderr=subprocess.PIPE, timeout=4 * HANG_S, check=False)
        self.assertEqual(result.returncode, 0, result.stderr.decode())


if __name__ == "__main__":
    unittest.main()
