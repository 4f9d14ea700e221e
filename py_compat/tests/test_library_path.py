"""Where the native library is looked for."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import PACKAGE, ChannelTest, Program, script, skip
from eshm import _library, library_path


class LibraryPath(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="eshm_test_"))
        self.addCleanup(shutil.rmtree, self.directory)
        environment = {key: value for key, value in os.environ.items() if key != "ESHM_LIB"}
        patch = mock.patch.dict(os.environ, environment, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def places(self, build=(), system=(), cached=(), bundled=Path("/nonexistent")):
        """Makes these the only places."""
        for attribute, value in (
            ("_BUILD_DIRECTORIES", tuple(build)),
            ("_BUNDLED", bundled),
            ("_system_directories", lambda: list(system)),
            ("_cached_by_loader", lambda names: iter(cached)),
        ):
            patch = mock.patch.object(_library, attribute, value)
            patch.start()
            self.addCleanup(patch.stop)

    def file(self, *parts):
        path = self.directory.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    def test_environment_comes_first(self):
        chosen, other = self.file("chosen", "any-name.so"), self.file("build", "libeshm.so")
        self.places(build=[other.parent])
        self.assertEqual(library_path(), other)
        os.environ["ESHM_LIB"] = str(chosen)
        self.assertEqual(library_path(), chosen)

    def test_environment_with_a_missing_file(self):
        self.places(build=[self.file("libeshm.so").parent])
        for missing in (str(self.directory / "missing.so"), str(self.directory)):
            os.environ["ESHM_LIB"] = missing
            with self.assertRaisesRegex(RuntimeError, "ESHM_LIB.*no library file"):
                library_path()

    def test_environment_relative_to_the_working_directory(self):
        self.file("libx.so")
        previous = os.getcwd()
        self.addCleanup(os.chdir, previous)
        os.chdir(self.directory)
        os.environ["ESHM_LIB"] = "libx.so"
        self.assertTrue(library_path().is_absolute())
        self.assertTrue(library_path().samefile(self.directory / "libx.so"))

    def test_empty_environment_is_none(self):
        self.places(build=[self.file("libeshm.so").parent])
        os.environ["ESHM_LIB"] = ""
        self.assertEqual(library_path(), self.directory / "libeshm.so")

    def test_order_of_the_places(self):
        files = [self.file(place, "libeshm.so") for place in ("build/lib", "build", "eshm", "system", "cached")]
        self.places([files[0].parent, files[1].parent], [files[3].parent], [files[4]], files[2].parent)
        for path in files:
            self.assertEqual(library_path(), path)
            path.unlink()
        with self.assertRaisesRegex(RuntimeError, "not found.*ESHM_LIB"):
            library_path()

    def test_build_tree_is_beside_the_packages_parent(self):
        root = PACKAGE.parent
        if not (PACKAGE / "eshm").is_dir():
            skip(self, "an installed package: there is no build tree beside it")
        self.assertEqual(_library._BUILD_DIRECTORIES, (root / "build" / "lib", root / "build"))

    def test_versioned_file_alone(self):
        self.places(system=[self.file("libeshm.so.1").parent])
        self.assertEqual(library_path(), self.directory / "libeshm.so.1")

    def test_other_names(self):
        self.places(build=[self.file("libeshm.so").parent])
        with self.assertRaisesRegex(RuntimeError, "libeshm_data.so"):
            library_path("eshm_data")
        self.file("libeshm_data.so.1")
        self.assertEqual(library_path("eshm_data"), self.directory / "libeshm_data.so.1")

    def test_loaders_cache(self):
        library = self.file("libeshm.so.1")
        ldconfig = self.file("ldconfig")
        ldconfig.write_text(f"""#!/bin/sh
echo "3 libs found in cache"
echo "	libeshm.so.1 (libc6) => {self.directory}/32-bit-or-gone.so"
echo "	libeshm.so.1 (libc6,x86-64) => {library}"
echo "	libeshm.so.1 (libc6,AArch64) => {library}"
""")
        ldconfig.chmod(0o755)
        os.environ["PATH"] = f"{self.directory}:{os.environ['PATH']}"
        with mock.patch.object(_library, "_BUILD_DIRECTORIES", ()), mock.patch.object(
            _library, "_system_directories", lambda: []
        ), mock.patch.object(_library, "_BUNDLED", self.directory / "none"):
            self.assertEqual(library_path(), library)

    def test_loaders_cache_missing(self):
        os.environ["PATH"] = str(self.directory)
        with mock.patch.object(_library.subprocess, "run", side_effect=FileNotFoundError):
            self.assertEqual(list(_library._cached_by_loader(("libeshm.so",))), [])


class Loading(ChannelTest):
    """In processes of their own: the library is loaded once."""

    OPEN = """
try:
    ESHM(sys.argv[1], role=ESHMRole.MASTER)
except RuntimeError as error:
    say(error)
"""

    def test_missing_library(self):
        self.assertIn("no library file", self.script(self.OPEN, ESHM_LIB="/nonexistent/libeshm.so", ESHM_PYTHON_BACKEND="").line())

    def test_file_that_is_no_library(self):
        self.assertIn("cannot be loaded", self.script(self.OPEN, ESHM_LIB=__file__, ESHM_PYTHON_BACKEND="").line())

    def test_library_that_is_another(self):
        from ctypes.util import find_library

        candidates = [
            directory / (find_library("m") or "libm.so.6")
            for directory in _library._system_directories()
        ]
        libm = next((path for path in candidates if path.is_file()), None)
        if libm is None:
            skip(self, "no other shared library at hand")
        self.assertIn("no function eshm_init", self.script(self.OPEN, ESHM_LIB=str(libm), ESHM_PYTHON_BACKEND="").line())

    def test_importing_needs_no_library(self):
        with script("say(ESHMRole.SLAVE.name)", ESHM_LIB="/nonexistent/libeshm.so", ESHM_PYTHON_BACKEND="") as program:
            self.assertEqual(program.line(), "SLAVE")

    def test_import_through_the_symbolic_link(self):
        link = PACKAGE.parent / "py"
        if not link.is_symlink():
            skip(self, "no link `py` in this tree")
        code = (
            f"import sys; sys.path.insert(0, {str(link)!r}); from eshm import ESHM, ESHMRole, ESHMError\n"
            f"from eshm import _library\n"
            f"print(_library._BUILD_DIRECTORIES[1], flush=True)\n"
            f"with ESHM({self.name!r}, role=ESHMRole.MASTER) as m: print(m, flush=True)"
        )
        with Program([sys.executable, "-c", code], cwd=Path("/")) as program:
            self.assertEqual(program.line(), str(PACKAGE.parent / "build"))
            self.assertIn("MASTER", program.line())


if __name__ == "__main__":
    unittest.main()
