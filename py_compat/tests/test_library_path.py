"""Where the native library is looked for."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import HANG_S, PACKAGE, ChannelTest, Program, script, skip
from eshm import _find, library_path


class Searching(unittest.TestCase):
    """With a package in a folder of the test's own: source/eshm, as it is installed, or unpacked by a packed program."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="eshm_test_"))
        self.addCleanup(shutil.rmtree, self.directory)
        environment = {key: value for key, value in os.environ.items() if not key.endswith("_LIB")}
        self.replace(mock.patch.dict(os.environ, environment, clear=True))
        self.package = self.directory / "source" / "eshm"
        self.package.mkdir(parents=True)
        self.replace(mock.patch.object(_find, "_PACKAGE", self.package))
        self.elsewhere()

    def replace(self, patch):
        patch.start()
        self.addCleanup(patch.stop)

    def elsewhere(self, system=(), cached=()):
        """Makes these the places outside of the package."""
        self.replace(mock.patch.object(_find, "_system_directories", lambda: list(system)))
        self.replace(mock.patch.object(_find, "_cached_by_loader", lambda names: iter(cached)))

    def file(self, *parts):
        path = self.directory.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    def make_checkout(self):
        self.file("source", "build_shared_lib.sh")

    def check_order(self, files):
        for path in files:
            self.assertEqual(library_path(), path)
            path.unlink()
        with self.assertRaisesRegex(RuntimeError, "not found.*ESHM_LIB"):
            library_path()


class Environment(Searching):
    def test_comes_first(self):
        chosen, other = self.file("chosen", "any-name.so"), self.file("source", "eshm", "libeshm.so")
        self.assertEqual(library_path(), other)
        os.environ["ESHM_LIB"] = str(chosen)
        self.assertEqual(library_path(), chosen)

    def test_with_a_missing_file(self):
        self.file("source", "eshm", "libeshm.so")
        for missing in (str(self.directory / "missing.so"), str(self.directory)):
            os.environ["ESHM_LIB"] = missing
            with self.assertRaisesRegex(RuntimeError, "ESHM_LIB.*no library file"):
                library_path()

    def test_relative_to_the_working_directory(self):
        self.file("libx.so")
        previous = os.getcwd()
        self.addCleanup(os.chdir, previous)
        os.chdir(self.directory)
        os.environ["ESHM_LIB"] = "libx.so"
        self.assertTrue(library_path().is_absolute())
        self.assertTrue(library_path().samefile(self.directory / "libx.so"))

    def test_empty_is_none(self):
        library = self.file("source", "eshm", "libeshm.so")
        os.environ["ESHM_LIB"] = ""
        self.assertEqual(library_path(), library)

    def test_each_library_has_a_variable(self):
        for name, variable in (("eshm_data", "ESHM_DATA_LIB"), ("eshm_cuda", "ESHM_CUDA_LIB")):
            os.environ[variable] = str(self.file(f"my-{name}.so"))
            self.assertEqual(library_path(name), self.directory / f"my-{name}.so")
            os.environ[variable] = "/nonexistent/x.so"
            with self.assertRaisesRegex(RuntimeError, f"{variable}.*no library file"):
                library_path(name)

    def test_other_libraries_are_beside_the_one_it_names(self):
        os.environ["ESHM_LIB"] = str(self.file("chosen", "libeshm.so"))
        bundled = self.file("source", "eshm", "libeshm_data.so")
        self.assertEqual(library_path("eshm_data"), bundled)
        beside = self.file("chosen", "libeshm_data.so.1")
        self.assertEqual(library_path("eshm_data"), beside)

    def test_of_a_caller_with_fewer_rights(self):
        os.environ["ESHM_LIB"] = str(self.file("chosen", "libeshm.so"))
        self.file("chosen", "libeshm_data.so")
        with mock.patch.object(_find, "_is_privileged", lambda: True):
            with self.assertRaisesRegex(RuntimeError, "ESHM_LIB is set, and this program has more rights"):
                library_path()
            with self.assertRaisesRegex(RuntimeError, "libeshm_data.so was not found"):
                library_path("eshm_data")
        self.assertFalse(_find._is_privileged())


