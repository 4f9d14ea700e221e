"""Triggers between Python programs, and what handlers may do."""

import copy
import gc
import io
import os
import pickle
import queue
import threading
import time
import unittest
import weakref
from contextlib import redirect_stderr, suppress

from support import (
    HANG_S,
    PACKAGE,
    ChannelTest,
    ESHMRole,
    Program,
    library_path,
    segment,
    wait_until,
)
from eshm.rpc import Rpc

CHILD = """
from eshm.rpc import Rpc
rpc = Rpc(sys.argv[1], role=ESHMRole[sys.argv[2]])
over = threading.Event()
@rpc.on_call("ping")
def ping():
    rpc.emit("pong")
@rpc.on_call("end")
def end():
    over.set()
rpc.start()
say("open")
over.wait()
say((rpc.dispatched, rpc.missed))
rpc.close()
"""


class RpcTest(ChannelTest):
    def setUp(self):
        super().setUp()
        name = self.name + "_ctl"
        self.addCleanup(lambda: segment(name).unlink() if segment(name).exists() else None)
        self.heard = queue.Queue()

    def rpc(self, role):
        rpc = Rpc(self.name, role=role)
        self.addCleanup(rpc.close)
        return rpc

    def both(self):
        return self.rpc(ESHMRole.MASTER), self.rpc(ESHMRole.SLAVE)

    def hear(self):
        return self.heard.get(timeout=HANG_S)

    def say(self, word):
        return lambda: self.heard.put(word)


class TwoProcesses(RpcTest):
    def python(self, role):
        return self.script(CHILD, self.name, role.name)

    def cpp(self, role):
        """CMake builds it; ESHM_LIB may lead to another build."""
        places = [
            library_path().parent / "test" / "rpc_end",
            PACKAGE.parent / "build" / "test" / "rpc_end",
        ]
        found = [place for place in places if place.is_file()]
        if not found:
            reason = "SKIPPED: there is no C++ program rpc_end; CMake builds it"
            print(reason, flush=True)
            self.skipTest(reason)
        library = str(library_path().parent)
        program = Program([str(found[0]), role.name.lower(), self.name], LD_LIBRARY_PATH=library)
        self.addCleanup(program.__exit__)
        return program

    def check(self, role, start_peer):
        """Our end in this role, the other in a process of its own: a call there, an event back."""

        def open_ours():
            rpc = self.rpc(role)
            rpc.on_event("pong")(self.say("pong"))
            rpc.start()
            return rpc

        master = role is ESHMRole.MASTER
        rpc = open_ours() if master else None
        child = start_peer(ESHMRole.SLAVE if master else ESHMRole.MASTER)
        rpc = rpc or open_ours()
        self.assertEqual(child.line(), "open")
        for _ in range(200):
            rpc.call("ping")
            self.assertEqual(self.hear(), "pong")
        rpc.call("end")
        self.assertEqual(child.line(), "(201, 0)")
        self.assertEqual((rpc.dispatched, rpc.missed), (200, 0))
        self.assertEqual(child.end(), (0, ""))

    def test_python_master_and_python_slave(self):
        self.check(ESHMRole.MASTER, self.python)

    def test_python_slave_and_python_master(self):
        self.check(ESHMRole.SLAVE, self.python)

    def test_python_master_and_cpp_slave(self):
        self.check(ESHMRole.MASTER, self.cpp)

    def test_python_slave_and_cpp_master(self):
        self.check(ESHMRole.SLAVE, self.cpp)

    def test_a_script_that_ends_without_closing(self):
        child = self.script(
            "from eshm.rpc import Rpc\n"
            "rpc = Rpc(sys.argv[1], role=ESHMRole.MASTER)\n"
            "rpc.on_event('tick')(lambda: None)\n"
            "rpc.start()\nsay('open')\nsys.stdin.readline()\n"
        )
        slave = self.rpc(ESHMRole.SLAVE)
        self.assertEqual(child.line(), "open")
        for _ in range(1000):
            slave.emit("tick")
        child.send("")
        with suppress(RuntimeError):  # once it has left there is nobody to tell
            for _ in range(1000):  # into its end
                slave.emit("tick")
        self.assertEqual(child.end(), (0, ""))


