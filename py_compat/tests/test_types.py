"""What type checkers say of programs that use the package with numpy."""

import os
import subprocess
import sys
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path

from support import PACKAGE, skip

CASES = Path(__file__).resolve().parent / "typing_cases"
# numpy's arrays have `__buffer__` from 3.12 on.
VERSIONS = ("3.9", "3.10", "3.12")


def cannot_check(version, said):
    """Whether the checker, or numpy's stubs, is too new for the version."""
    refused = f"Python {version} is not supported", "only supported in Python 3.12 and greater"
    return any(text in said for text in refused)


class Checked(unittest.TestCase):
    def setUp(self):
        for module in ("numpy", "typing_extensions"):
            if find_spec(module) is None:
                skip(self, f"type checks: {module} is not installed")

    def run_checker(self, *command, **environment):
        done = subprocess.run(
            [sys.executable, "-m", *command, str(CASES / "arrays.py")],
            cwd=PACKAGE, env={**os.environ, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300,
        )
        return done.returncode, done.stdout

    def test_mypy(self):
        if find_spec("mypy") is None:
            skip(self, "type checks by mypy, which is not installed")
        # An installed package is found by itself.
        path = {"MYPYPATH": str(PACKAGE)} if (PACKAGE / "eshm").is_dir() else {}
        checked = []
        with tempfile.TemporaryDirectory() as cache:
            for version in VERSIONS:
                strict = ("mypy", "--strict", "--cache-dir", cache, "--python-version", version)
                code, said = self.run_checker(*strict, **path)
                if code and cannot_check(version, said):
                    print(
                        f"SKIPPED: mypy for Python {version}, which it or numpy no longer knows",
                        flush=True,
                    )
                    continue
                self.assertEqual(code, 0, f"Python {version}:\n{said}")
                checked.append(version)
        self.assertIn("3.12", checked)
        if sys.version_info < (3, 12):
            self.assertGreater(len(checked), 1, "no version before 3.12 was checked")

    def test_pyright(self):
        if find_spec("pyright") is None:
            skip(self, "type checks by pyright, which is not installed")
        code, said = self.run_checker("pyright", "--version")
        if code:
            skip(self, f"type checks by pyright, which does not start: {said.strip()[-200:]}")
        for version in VERSIONS:
            code, said = self.run_checker(
                "pyright", "--pythonpath", sys.executable, "--pythonversion", version
            )
            self.assertEqual(code, 0, f"Python {version}:\n{said}")


if __name__ == "__main__":
    unittest.main()
