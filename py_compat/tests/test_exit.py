"""The end of the interpreter: channels close last, and nothing is said about it."""

import sys
import tempfile
import threading
import unittest
from pathlib import Path

from support import HANG_S, PACKAGE, PRELUDE, ChannelTest, Program, ESHMRole, segment
from eshm.rpc import Rpc

ROBOT = """
class Robot:
    def __init__(self, channel):
        self.channel = channel
    def stop(self):
        self.channel.write(b"stop")
    def __del__(self):
        self.stop()
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
"""
END = "\nsay('open')\nsys.stdin.readline()\n"


class LastWords(ChannelTest):
    """What a finalizer of the user's writes arrives, and then the channel is closed in order."""

    def last_words(self, code, status=0, errors="^$"):
        child = self.script(code)
        self.heard_from(child, status, errors)

    def heard_from(self, child, status=0, errors="^$"):
        self.assertEqual(child.line(), "open")
        # In the background a slave reattaches; what its master left is read before.
        slave = self.open(ESHMRole.SLAVE, max_reconnect_attempts=0, reconnect_wait_ms=0)
        child.send("go")
        self.assertEqual(slave.read(timeout_ms=int(HANG_S * 1000)), b"stop")
        code, said = child.end()
        self.assertEqual(code, status, said)
        self.assertRegex(said, errors)
        self.assertFalse(segment(self.name).exists())
        slave.close()

    def test_of_a_global_made_after_its_channel(self):
        self.last_words(ROBOT + "robot = Robot(channel)" + END)

    def test_of_a_global_that_has_the_only_reference(self):
        self.last_words(ROBOT + "robot = Robot(channel)\ndel channel" + END)

    def test_in_a_program_that_uses_multiprocessing(self):
        """Whose finalizers run in the main process too, before the objects' ones."""
        self.last_words("import multiprocessing.util\n" + ROBOT + "robot = Robot(channel)" + END)

    def test_in_cycles(self):
        self.last_words(
            ROBOT
            + "robot = Robot(channel)\nchannel.robot = robot\nrobot.me = robot\ndel robot, channel"
            + END
        )

    def test_of_an_object_collected_before_the_end(self):
        self.last_words(
            ROBOT
            + "robot = Robot(channel)\nchannel.robot = robot\nrobot.me = robot\ndel robot, channel"
            + END
            + "import gc\ngc.collect()\n"
        )

    def test_of_an_object_that_an_exception_hook_keeps(self):
        self.last_words(
            ROBOT + "robot = Robot(channel)\ndel eshm\nsys.excepthook = lambda *_: robot" + END
        )

    def test_of_an_object_that_a_new_attribute_of_sys_keeps(self):
        self.last_words(ROBOT + "sys.robot = Robot(channel)\ndel channel" + END)

    def test_of_one_with_the_module_kept_too(self):
        self.last_words(
            ROBOT + "robot = Robot(channel)\nsys.excepthook = lambda *_: (robot, eshm)" + END
        )

    def test_of_a_function_registered_after_the_import(self):
        self.last_words(
            ROBOT + "import atexit\natexit.register(lambda: channel.write(b'stop'))" + END
        )

    def test_of_a_function_registered_before_the_import(self):
        code = f"""
import atexit, sys
atexit.register(lambda: channel.write(b"stop"))
sys.path.insert(0, {str(PACKAGE)!r})
from eshm import ESHM, ESHMRole
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
print("open", flush=True)
sys.stdin.readline()
"""
        child = Program([sys.executable, "-c", code, self.name])
        self.addCleanup(child.__exit__)
        self.heard_from(child)

    def test_after_sys_exit(self):
        self.last_words(ROBOT + "robot = Robot(channel)" + END + "sys.exit(3)", 3)

    def test_after_an_exception(self):
        self.last_words(
            ROBOT + "robot = Robot(channel)" + END + "1 / 0",
            1,
            "ZeroDivisionError: division by zero\n$",
        )

    def test_of_a_channel_for_records(self):
        self.last_words(
            "from eshm_data import ESHMData"
            + ROBOT.replace("= ESHM(", "= ESHMData(")
            + "robot = Robot(channel)"
            + END
        )

    def test_in_asyncio(self):
        self.last_words(
            ROBOT.replace("channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)", "")
            + """
import asyncio
async def main():
    channel = await AsyncESHM(sys.argv[1], role=ESHMRole.MASTER).__aenter__()
    return Robot(channel.channel)
robot = asyncio.run(main())
"""
            + END
        )

    def test_beside_threads_that_are_busy_with_the_channel(self):
        # None of them catches anything: whatever they are told at the end would be printed. (Python
        # itself runs no finalizer of what their functions' module holds.)
        busy = """
def again(call):
    while True:
        try:
            call()
        except TimeoutError:
            pass
for call in (CALLS):
    threading.Thread(target=again, args=(call,), daemon=True).start()
"""
        waiting = (
            "lambda: channel.read(timeout_ms=TIMEOUT_INFINITE), "
            "lambda: channel.readinto(bytearray(9)),"
        )
        short = waiting + "lambda: channel.read(timeout_ms=1), channel.try_read, channel.get_stats,"
        for calls in (waiting, short, short):
            self.last_words(
                ROBOT
                + busy.replace("CALLS", calls)
                + "import atexit\natexit.register(lambda: channel.write(b'stop'))\ntime.sleep(0.01)"
                + END
            )

    def test_a_thread_waits_on_while_finalizers_run(self):
        child = self.script(
            """
import atexit
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
def wait():
    say(channel.read(timeout_ms=TIMEOUT_INFINITE))
    over.set()
over = threading.Event()
thread = threading.Thread(target=wait, daemon=True)
thread.start()
@atexit.register
def last():
    say("ending")
    over.wait()
"""
            + END
        )
        self.assertEqual(child.line(), "open")
        slave = self.open(ESHMRole.SLAVE)
        child.send("go")
        self.assertEqual(child.line(), "ending")
        slave.write(b"news")
        self.assertEqual(child.line(), "b'news'")
        self.assertEqual(child.end(), (0, ""))
        self.assertFalse(segment(self.name).exists())


