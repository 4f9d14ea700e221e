"""With the package installed, the programs of a checkout take that one, not the checkout's."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import HANG_S, PACKAGE, skip

INSTALLED = 'raise SystemExit("the installed package")\n'


class InstalledFirst(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="eshm_test_"))
        self.addCleanup(shutil.rmtree, self.directory)

    def run_with(self, installed, *arguments):
        """What a program says in an environment of its own, whose site-packages have the package
        `eshm` or not."""
        if installed:
            (self.directory / "eshm").mkdir(exist_ok=True)
            (self.directory / "eshm" / "__init__.py").write_text(INSTALLED)
        # As the interpreter adds site-packages: at the end of the path, and before the program's
        # own lines run.
        code = (
            f"import runpy, sys; sys.path.append({str(self.directory)!r}); "
            "sys.argv[:] = sys.argv[1:]; "
            "runpy.run_path(sys.argv[0], run_name='tried')"
        )
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, *map(str, arguments)],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )

    def programs(self):
        found = [*PACKAGE.glob("examples/*.py"), *PACKAGE.parent.glob("examples/*/*.py")]
        if not (PACKAGE / "eshm").is_dir():
            skip(self, "no checkout: its programs are not here")
        self.assertGreater(len(found), 10)
        for program in found:
            needs = re.findall(r"^import (numpy)$", program.read_text(), re.M)
            if needs:  # -S: no site-packages but the test's own
                (self.directory / "numpy.py").touch()
        return found

    def test_programs(self):
        for program in self.programs():
            with self.subTest(program.name):
                done = self.run_with(True, program)
                self.assertEqual((done.returncode, done.stderr), (1, "the installed package\n"))

    def test_programs_without_an_installed_one(self):
        for program in self.programs():
            if "numpy" in program.read_text():
                continue
            with self.subTest(program.name):
                done = self.run_with(False, program)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_readme(self):
        if not (PACKAGE / "eshm").is_dir():
            skip(self, "no checkout: its README is not here")
        (code,) = re.findall(
            r"```python\n(.*?)```", (PACKAGE.parent / "README.md").read_text(), re.S
        )
        program = self.directory / "program.py"
        # Filled in by who reads it: right from any folder.
        program.write_text(
            code.replace("/where/eshm/is", str(PACKAGE.parent)).partition("\nwith ")[0]
        )
        self.assertEqual(self.run_with(False, program).stderr, "")
        self.assertEqual(self.run_with(True, program).stderr, "the installed package\n")


if __name__ == "__main__":
    unittest.main()