class Places(Searching):
    def test_order_for_a_checkout(self):
        self.make_checkout()
        places = ("build/lib", "build", "source/eshm", "system", "cached")
        files = [self.file(place, "libeshm.so") for place in places]
        self.elsewhere([files[3].parent], [files[4]])
        self.check_order(files)

    def test_installed_package_knows_no_build_tree(self):
        """As a program that PyInstaller packed: what is beside the folder it unpacks to may be another user's."""
        for place in ("build/lib", "build", "source/build/lib", "source/build"):
            self.file(place, "libeshm.so")
        for stranger in ("Cargo.toml", "CMakeLists.txt", "build_shared_lib.sh", "include/eshm.h", "src/lib.rs"):
            self.file(stranger)
        files = [self.file(place, "libeshm.so") for place in ("source/eshm", "system", "cached")]
        self.elsewhere([files[1].parent], [files[2]])
        self.check_order(files)
        with self.assertRaisesRegex(RuntimeError, "install the wheel"):
            library_path()

    def test_build_tree_that_more_users_can_write_to_than_to_the_package(self):
        self.make_checkout()
        self.file("build", "lib", "libeshm.so")
        for folder, mode in ((self.directory, 0o1777), (self.directory / "build", 0o777), (self.directory / "build/lib", 0o777)):
            before = folder.stat().st_mode & 0o7777
            folder.chmod(mode)
            with self.assertRaisesRegex(RuntimeError, "build/lib.* passed over: other users can write there"):
                library_path()
            folder.chmod(before)
        self.assertEqual(library_path(), self.directory / "build/lib/libeshm.so")
        # On a disk without modes everything is everybody's, the package too.
        for folder in (self.directory, self.directory / "build", self.package):
            folder.chmod(0o777)
        self.assertEqual(library_path(), self.directory / "build/lib/libeshm.so")

    def test_build_tree_of_another_user(self):
        if os.geteuid():
            skip(self, "only root can give folders away")
        self.make_checkout()
        library = self.file("build", "libeshm.so")
        os.chown(self.directory / "build", 12345, 12345)
        with self.assertRaisesRegex(RuntimeError, "passed over"):
            library_path()
        # A checkout of that user, run by root: the package is that user's too.
        os.chown(self.package, 12345, 12345)
        self.assertEqual(library_path(), library)

    def test_error_names_the_script_that_builds_it(self):
        self.make_checkout()
        with self.assertRaisesRegex(RuntimeError, f"build it with {self.directory}/source/build_shared_lib.sh"):
            library_path()

    def test_package_in_the_root_folder_or_in_an_archive(self):
        for package in (Path("/eshm"), Path(__file__) / "eshm"):
            with mock.patch.object(_find, "_PACKAGE", package), self.assertRaisesRegex(RuntimeError, "install the wheel"):
                library_path()

    def test_versioned_file_alone(self):
        library = self.file("system", "libeshm.so.1")
        self.elsewhere([library.parent])
        self.assertEqual(library_path(), library)

    def test_other_names(self):
        self.file("source", "eshm", "libeshm.so")
        with self.assertRaisesRegex(RuntimeError, "libeshm_data.so.*ESHM_DATA_LIB"):
            library_path("eshm_data")
        library = self.file("source", "eshm", "libeshm_data.so.1")
        self.assertEqual(library_path("eshm_data"), library)


class LoadersCache(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="eshm_test_"))
        self.addCleanup(shutil.rmtree, self.directory)

    def ldconfig(self, text):
        file = self.directory / "ldconfig"
        file.write_text(f"#!/bin/sh\n{text}")
        file.chmod(0o755)
        return str(file)

    def test_entries(self):
        library = self.directory / "libeshm.so.1"
        ldconfig = self.ldconfig(f"""
[ -z "$LD_LIBRARY_PATH" ] || exit 1
echo "3 libs found in cache"
echo "	libeshm.so.1 (libc6) => {self.directory}/32-bit-or-gone.so"
echo "	libeshm.so.1 (libc6,x86-64) => {library}"
echo "	libeshm.so.1 (libc6,AArch64) => {library}"
""")
        with mock.patch.object(_find, "_LDCONFIG", ("/nonexistent/ldconfig", ldconfig)):
            with mock.patch.dict(os.environ, LD_LIBRARY_PATH="/for/the/packed/program"):
                self.assertEqual(list(_find._cached_by_loader(("libeshm.so.1",))), [library])

    def test_an_ldconfig_in_path_is_not_run(self):
        self.ldconfig(f"touch {self.directory}/was-run; exec /sbin/ldconfig \"$@\"")
        with mock.patch.dict(os.environ, PATH=f"{self.directory}:{os.environ['PATH']}"):
            list(_find._cached_by_loader(("libeshm.so",)))
        self.assertFalse((self.directory / "was-run").exists())

    def test_missing(self):
        with mock.patch.object(_find, "_LDCONFIG", ("/nonexistent/ldconfig",)):
            self.assertEqual(list(_find._cached_by_loader(("libeshm.so",))), [])


class Installed(unittest.TestCase):
    def test_copy_of_the_package_beside_a_build_folder(self):
        """In a process of its own, with nothing replaced: unpacked as by a one-file program."""
        directory = Path(tempfile.mkdtemp(prefix="eshm_test_"))
        self.addCleanup(shutil.rmtree, directory)
        unpacked = directory / "_MEI123456"
        shutil.copytree(Path(_find.__file__).parent, unpacked / "eshm", ignore=shutil.ignore_patterns("*.so*", "__pycache__"))
        (directory / "build" / "lib").mkdir(parents=True)
        (directory / "build" / "lib" / "libeshm.so").touch()
        code = "import eshm\ntry: print(eshm.library_path())\nexcept RuntimeError as error: print(error)"
        environment = {key: value for key, value in os.environ.items() if not key.endswith(("_LIB", "_BACKEND"))}
        environment["PYTHONPATH"] = str(unpacked)
        done = subprocess.run([sys.executable, "-c", code], cwd=directory, env=environment, capture_output=True, text=True,
                              timeout=HANG_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn(str(directory / "build"), done.stdout)
        self.assertIn("libeshm.so", done.stdout)


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
            for directory in _find._system_directories()
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
            f"from eshm import _find\n"
            f"print(_find._build_tree()[1], flush=True)\n"
            f"with ESHM({self.name!r}, role=ESHMRole.MASTER) as m: print(m, flush=True)"
        )
        with Program([sys.executable, "-c", code], cwd=Path("/")) as program:
            self.assertEqual(program.line(), str(PACKAGE.parent / "build"))
            self.assertIn("MASTER", program.line())


if __name__ == "__main__":
    unittest.main()