class Triggers(ChannelTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(
            lambda: (
                segment(self.name + "_ctl").unlink()
                if segment(self.name + "_ctl").exists()
                else None
            )
        )

    CODE = (
        """
from eshm.rpc import Rpc
class Robot:
    def __init__(self, panel):
        self.panel = panel
    def __del__(self):
        self.panel.start()  # no handler runs any more
        self.panel.call("halt")
panel = Rpc(sys.argv[1], role=ESHMRole.MASTER)
panel.on_event("tick")(lambda: None)
panel.start()
robot = Robot(panel)
MORE
"""
        + END
    )

    def test_a_finalizers_trigger_is_fired(self):
        for more in (
            "",
            "sys.excepthook = lambda *_: robot",
            "panel.robot = robot\ndel panel, robot",
        ):
            child = self.script(self.CODE.replace("MORE", more))
            self.assertEqual(child.line(), "open")
            with Rpc(self.name, role=ESHMRole.SLAVE) as other:
                halted = threading.Event()
                other.on_call("halt")(halted.set)
                for _ in range(100):
                    other.emit("tick")
                child.send("go")
                self.assertTrue(halted.wait(HANG_S), more)
                self.assertEqual(child.end(), (0, ""))
            self.assertFalse(segment(self.name + "_ctl").exists())

    def test_a_handler_that_runs_is_waited_for(self):
        child = self.script(
            """
from eshm.rpc import Rpc
panel = Rpc(sys.argv[1], role=ESHMRole.MASTER)
@panel.on_call("work")
def work():
    say("working")
    time.sleep(0.2)
    say("done")
panel.start()
"""
            + END
        )
        self.assertEqual(child.line(), "open")
        other = Rpc(self.name, role=ESHMRole.SLAVE)
        self.addCleanup(other.close)
        other.call("work")
        self.assertEqual(child.line(), "working")
        child.send("go")
        self.assertEqual(child.line(), "done")
        self.assertEqual(child.end(), (0, ""))


class Multiprocessing(ChannelTest):
    """A child that multiprocessing forked ends by os._exit; one that it spawned ends as every
    program does."""

    CODE = """
import multiprocessing
from multiprocessing.util import Finalize
name, methods = sys.argv[1:]
def child():
    global channel, robot
    BODY
    say("opened")
if __name__ == "__main__":
    parents = ESHM(name + "_parent", role=ESHMRole.MASTER)
    for method in methods.split():
        process = multiprocessing.get_context(method).Process(target=child)
        process.start()
        process.join()
        files = [f"/dev/shm/eshm_{name}{end}" for end in ("", "_parent")]
        say((method, process.exitcode, *map(os.path.exists, files)))
    parents.write(b"x")
"""
    OPEN = "channel = ESHM(name, role=ESHMRole.MASTER)"

    def program(self, body, methods):
        folder = tempfile.TemporaryDirectory(prefix="eshm_test_")
        self.addCleanup(folder.cleanup)
        self.addCleanup(
            lambda: (
                segment(self.name + "_parent").unlink()
                if segment(self.name + "_parent").exists()
                else None
            )
        )
        # A file, which two of the methods import in the child.
        path = Path(folder.name) / "program.py"
        path.write_text(PRELUDE + self.CODE.replace("BODY", body.replace("\n", "\n    ")))
        program = Program([sys.executable, str(path), self.name, methods])
        self.addCleanup(program.__exit__)
        return program

    def ends(self, program, method):
        self.assertEqual(program.line(), repr((method, 0, False, True)))

    def closes_its_own(self, body):
        program = self.program(body, "fork spawn forkserver")
        for method in ("fork", "spawn", "forkserver"):
            self.assertEqual(program.line(), "opened", method)
            self.ends(program, method)
        self.assertEqual(program.end(), (0, ""))

    def test_a_child_closes_its_own_channel(self):
        self.closes_its_own(self.OPEN)

    def test_also_where_a_daemon_thread_waits_on_it(self):
        self.closes_its_own(
            self.OPEN
            + """
thread = threading.Thread(target=lambda: channel.read(timeout_ms=TIMEOUT_INFINITE), daemon=True)
thread.start()
while open(f"/proc/self/task/{thread.native_id}/stat").read().rpartition(")")[2].split()[0] != "S":
    pass"""
        )

    def last_words(self, body, *methods):
        for method in methods or ("fork", "spawn", "forkserver"):
            program = self.program(self.OPEN + body, method)
            self.assertEqual(program.line(), "opened")
            slave = self.open(ESHMRole.SLAVE, max_reconnect_attempts=0, reconnect_wait_ms=0)
            if "ending" in body:
                self.assertEqual(program.line(), "ending")
            segment(self.unique).touch()
            self.assertEqual(slave.read(timeout_ms=int(HANG_S * 1000)), b"stop", method)
            self.ends(program, method)
            self.assertEqual(program.end(), (0, ""))
            segment(self.unique).unlink()
            slave.close()

    WAIT = """
def stop():
    while not os.path.exists("GO"):
        pass
    channel.write(b"stop")
"""

    def setUp(self):
        super().setUp()
        # Its file is a sign to the child, whose standard input is closed.
        self.unique = self.unique_name()
        self.WAIT = self.WAIT.replace("GO", str(segment(self.unique)))

    def test_after_what_the_user_has_multiprocessing_call(self):
        self.last_words(
            self.WAIT
            + """Finalize(None, stop, exitpriority=-1000)
Finalize(None, say, ("ending",), exitpriority=-999)"""
        )

    def test_after_the_finalizers_of_a_spawned_child(self):
        """It is a program like any other."""
        self.last_words(
            """
class Robot:
    def __del__(self, access=os.access, write=channel.write):
        while not access("GO", 0):
            pass
        write(b"stop")
robot = Robot()
""".replace("GO", str(segment(self.unique))),
            "spawn",
        )

    def test_a_handler_that_runs_in_a_forked_child_is_waited_for(self):
        control = segment(self.name + "_ctl")
        self.addCleanup(lambda: control.unlink() if control.exists() else None)
        body = """
from eshm.rpc import Rpc
robot = Rpc(name, role=ESHMRole.MASTER)
begun = threading.Event()
@robot.on_call("work")
def work():
    begun.set()
    while not os.path.exists("GO"):
        pass
    say("done")
robot.start()
say("ready")
begun.wait()
"""
        program = self.program(body.replace("GO", str(segment(self.unique))), "fork")
        self.assertEqual(program.line(), "ready")
        with Rpc(self.name, role=ESHMRole.SLAVE) as other:
            other.call("work")
            self.assertEqual(program.line(), "opened")
            segment(self.unique).touch()
            self.assertEqual(program.line(), "done")
            self.ends(program, "fork")
            self.assertEqual(program.end(), (0, ""))
        self.assertFalse(control.exists())

    def test_a_handler_of_a_forked_child_has_its_channels_until_it_ends(self):
        control = segment(self.name + "_ctl")
        self.addCleanup(lambda: control.unlink() if control.exists() else None)
        body = """
from eshm.rpc import Rpc
robot = Rpc(name, role=ESHMRole.MASTER)
begun, ending = threading.Event(), threading.Event()
@robot.on_call("work")
def work():
    begun.set()
    ending.wait()
    for _ in range(300):
        time.sleep(0.001)
        channel.write(b"x")
    say("done")
robot.start()
say("ready")
begun.wait()
Finalize(None, ending.set, exitpriority=-1000)"""
        program = self.program(self.OPEN + body, "fork")
        self.assertEqual(program.line(), "ready")
        with Rpc(self.name, role=ESHMRole.SLAVE) as other:
            other.call("work")
            self.assertEqual(program.line(), "opened")
            self.assertEqual(program.line(), "done")
            self.ends(program, "fork")
            self.assertEqual(program.end(), (0, ""))
        self.assertFalse(control.exists())

    def test_after_threads_that_are_waited_for(self):
        self.last_words(self.WAIT + """threading.Thread(target=stop).start()""")


if __name__ == "__main__":
    unittest.main()
