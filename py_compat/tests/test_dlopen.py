"""A library that Python loads, and whose constructor opens and closes channels while the loader's
lock is held."""

import unittest

from support import PACKAGE, ChannelTest, segment, skip

PLUGIN = PACKAGE.parent / "build" / "cpp_tests" / "libdlopen_plugin.so"


class Loaded(ChannelTest):
    def test_cdll_of_a_library_that_opens_channels_in_its_constructor(self):
        if not PLUGIN.is_file():
            skip(self, f"a library with channels in its constructor: {PLUGIN} is not built")
        program = self.script(f"""
import _ctypes, ctypes
name = f"/dev/shm/eshm_t_plugin_{{os.getpid()}}"
plugin = ctypes.CDLL({str(PLUGIN)!r})
say(os.path.exists(name))
_ctypes.dlclose(plugin._handle)
say(os.path.exists(name))
""")
        for end in ("", "_ctl"):
            left = segment(f"t_plugin_{program.process.pid}{end}")
            self.addCleanup(lambda left=left: left.unlink() if left.exists() else None)
        self.assertEqual(program.line(), "True")  # in the 30 s that a line may take: no deadlock
        self.assertEqual(program.line(), "False")
        self.assertEqual(program.end(), (0, ""))


if __name__ == "__main__":
    unittest.main()
