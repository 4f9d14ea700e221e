"""A cell of a notebook that is run twice: as the README writes it, and as it should not be
written."""

import re
import unittest

from support import PACKAGE, ChannelTest, wait_until

from eshm import ESHM, ESHMRole

TWICE = 2


def cell() -> str:
    """The one that the README shows."""
    section = (PACKAGE / "README.md").read_text().split("## Notebooks\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return code


class Notebook(ChannelTest):
    def run_twice(self, code: str) -> "ESHM":
        shell = {"ESHM": ESHM, "ESHMRole": ESHMRole, "Out": []}
        for _ in range(TWICE):
            exec(code, shell)
        self.addCleanup(shell["robot"].close)
        for kept in shell["Out"]:
            self.addCleanup(kept.close)
        self.shell = shell
        return shell["robot"]

    def test_the_readmes_cell_opens_it_as_before(self):
        code = cell().replace('"robot")', f'"{self.name}")')
        robot = self.run_twice(code)
        self.assertIs(robot.role, ESHMRole.MASTER)
        peer = self.open(ESHMRole.SLAVE)
        peer.write(b"hello")
        self.assertEqual(robot.read(timeout_ms=10000), b"hello")

    def test_auto_without_closing_is_a_slave_of_the_old_object(self):
        robot = self.run_twice(f"robot = ESHM({self.name!r})")
        self.assertIs(robot.role, ESHMRole.SLAVE)
        wait_until(lambda: not robot.is_remote_alive(), "the old object is known to be gone")

    def test_a_master_without_closing_takes_the_old_ones_place(self):
        robot = self.run_twice(
            f"robot = ESHM({self.name!r}, role=ESHMRole.MASTER); Out.append(robot)"
        )
        old = self.shell["Out"][0]
        wait_until(
            lambda: self.fails(old.write, b"x") == "Write failed: Role mismatch",
            "the old object is ousted",
        )
        peer = self.open(ESHMRole.SLAVE)
        robot.write(b"new")
        self.assertEqual(peer.read(timeout_ms=10000), b"new")

    def test_a_second_slave_hears_as_the_first_does(self):
        master = self.open(ESHMRole.MASTER)
        robot = self.run_twice(
            f"robot = ESHM({self.name!r}, role=ESHMRole.SLAVE); Out.append(robot)"
        )
        master.write(b"to both")
        for slave in (robot, self.shell["Out"][0]):
            self.assertEqual(slave.read(timeout_ms=10000), b"to both")

    def test_a_value_written_before_the_peer_came(self):
        master = self.open(ESHMRole.MASTER)
        master.write(b"before")
        self.assertIsNone(self.open(ESHMRole.SLAVE).try_read())
        self.assertEqual(self.open(ESHMRole.SLAVE, first_value=True).try_read(), b"before")

    @staticmethod
    def fails(call, *arguments):
        try:
            call(*arguments)
        except RuntimeError as error:
            return str(error).split(" (")[0]
        return None


if __name__ == "__main__":
    unittest.main()
