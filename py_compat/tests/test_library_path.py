"""Where the native library is looked for."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

from support import HANG_S, PACKAGE, ChannelTest, Program, script, skip
from eshm import _find, library_path


class Searching(unittest.TestCase):
    """With a package in a folder of the test's own: source/eshm, as it is installed, or unpacked by
    a packed program."""

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
        chosen, other = self.file("chosen", "any-name.so"), self.file(
            "source", "eshm", "libeshm.so"
        )
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
            with self.assertRaisesRegex(
                RuntimeError, "ESHM_LIB is set, and this program has more rights"
            ):
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
        """As a program that PyInstaller packed: what is beside the folder it unpacks to may be
        another user's."""
        for place in ("build/lib", "build", "source/build/lib", "source/build"):
            self.file(place, "libeshm.so")
        for stranger in (
            "Cargo.toml",
            "CMakeLists.txt",
            "build_shared_lib.sh",
            "include/eshm.h",
            "src/lib.rs",
        ):
            self.file(stranger)
        files = [self.file(place, "libeshm.so") for place in ("source/eshm", "system", "cached")]
        self.elsewhere([files[1].parent], [files[2]])
        self.check_order(files)
        with self.assertRaisesRegex(RuntimeError, "install the wheel"):
            library_path()

    def test_error_names_the_script_that_builds_it(self):
        self.make_checkout()
        with self.assertRaisesRegex(
            RuntimeError, f"build it with {self.directory}/source/build_shared_lib.sh"
        ):
            library_path()

    def test_package_in_the_root_folder_or_in_an_archive(self):
        for package in (Path("/eshm"), Path(__file__) / "eshm"):
            with mock.patch.object(_find, "_PACKAGE", package), self.assertRaisesRegex(
                RuntimeError, "install the wheel"
            ):
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


