"""The documentation: each example runs, each public name has a text, and both back ends have the
same."""

import contextlib
import doctest
import inspect
import io
import pydoc
import unittest
from importlib.util import find_spec

from support import ChannelTest, skip
import eshm
from eshm import (
    _channel,
    _ctypes_channel,
    _find,
    _options,
    aio,
    data_handler,
    data_handler_native,
    eshm_data,
    rpc,
)

CALLS = ("write", "read", "try_read", "readinto", "try_readinto")
METHODS = (
    "close",
    "get_role",
    "get_stats",
    "is_remote_alive",
    "read_array",
    "read_data",
    "wakeup_mode",
    "backend",
    "capacity",
    "event_fd",
)


class Examples(ChannelTest):
    def run_examples(self, owner, least):
        """Runs the examples of what a module or a class has, each with a channel name of its
        own."""
        count = 0
        for test in doctest.DocTestFinder(recurse=True).find(owner):
            if not test.examples or test.name.endswith("read_array") and find_spec("numpy") is None:
                continue
            test.globs = {**vars(eshm), **vars(owner), "name": self.unique_name()}
            output = io.StringIO()
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
            failed, ran = runner.run(test, out=output.write)
            self.assertEqual(failed, 0, output.getvalue())
            count += ran
        self.assertGreaterEqual(count, least)

    def test_of_the_modules(self):
        for module, least in (
            (_channel, 10),
            (_ctypes_channel, 5),
            (eshm, 2),
            (_find, 1),
            (_options, 1),
            (aio, 2),
            (rpc, 1),
            (eshm_data, 1),
            (data_handler, 1),
        ):
            self.run_examples(module, least)

    def test_of_the_calls_as_they_are(self):
        # Over the native back end these are not the functions that the module above has.
        for call in CALLS:
            found = doctest.DocTestParser().get_doctest(
                inspect.getdoc(getattr(eshm.ESHM, call)),
                {**vars(eshm), "name": self.unique_name()},
                call,
                None,
                None,
            )
            output = io.StringIO()
            failed, ran = doctest.DocTestRunner(verbose=False).run(found, out=output.write)
            self.assertEqual(failed, 0, output.getvalue())
            self.assertGreaterEqual(ran, 1, call)

    def test_there_is_one_for_each_call_and_method(self):
        for name in CALLS + METHODS:
            self.assertIn(">>> ", inspect.getdoc(getattr(eshm.ESHM, name)), name)
        if find_spec("numpy") is None:
            skip(self, "the example of read_array: numpy is not installed")


class Texts(unittest.TestCase):
    def test_each_public_name_has_one(self):
        for module in (eshm, data_handler, data_handler_native, eshm_data, rpc):
            for name in module.__all__:
                value = getattr(module, name)
                if inspect.isclass(value):
                    self.assertTrue(value.__doc__, f"{module.__name__}.{name}")
                    for member, function in vars(value).items():
                        if not member.startswith("_") and inspect.isfunction(function):
                            self.assertTrue(
                                inspect.getdoc(function), f"{module.__name__}.{name}.{member}"
                            )

    def test_both_back_ends_have_the_same(self):
        for call in CALLS:
            ours, over_ctypes = (
                getattr(eshm.ESHM, call),
                getattr(_ctypes_channel.CtypesChannel, call),
            )
            self.assertEqual(inspect.getdoc(ours), inspect.getdoc(over_ctypes))
            parameters = [
                list(inspect.signature(function).parameters.values())[1:]
                for function in (ours, over_ctypes)
            ]
            names = [[(one.name, one.default) for one in each] for each in parameters]
            self.assertEqual(names[0], names[1], call)

    def test_help_is_readable(self):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            pydoc.Helper(output=shown).help(eshm.ESHM)
        for text in ("Wait for the next new message", "read(self", "Leave the channel", "backend"):
            self.assertIn(text, shown.getvalue())


if __name__ == "__main__":
    unittest.main()
