"""The examples and benchmarks, run as a user runs them, from another directory."""

import re
import signal
import sys
import tempfile
import unittest
from pathlib import Path

from support import PACKAGE, ChannelTest, Program, segment

ELSEWHERE = Path(tempfile.gettempdir())
REPORT = re.compile(
    r"^\[ *\d+\] Total: +\d+\.\ds, \d+\.\d msg/s \| Interval: \d+\.\d msg/s$"
)


class Programs(ChannelTest):
    def start(self, path, *arguments):
        program = Program(
            [sys.executable, str(PACKAGE / path), *arguments],
            cwd=ELSEWHERE,
            PYTHONPATH=str(PACKAGE),
        )
        self.addCleanup(program.__exit__)
        return program

    def ends_in_order(self, program, number=signal.SIGINT):
        program.signal(number)
        code, errors = program.end()
        self.assertEqual((code, errors), (0, ""))


class SimplePair(Programs):
    def test_lines_of_the_guide(self):
        master = self.start("examples/simple_master.py", self.name)
        self.assertEqual(master.line(), "=== ESHM Python Master Example ===")
        self.assertEqual(master.line(), "Initialized as MASTER")
        self.assertEqual(master.line(), "[MASTER] Sent: Hello from Python master #0")
        slave = self.start("examples/simple_slave.py", self.name)
        self.assertEqual(slave.line(), "=== ESHM Python Slave Example ===")
        self.assertEqual(slave.line(), "Initialized as SLAVE")
        for i in range(10):
            heard = re.fullmatch(
                r"\[SLAVE\] Received \((\d+) bytes\): (Hello from Python master #\d+)", slave.line()
            )
            self.assertEqual(int(heard[1]), len(heard[2]) + 1)  # the NUL
            self.assertEqual(slave.line(), f"[SLAVE] Sent: ACK from Python slave #{i}")
            master.line_with(f"[MASTER] Received: ACK from Python slave #{i}")
        self.ends_in_order(slave, signal.SIGINT)
        self.ends_in_order(master, signal.SIGTERM)
        self.assertFalse(segment(self.name).exists())

    def test_each_ends_on_each_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            master = self.start("examples/simple_master.py", self.name)
            master.line_with("Initialized")
            slave = self.start("examples/simple_slave.py", self.name)
            slave.line_with("Received")
            self.ends_in_order(slave, number)
            self.ends_in_order(master, number)

    def test_slave_of_a_fast_master_prints_a_line_a_second_after_ten(self):
        self.script("""
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("open")
    for i in range(10**9):
        channel.write(b"Hello from master #%d\\0" % i)
        time.sleep(0.002)
""").line()
        slave = self.start("examples/simple_slave.py", self.name)
        for _ in range(2 + 20):
            slave.line()
        self.assertRegex(
            slave.line(), r"^\[SLAVE\] \d+ messages, \d+/s, newest: Hello from master #\d+$"
        )
        self.ends_in_order(slave)

    def test_slave_goes_on_after_its_master_was_killed(self):
        master = self.start("examples/simple_master.py", self.name)
        master.line_with("Initialized")
        slave = self.start("examples/simple_slave.py", self.name)
        slave.line_with("Received")
        master.process.kill()
        slave.line_with("[SLAVE] Master is lost")
        self.start("examples/simple_master.py", self.name).line_with(
            "[MASTER] Received: ACK from Python slave"
        )
        slave.line_with("[SLAVE] Master is back")
        self.ends_in_order(slave)

    def test_slave_without_a_master_says_why(self):
        slave = self.start("examples/simple_slave.py", self.name)
        code, errors = slave.end()
        self.assertEqual(code, 1)
        self.assertRegex(errors, f"^\\[SLAVE\\] Failed to initialize ESHM '{self.name}' as SLAVE")


class Demos(Programs):
    def check(self, path, *expected):
        program = self.start(path, self.name)
        output = b""
        while True:
            chunk = program.process.stdout.read()
            if not chunk:
                break
            output += chunk
        code, errors = program.end()
        self.assertEqual((code, errors), (0, ""), output.decode())
        for text in expected:
            self.assertRegex(output.decode(), text)
        self.assertFalse(segment(self.name).exists())

    def test_reconnect_demo(self):
        self.check(
            "examples/reconnect_demo.py",
            "killed",
            "ended in order",
            "is lost",
            "one slave, three masters",
        )

    def test_advanced_example(self):
        self.check(
            "examples/advanced_example.py",
            "mode PUSH",
            "of 200 steps answered",
            "m2s_write_count  ",
            "Done",
        )

    def test_standalone_demo(self):
        self.check("examples/standalone_demo.py", "hello came back as HELLO", "exit code 0")


class Benchmarks(Programs):
    def test_slave_of_a_python_master(self):
        master = self.start("tests/performance/benchmark_master.py", self.name, "100")
        master.line_with("Python master")
        slave = self.start(
            "tests/performance/benchmark_slave.py", self.name, "100", "--messages", "500"
        )
        slave.line_with("Python slave")
        for _ in range(5):
            self.assertRegex(slave.line(), REPORT)
        self.assertRegex(slave.line(), r"^Average: \d+\.\d msg/s \(500 messages")
        self.assertEqual(slave.end(), (0, ""))
        self.assertRegex(master.line(), REPORT)
        self.ends_in_order(master)

    def test_master_with_a_limit_and_a_slave_until_ctrl_c(self):
        master = self.start(
            "tests/performance/benchmark_master.py", self.name, "50", "--messages", "200"
        )
        master.line_with("Python master")
        slave = self.start("tests/performance/benchmark_slave.py", self.name, "50")
        slave.line_with("Python slave")
        for _ in range(4):
            self.assertRegex(master.line(), REPORT)
        self.assertEqual(master.end(), (0, ""))
        self.ends_in_order(slave)

    def test_limit_in_seconds(self):
        self.assertEqual(
            self.start(
                "tests/performance/benchmark_master.py", self.name, "--seconds", "0.3"
            ).end(),
            (0, ""),
        )

    def test_report_line_is_the_guides(self):
        self.assertRegex("[  1000] Total:    0.3s, 3875.5 msg/s | Interval: 3875.5 msg/s", REPORT)

    def test_wrong_arguments(self):
        for arguments in (["x", "0"], ["x", "many"], ["x", "1", "--bogus"]):
            self.assertEqual(
                self.start("tests/performance/benchmark_slave.py", *arguments).end()[0], 2
            )


if __name__ == "__main__":
    unittest.main()
