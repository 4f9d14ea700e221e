"""A channel inherited by fork() is dead in the child and unharmed in the parent."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from support import PRELUDE, ChannelTest, Program, segment
from eshm import ESHMRole


class Fork(ChannelTest):
    CODE = """
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
pid = os.fork()
if pid == 0:
    for call in (lambda: channel.write(b"x"), channel.read, channel.try_read, channel.get_stats,
                 channel.get_role, channel.is_remote_alive,
                 lambda: channel.read(timeout_ms=TIMEOUT_INFINITE), lambda: channel.wakeup_mode,
                 lambda: setattr(channel, "wakeup_mode", ESHMWakeupMode.POLL)):
        try:
            call()
            say("no error")
        except RuntimeError as error:
            say(error)
    channel.close()
    channel.close()
    with ESHM(sys.argv[1], role=ESHMRole.SLAVE) as own:
        own.write(b"own channel")
    LEAVE
say(os.waitpid(pid, 0)[1])
say(channel.read(timeout_ms=20000))
say(os.path.exists("/dev/shm/eshm_" + sys.argv[1]))
channel.write(b"x")
say("end")
"""

    def check(self, leave):
        program = self.script(self.CODE.replace("LEAVE", leave))
        for _ in range(9):
            self.assertRegex(
                program.line(),
                "(Write failed|Read failed|Failed to .*|failed): "
                "opened in another process: open your own$",
            )
        self.assertEqual(program.line(), "0")  # the child's exit status
        self.assertEqual(program.line(), "b'own channel'")
        self.assertEqual(program.line(), "True")
        self.assertEqual(program.line(), "end")
        self.assertEqual(program.end(), (0, ""))
        self.assertFalse(segment(self.name).exists())

    def test_an_inherited_channel_is_dead_and_harmless(self):
        self.check("os._exit(0)")

    def test_a_child_that_ends_as_a_program_does(self):
        self.check("sys.exit(0)")

    def test_fork_while_a_thread_reads(self):
        program = self.script("""
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
got = []
thread = threading.Thread(target=lambda: got.append(channel.read(timeout_ms=TIMEOUT_INFINITE)))
thread.start()
pid = os.fork()
if pid == 0:
    channel.close()
    sys.exit(0)
say(os.waitpid(pid, 0)[1])
sys.stdin.readline()
thread.join()
say(got)
""")
        self.assertEqual(program.line(), "0")
        self.open(ESHMRole.SLAVE).write(b"still here")
        program.send("go")
        self.assertEqual(program.line(), "[b'still here']")
        self.assertEqual(program.end(), (0, ""))

    def test_multiprocessing_child_opens_its_own(self):
        # From a file, as the other methods import the main module anew in the child.
        path = Path(tempfile.mkdtemp(prefix="eshm_test_")) / "program.py"
        self.addCleanup(shutil.rmtree, path.parent)
        path.write_text(PRELUDE + """
import multiprocessing
def child(name):
    with ESHM(name, role=ESHMRole.SLAVE) as slave:
        slave.write(b"from the child")
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
            read = lambda: channel.read(timeout_ms=TIMEOUT_INFINITE)
            waiting = threading.Thread(target=lambda: say(read()))
            waiting.start()
            process = context.Process(target=child, args=(sys.argv[1],))
            process.start()
            process.join()
            waiting.join()
            say(process.exitcode)
""")
        with Program([sys.executable, str(path), self.name]) as program:
            for _ in range(3):
                self.assertEqual(program.line(), "b'from the child'")
                self.assertEqual(program.line(), "0")
            self.assertEqual(program.end(), (0, ""))
        self.assertFalse(segment(self.name).exists())

    def test_forked_while_threads_read_the_child_collects_what_it_inherited(self):
        program = self.script("""
import gc
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
read = lambda: say(channel.read(timeout_ms=TIMEOUT_INFINITE))
threads = [threading.Thread(target=read) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    stat = f"/proc/self/task/{thread.native_id}/stat"
    while open(stat).read().rpartition(")")[2].split()[0] != "S":
        pass
pid = os.fork()
if pid == 0:
    del channel, thread, threads
    gc.collect()
    os._exit(0)
say(os.waitpid(pid, 0)[1])
say("forked")
for thread in threads:
    thread.join()
channel.close()
""")
        self.assertEqual(program.line(), "0")
        self.assertEqual(program.line(), "forked")
        slave = self.open(ESHMRole.SLAVE)
        for i in range(3):
            slave.write(b"%d" % i)
            self.assertEqual(program.line(), f"b'{i}'")
        self.assertEqual(program.end(), (0, ""))


if __name__ == "__main__":
    unittest.main()