class OthersFiles(Searching):
    """In a checkout: a library that others can change is passed over, however they can."""

    STRANGER = 12345

    def setUp(self):
        super().setUp()
        self.make_checkout()
        for folder in (self.directory, self.directory / "source", self.package):
            folder.chmod(0o755)
        self.library = self.file("build", "lib", "libeshm.so")
        for path in (self.library, self.library.parent, self.library.parent.parent):
            path.chmod(0o755)

    def needs_root(self):
        if os.geteuid():
            skip(self, "only root can give files away")

    def refused(self, path, who, cure):
        """The library is not taken because of this path; both with another place and with none."""
        facts = path.lstat()
        said = (
            rf"{self.library} is passed over: {path} \(owner .*\b{facts.st_uid}\b.*, "
            rf"group .*\b{facts.st_gid}\b.*, mode {facts.st_mode & 0o7777:04o}\) {who}; {cure}, "
            "or name the file in ESHM_LIB"
        )
        with self.assertRaisesRegex(RuntimeError, said):
            library_path()
        bundled = self.file("source", "eshm", "libeshm.so")
        with self.assertWarnsRegex(RuntimeWarning, said):
            self.assertEqual(library_path(), bundled)
        bundled.unlink()

    def taken(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(library_path(), self.library)

    def test_what_every_user_can_write_to(self):
        build = self.library.parent.parent
        for path in (self.library, self.library.parent, build, self.directory):
            for mode in (0o777, 0o757, 0o776):
                with self.subTest(path=path, mode=oct(mode)):
                    path.chmod(mode)
                    self.refused(path, "can be changed by every user", f"chmod g?o-w {path}")
                    path.chmod(0o755)
        self.taken()

    def test_a_file_that_every_user_can_write_to(self):
        self.library.chmod(0o666)
        self.refused(self.library, "can be changed by every user", f"chmod go-w {self.library}")
        self.library.chmod(0o1666)  # sticky means something for folders alone
        self.refused(self.library, "can be changed by every user", f"chmod go-w {self.library}")

    def test_a_group(self):
        self.needs_root()
        for path in (self.library, self.library.parent, self.directory / "build"):
            with self.subTest(path=path):
                os.chown(path, 0, self.STRANGER)
                self.taken()
                path.chmod(0o775)
                self.refused(path, "can be changed by its group", f"chmod g-w {path}")
                path.chmod(0o755)
                os.chown(path, 0, 0)

    def test_a_users_own_group(self):
        """As umask 002 leaves it where each user has a group."""
        try:
            group = pwd.getpwuid(os.geteuid()).pw_gid
        except KeyError:
            group = os.getegid()
        for path in (self.library, self.library.parent, self.directory / "build"):
            os.chown(path, -1, group)
            path.chmod(0o775)
        self.taken()

    def test_a_group_that_can_write_to_the_package_too(self):
        self.needs_root()
        for path in (self.package, self.library.parent):
            os.chown(path, 0, self.STRANGER)
            path.chmod(0o775)
        self.taken()
        self.package.chmod(0o755)
        self.refused(
            self.library.parent, "can be changed by its group", f"chmod g-w {self.library.parent}"
        )
        self.package.chmod(0o775)
        os.chown(self.package, 0, self.STRANGER + 1)
        self.refused(
            self.library.parent, "can be changed by its group", f"chmod g-w {self.library.parent}"
        )

    def test_on_a_disk_without_modes(self):
        """Everything is everybody's there, the package too. Umask 0 in a container leaves the
        same."""
        for path in (
            self.directory,
            self.directory / "source",
            self.package,
            self.library.parent,
            self.library,
        ):
            path.chmod(0o777)
        self.taken()

    def test_another_users(self):
        self.needs_root()
        for path in (self.library, self.library.parent, self.directory / "build"):
            with self.subTest(path=path):
                os.chown(path, self.STRANGER, 0)
                self.refused(path, "belongs to another user", f"chown -h {os.geteuid()} {path}")
                os.chown(path, 0, 0)
        self.taken()

    def test_a_checkout_of_another_user_run_by_root(self):
        self.needs_root()
        for path in (
            self.directory,
            self.directory / "build",
            self.library.parent,
            self.library,
            self.package,
        ):
            os.chown(path, self.STRANGER, self.STRANGER)
            path.chmod(0o775)
        self.taken()
        self.package.chmod(0o755)  # the group is the user's own
        self.taken()
        os.chown(self.library, self.STRANGER + 1, self.STRANGER)
        self.refused(
            self.library, "belongs to another user", f"chown -h {os.geteuid()} {self.library}"
        )

    def linked(self, *parts):
        """A library elsewhere, which the build tree's links to."""
        target = self.file(*parts)
        for folder in (target, target.parent):
            folder.chmod(0o755)
        self.library.unlink()
        self.library.symlink_to(target)
        return target

    def test_a_link_to_what_others_can_change(self):
        target = self.linked("far", "away", "libeshm.so.1")
        self.taken()
        for path in (target, target.parent, target.parent.parent):
            with self.subTest(path=path):
                path.chmod(0o777)
                self.refused(path, "can be changed by every user", f"chmod go-w {path}")
                path.chmod(0o755)
        self.taken()

    def test_a_link_to_what_is_another_users(self):
        self.needs_root()
        target = self.linked("far", "away", "libeshm.so.1")
        os.chown(target, self.STRANGER, 0)
        self.refused(target, "belongs to another user", f"chown -h {os.geteuid()} {target}")

    def test_a_link_on_the_way(self):
        """A chain of links, relative ones too; the middle one lies where others can turn it."""
        target = self.linked("far", "away", "libeshm.so.1")
        turn = self.directory / "open" / "turn.so"
        turn.parent.mkdir()
        turn.symlink_to("../far/away/libeshm.so.1")
        self.library.unlink()
        self.library.symlink_to(turn)
        self.assertTrue(self.library.samefile(target))
        turn.parent.chmod(0o755)
        self.taken()
        turn.parent.chmod(0o777)
        self.refused(turn.parent, "can be changed by every user", f"chmod go-w {turn.parent}")
        turn.parent.chmod(0o1777)
        self.taken()
        target.parent.chmod(0o777)
        self.refused(target.parent, "can be changed by every user", f"chmod go-w {target.parent}")
        target.parent.chmod(0o755)
        if not os.geteuid():
            os.chown(turn, self.STRANGER, 0, follow_symlinks=False)
            self.refused(turn, "belongs to another user", f"chown -h 0 {turn}")

    def test_a_folder_as_tmp_is(self):
        """What is another user's there cannot be told by the folder's mode; what is ours nobody
        else can replace."""
        self.directory.chmod(0o1777)
        self.taken()
        if not os.geteuid():
            build = self.directory / "build"
            os.chown(build, self.STRANGER, self.STRANGER)
            self.refused(build, "belongs to another user", f"chown -h 0 {build}")
            os.chown(build, 0, 0)
        target = self.linked("far", "libeshm.so.1")
        target.parent.chmod(0o1777)
        self.taken()

    def test_a_folder_around_the_checkout(self):
        self.directory.chmod(0o755)
        around = self.directory / "around"
        (around / "checkout").mkdir(parents=True)
        for part in ("source", "build"):
            (self.directory / part).rename(around / "checkout" / part)
        self.replace(mock.patch.object(_find, "_PACKAGE", around / "checkout" / "source" / "eshm"))
        self.library = around / "checkout" / "build" / "lib" / "libeshm.so"
        self.taken()
        around.chmod(0o1777)
        self.taken()
        if not os.geteuid():  # whose it is could exchange the package as well
            around.chmod(0o775)
            os.chown(around, self.STRANGER, self.STRANGER)
            self.taken()
        around.chmod(0o777)
        with self.assertRaisesRegex(RuntimeError, f"{around} .*every user; chmod go-w {around}, "):
            library_path()

    def test_the_next_file_of_the_build_tree_is_looked_at(self):
        other = self.file("build", "libeshm.so")
        other.chmod(0o755)
        self.library.chmod(0o666)
        with self.assertWarnsRegex(RuntimeWarning, "is passed over"):
            self.assertEqual(library_path(), other)

    def test_a_link_that_leads_nowhere_or_to_itself(self):
        for target in ("nowhere.so", "libeshm.so"):
            self.library.unlink()
            self.library.symlink_to(target)
            with self.assertRaisesRegex(RuntimeError, "not found"):
                library_path()

    def test_by_a_user_who_is_not_root(self):
        """In a process of its own, with nothing replaced."""
        self.needs_root()
        self.directory.chmod(0o755)
        shutil.copytree(Path(_find.__file__).parent, self.package, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("*.so*", "__pycache__"))
        code = (
            "import os, sys; sys.path.insert(0, sys.argv[1])\n"
            "import eshm; os.setgroups([]); os.setgid(12340); os.setuid(12345)\n"
            "try: print(eshm.library_path())\nexcept RuntimeError as error: print(error)"
        )
        os.environ.pop("ESHM_PYTHON_BACKEND", None)  # the copy has no native module
        command = [sys.executable, "-c", code, str(self.package.parent)]

        def said():
            done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, cwd="/")
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stderr + done.stdout

        os.chown(self.package, 12345, 12340)
        for owner, group in ((0, 0), (0, 12340), (12345, 12340), (12345, 0)):
            os.chown(self.library, owner, group)
            self.library.chmod(0o664)
            self.assertEqual(said(), f"{self.library}\n", (owner, group))
        os.chown(self.package, 0, 0)
        os.chown(self.library, 12345, 12340)
        self.assertEqual(said(), f"{self.library}\n")
        os.chown(self.library, 12345, 12346)
        self.assertIn("can be changed by its group", said())
        os.chown(self.library, 12346, 12340)
        self.assertIn("belongs to another user", said())


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
        shutil.copytree(
            Path(_find.__file__).parent,
            unpacked / "eshm",
            ignore=shutil.ignore_patterns("*.so*", "__pycache__"),
        )
        (directory / "build" / "lib").mkdir(parents=True)
        (directory / "build" / "lib" / "libeshm.so").touch()
        code = (
            "import eshm\ntry: print(eshm.library_path())\n"
            "except RuntimeError as error: print(error)"
        )
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.endswith(("_LIB", "_BACKEND"))
        }
        environment["PYTHONPATH"] = str(unpacked)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )
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
        self.assertIn(
            "no library file",
            self.script(
                self.OPEN, ESHM_LIB="/nonexistent/libeshm.so", ESHM_PYTHON_BACKEND=""
            ).line(),
        )

    def test_file_that_is_no_library(self):
        self.assertIn(
            "cannot be loaded",
            self.script(self.OPEN, ESHM_LIB=__file__, ESHM_PYTHON_BACKEND="").line(),
        )

    def test_library_that_is_another(self):
        from ctypes.util import find_library

        candidates = [
            directory / (find_library("m") or "libm.so.6")
            for directory in _find._system_directories()
        ]
        libm = next((path for path in candidates if path.is_file()), None)
        if libm is None:
            skip(self, "no other shared library at hand")
        self.assertIn(
            "no function eshm_init",
            self.script(self.OPEN, ESHM_LIB=str(libm), ESHM_PYTHON_BACKEND="").line(),
        )

    def test_importing_needs_no_library(self):
        with script(
            "say(ESHMRole.SLAVE.name)", ESHM_LIB="/nonexistent/libeshm.so", ESHM_PYTHON_BACKEND=""
        ) as program:
            self.assertEqual(program.line(), "SLAVE")

    def test_import_through_the_symbolic_link(self):
        link = PACKAGE.parent / "py"
        if not link.is_symlink():
            skip(self, "no link `py` in this tree")
        code = (
            f"import sys; sys.path.insert(0, {str(link)!r})\n"
            "from eshm import ESHM, ESHMRole, ESHMError\n"
            f"from eshm import _find\n"
            f"print(_find._build_tree()[1], flush=True)\n"
            f"with ESHM({self.name!r}, role=ESHMRole.MASTER) as m: print(m, flush=True)"
        )
        with Program([sys.executable, "-c", code], cwd=Path("/")) as program:
            self.assertEqual(program.line(), str(PACKAGE.parent / "build"))
            self.assertIn("MASTER", program.line())


if __name__ == "__main__":
    unittest.main()