class Handlers(RpcTest):
    def test_a_call_has_one_and_an_event_any_number(self):
        master, slave = self.both()
        for word in ("old", "new"):
            master.on_call("c")(self.say(word))
        for word in ("first", "second"):
            master.on_event("e")(self.say(word))
        master.start()
        slave.call("c")
        self.assertEqual(self.hear(), "new")
        slave.emit("e")
        self.assertEqual([self.hear(), self.hear()], ["first", "second"])
        self.assertTrue(self.heard.empty())
        self.assertEqual((master.dispatched, master.missed), (3, 0))

    def test_names_are_any_bytes_as_fsdecode_has_them(self):
        master, slave = self.both()
        name, other = os.fsdecode(b"p\xefng"), os.fsdecode(b"p\xeeng")
        master.on_call(name)(self.say("right"))
        master.on_call(other)(self.say("wrong"))
        master.start()
        slave.call(name)
        self.assertEqual(self.hear(), "right")
        self.assertTrue(self.heard.empty())

    def test_decorators_give_the_function_back(self):
        master, slave = self.both()

        @master.on_call("go")
        @master.on_event("go")
        def go():
            self.heard.put("went")

        self.assertEqual(go.__name__, "go")
        master.start()
        slave.call("go")
        self.assertEqual(self.hear(), "went")
        slave.emit("go")
        self.assertEqual(self.hear(), "went")

    def test_exceptions_are_printed_and_swallowed(self):
        master, slave = self.both()
        for error in (ZeroDivisionError("on purpose"), SystemExit(3)):

            def fail(error=error):
                raise error

            master.on_event("fail")(fail)
        master.on_event("fail")(self.say("after"))
        master.start()
        printed = io.StringIO()
        with redirect_stderr(printed):
            for _ in range(2):
                slave.emit("fail")
                self.assertEqual(self.hear(), "after")
        self.assertEqual(printed.getvalue().count("ZeroDivisionError: on purpose"), 2)
        self.assertEqual(printed.getvalue().count("SystemExit: 3"), 2)
        self.assertEqual(master.dispatched, 6)

    def test_they_may_register_fire_and_stop(self):
        master, slave = self.both()

        @slave.on_call("begin")
        def begin():
            slave.on_call("begin")(self.say("replaced"))
            slave.on_event("more")(self.say("more"))
            slave.call("ready")

        @slave.on_event("stop")
        def stop():
            slave.stop()
            self.heard.put("stopped")

        master.on_call("ready")(self.say("ready"))
        master.start()
        slave.start()
        master.call("begin")
        self.assertEqual(self.hear(), "ready")
        master.call("begin")
        self.assertEqual(self.hear(), "replaced")
        master.emit("more")
        self.assertEqual(self.hear(), "more")
        master.emit("stop")
        self.assertEqual(self.hear(), "stopped")
        slave.stop()  # waits for its end
        master.emit("more")
        time.sleep(0.05)
        self.assertTrue(self.heard.empty())
        slave.start()
        self.assertEqual(self.hear(), "more")

    def test_they_may_close(self):
        master, slave = self.both()

        @master.on_event("end")
        def end():
            master.close()
            self.heard.put("closed")

        master.on_event("end")(self.say("too late"))
        master.start()
        slave.emit("end")
        self.assertEqual(self.hear(), "closed")
        slave.close()
        wait_until(lambda: not segment(self.name + "_ctl").exists(), "the channel's end")
        self.assertTrue(self.heard.empty())

    def test_stop_and_close_wait_for_one_that_runs(self):
        for method in ("stop", "close"):
            master, slave = self.both()
            go_on, finished = threading.Event(), threading.Event()

            @master.on_event("e")
            def slow():
                self.heard.put("begun")
                go_on.wait(HANG_S)
                finished.set()

            master.start()
            slave.emit("e")
            self.assertEqual(self.hear(), "begun")
            threading.Timer(0.05, go_on.set).start()
            getattr(master, method)()
            self.assertTrue(finished.is_set(), method)
            master.close()
            slave.close()


class Life(RpcTest):
    def test_there_is_no_copy(self):
        for made in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "an Rpc cannot be pickled or copied"):
                made(self.rpc(ESHMRole.MASTER))

    def test_coalescing(self):
        master, slave = self.both()
        master.on_call("last")(self.say("last"))
        for _ in range(9):
            slave.call("first")
        slave.call("last")
        master.start()
        self.assertEqual(self.hear(), "last")
        self.assertEqual((master.dispatched, master.missed), (1, 9))

    def test_a_closed_one(self):
        master = self.rpc(ESHMRole.MASTER)
        with master:
            master.start()
        self.assertFalse(segment(self.name + "_ctl").exists())
        master.close()
        self.assertEqual(repr(master), f"Rpc(channel='{self.name}_ctl', running=False, closed)")
        for call in (
            master.start,
            master.stop,
            lambda: master.call("x"),
            lambda: master.emit("x"),
            lambda: master.on_call("x")(print),
            lambda: master.on_event("x")(print),
            master.__enter__,
        ):
            with self.assertRaisesRegex(RuntimeError, "is closed"):
                call()
        self.assertEqual((master.missed, master.dispatched), (0, 0))

    def test_garbage_is_closed_with_its_handlers(self):
        master = Rpc(self.name, role=ESHMRole.MASTER)
        master.on_event("e")(lambda: master.emit("answer"))  # a cycle
        master.start()
        gone = weakref.ref(master)
        del master
        gc.collect()
        self.assertIsNone(gone())
        self.assertFalse(segment(self.name + "_ctl").exists())

    def test_refusals(self):
        with self.assertRaisesRegex(RuntimeError, "249 bytes|245|1 to"):
            Rpc("x" * 246, role=ESHMRole.MASTER)
        with self.assertRaises(RuntimeError):
            Rpc("", role=ESHMRole.MASTER)
        with self.assertRaises(RuntimeError):
            Rpc(self.name, role=7)
        with self.assertRaises(TypeError):
            Rpc(b"bytes", role=ESHMRole.MASTER)
        master = self.rpc(ESHMRole.MASTER)
        with self.assertRaises(TypeError):
            master.call(b"bytes")
        with self.assertRaises(ValueError):
            master.call("a\0b")
        with self.assertRaises(TypeError):
            master.on_call("x")(None)
        with self.assertRaisesRegex(RuntimeError, "^Call failed: Buffer too small"):
            master.call("x" * 5000)

    def test_a_forked_child(self):
        master, slave = self.both()
        master.on_call("go")(self.say("went"))
        master.start()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    master.start()
                except RuntimeError:
                    master.close()
                    slave.close()
                    code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        slave.call("go")
        self.assertEqual(self.hear(), "went")


if __name__ == "__main__":
    unittest.main()
