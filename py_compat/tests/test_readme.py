"""The examples of the README, run as they stand but for the channel's name."""

import doctest
import io
import unittest
import warnings
from importlib.util import find_spec

from support import PACKAGE, ChannelTest, skip


class Readme(ChannelTest):
    def test_the_examples(self):
        text = (PACKAGE / "README.md").read_text()
        if find_spec("numpy") is None:
            skip(self, "the README's examples: numpy is not installed")
        text = (
            text.replace('"robot"', repr(self.name))
            .replace("'robot'", repr(self.name))
            .replace("```\n", "\n")
        )
        test = doctest.DocTestParser().get_doctest(text, {}, "README.md", None, 0)
        self.assertGreater(len(test.examples), 30)
        output = io.StringIO()
        with warnings.catch_warnings():
            # Python 3.12: no fork beside the library's thread.
            warnings.simplefilter("ignore", DeprecationWarning)
            failed, _ = doctest.DocTestRunner(verbose=False).run(test, out=output.write)
        self.assertEqual(failed, 0, output.getvalue())


if __name__ == "__main__":
    unittest.main()
