"""The names, signatures and behaviours of releases 1.0 to 1.2 that scripts use, beside those of
test_interface."""

import inspect
import os
import re
import subprocess
import sys
import threading
import unittest
from pathlib import Path

import records
from support import HANG_S, PACKAGE, ChannelTest, ESHMRole, segment
import eshm
from eshm import data_handler, data_handler_native, eshm_data
from eshm.rpc import Rpc

METHODS = {
    data_handler_native.NativeDataHandler: (
        "create_integer create_boolean create_real create_string create_binary encode_data_buffer "
        "decode_data_buffer extract_simple_values close __enter__ __exit__"
    ),
    data_handler.DataHandler: (
        "create_integer create_boolean create_real create_string create_binary create_event "
        "create_function_call create_image_frame encode_data_buffer decode_data_buffer "
        "extract_simple_values register_function process_function_calls"
    ),
    data_handler.DEREncoder: (
        "encode_tag encode_length encode_integer encode_boolean encode_real encode_utf8_string "
        "encode_octet_string begin_sequence end_sequence get_data clear"
    ),
    data_handler.DERDecoder: (
        "decode_tag decode_length decode_integer decode_boolean decode_real decode_utf8_string "
        "decode_octet_string begin_sequence has_more_data"
    ),
    eshm_data.ESHMData: (
        "write_data read_data try_read_data extract_values write read try_read get_stats close"
    ),
    Rpc: "on_call on_event start stop close call emit missed dispatched __enter__ __exit__",
    eshm.ESHM: (
        "write read try_read read_data get_stats get_role is_remote_alive wakeup_mode close "
        "__enter__ __exit__"
    ),
}


def parameters(function):
    found = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    return [(p.name, p.default) for p in found if p.kind is not p.KEYWORD_ONLY]


class Names(unittest.TestCase):
    def test_classes_have_their_methods(self):
        for kind, names in METHODS.items():
            for name in names.split():
                self.assertTrue(hasattr(kind, name), f"{kind.__name__}.{name}")

    def test_the_package_has_the_names_of_records(self):
        for name in ("DataHandler", "DataItem", "DataType"):
            self.assertIs(getattr(eshm, name), getattr(data_handler, name))
            self.assertIn(name, eshm.__all__)

    def test_version(self):
        self.assertRegex(eshm.__version__, r"^\d+\.\d+\.\d+$")
        self.assertEqual(eshm.__version__, eshm.version())
        manifest = PACKAGE.parent / "Cargo.toml"
        if manifest.is_file():  # else the package is installed
            self.assertIn(f'version = "{eshm.__version__}"', manifest.read_text())

    def test_eshm_data_has_what_a_script_needs(self):
        program = (
            "from eshm_data import (ESHM, ESHMConfig, ESHMData, ESHMDisconnectBehavior, ESHMError, "
            "ESHMRole, ESHMStats, "
            "ESHMWakeupMode, TIMEOUT_INFINITE, DataItem, DataType)\n"
            "from data_handler import AppTag, DERDecoder, DEREncoder, DataHandler, Tag\n"
            "from data_handler_native import NativeDataHandler\nfrom rpc import Rpc, ESHMRole\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True, cwd=PACKAGE, timeout=HANG_S,
                       env={**os.environ, "PYTHONPATH": str(Path(eshm.__file__).parents[1])})

    def test_signatures(self):
        nothing = inspect.Parameter.empty
        self.assertEqual(
            parameters(data_handler.DataItem),
            [("data_type", nothing), ("key", nothing), ("value", nothing)],
        )
        self.assertEqual(parameters(Rpc), [("channel", nothing), ("role", ESHMRole.SLAVE)])
        data = eshm_data.ESHMData
        self.assertEqual(parameters(data.read_data), [("max_items", 100), ("timeout_ms", 1000)])
        self.assertEqual(parameters(data.try_read_data), [("max_items", 100)])
        self.assertEqual(parameters(data.write_data), [("items", nothing)])
        self.assertIsInstance(inspect.getattr_static(data, "extract_values"), staticmethod)
        self.assertEqual(parameters(eshm.ESHM.read_data), [("timeout_ms", 10), ("max_items", 32)])

    def test_tags(self):
        self.assertEqual(
            {tag.name: int(tag) for tag in data_handler.Tag},
            {
                "BOOLEAN": 1,
                "INTEGER": 2,
                "OCTET_STRING": 4,
                "NULL_TYPE": 5,
                "REAL": 9,
                "UTF8_STRING": 0x0C,
                "SEQUENCE": 0x10,
            },
        )
        self.assertEqual({tag.name: int(tag) for tag in data_handler.AppTag}, {
            "EVENT": 0x80, "FUNCTION_CALL": 0x81, "FUNCTION_RETURN": 0x82, "IMAGE_FRAME": 0x83,
        })

    def test_items_by_keyword(self):
        item = data_handler.DataItem(data_type=data_handler.DataType.REAL, key="t", value=23.5)
        self.assertEqual((item.data_type, item.type, item.key, item.value), (2, 2, "t", 23.5))
        item.type = data_handler.DataType.STRING
        self.assertIs(item.data_type, data_handler.DataType.STRING)


class Codecs(unittest.TestCase):
    """What both record classes do."""

    HANDLERS = (data_handler.DataHandler, data_handler_native.NativeDataHandler)

    def test_bytes_after_the_record_are_let_be(self):
        for kind in self.HANDLERS:
            for rest in (b"\0", bytes(4000), b"\x30\x84", os.urandom(100)):
                message = kind().encode_data_buffer(records.SCALARS) + rest
                self.assertTrue(
                    records.same_items(kind().decode_data_buffer(message), records.SCALARS), kind
                )

    def test_strings_that_are_not_utf8_pass_both_ways_unchanged(self):
        latin = b"Gr\xfc\xdfe\xff"
        for writer in self.HANDLERS:
            message = (
                writer().encode_data_buffer({"k": "@@@@@@", "@@@@@@": 1}).replace(b"@@@@@@", latin)
            )
            for reader in self.HANDLERS:
                items = reader().decode_data_buffer(message)
                text = latin.decode("utf-8", "surrogateescape")
                self.assertEqual(
                    [(item.key, item.value) for item in items], [("k", text), (text, 1)]
                )
                self.assertEqual(
                    data_handler.DataHandler().encode_data_buffer(items),
                    data_handler_native.NativeDataHandler()
                    .encode_data_buffer(items)
                    .replace(b"\x30\x84", b"\x10\x84"),
                )
                self.assertIn(latin, reader().encode_data_buffer(items))

    def test_a_native_one_closes(self):
        with data_handler_native.NativeDataHandler() as handler:
            items = [handler.create_integer("a", 1), handler.create_string("b", "x")]
            back = handler.decode_data_buffer(handler.encode_data_buffer(items))
            self.assertEqual(handler.extract_simple_values(back), {"a": 1, "b": "x"})
        handler.close()
        for call in (
            lambda: handler.encode_data_buffer([]),
            lambda: handler.decode_data_buffer(b""),
            handler.__enter__,
        ):
            with self.assertRaisesRegex(RuntimeError, "NativeDataHandler.*closed"):
                call()

    def test_a_reader_of_release_1_0_takes_what_the_pure_one_writes(self):
        # It takes a SEQUENCE by 0x10 alone, at every level.
        for vector in records.vectors():
            decoder = data_handler.DERDecoder(
                data_handler.DataHandler().encode_data_buffer(vector.items)
            )
            for _ in range(2):
                tag = decoder.decode_tag()
                self.assertEqual(tag, 0x10, f"Expected SEQUENCE tag, got {tag}")
                decoder.decode_length()


class Der(unittest.TestCase):
    def test_values_come_back(self):
        encoder = data_handler.DEREncoder()
        outer = encoder.begin_sequence()
        encoder.encode_integer(-129)
        encoder.encode_boolean(True)
        inner = encoder.begin_sequence()
        encoder.encode_real(23.5)
        encoder.encode_utf8_string("h\u00e9llo")
        encoder.end_sequence(inner)
        encoder.encode_octet_string(b"\0\xff" * 100)
        encoder.end_sequence(outer)
        data = encoder.get_data()
        self.assertIs(type(data), bytes)
        self.assertEqual(data[0], 0x10)
        decoder = data_handler.DERDecoder(data + b"rest")
        end = decoder.begin_sequence()
        self.assertEqual(end, len(data))
        self.assertEqual((decoder.decode_integer(), decoder.decode_boolean()), (-129, True))
        decoder.begin_sequence()
        self.assertEqual(
            (decoder.decode_real(), decoder.decode_utf8_string()), (23.5, "h\u00e9llo")
        )
        self.assertEqual(decoder.decode_octet_string(), b"\0\xff" * 100)
        self.assertTrue(decoder.has_more_data())
        self.assertFalse(data_handler.DERDecoder(b"").has_more_data())
        encoder.clear()
        self.assertEqual(encoder.get_data(), b"")

    def test_a_tag_may_be_read_first(self):
        encoder = data_handler.DEREncoder()
        encoder.encode_integer(5)
        encoder.encode_tag(data_handler.Tag.UTF8_STRING)
        encoder.encode_length(300)
        decoder = data_handler.DERDecoder(encoder.get_data())
        self.assertEqual(
            (decoder.decode_tag(), decoder.decode_integer()), (data_handler.Tag.INTEGER, 5)
        )
        self.assertEqual((decoder.decode_tag(), decoder.decode_length()), (0x0C, 300))
        self.assertFalse(decoder.has_more_data())

    def test_both_sequence_tags_are_taken_and_others_named(self):
        for tag in (0x10, 0x30):
            self.assertEqual(data_handler.DERDecoder(bytes((tag, 0))).begin_sequence(), 2)
        with self.assertRaisesRegex(ValueError, "^Expected SEQUENCE tag, got 2 at byte 0$"):
            data_handler.DERDecoder(b"\x02\x01\x05").begin_sequence()
        with self.assertRaisesRegex(ValueError, "Expected REAL tag, got 2"):
            data_handler.DERDecoder(b"\x02\x01\x05").decode_real()
        for data in (b"", b"\x02", b"\x02\x05\x01", b"\x02\x85"):
            with self.assertRaises(ValueError):
                data_handler.DERDecoder(data).decode_integer()

    def test_a_record_by_hand_is_the_codecs(self):
        encoder = data_handler.DEREncoder()
        outer = encoder.begin_sequence()
        for write in (lambda: encoder.encode_integer(0), lambda: encoder.encode_utf8_string("a"),
                      lambda: encoder.encode_integer(7)):
            part = encoder.begin_sequence()
            write()
            encoder.end_sequence(part)
        encoder.end_sequence(outer)
        self.assertEqual(
            encoder.get_data(), data_handler.DataHandler().encode_data_buffer({"a": 7})
        )


class Data(ChannelTest):
    def pair(self):
        for role in (ESHMRole.MASTER, ESHMRole.SLAVE):
            end = eshm_data.ESHMData(self.name, role=role, stale_threshold_ms=2000)
            self.addCleanup(end.close)
            yield end

    def test_nothing_in_time_is_an_empty_list(self):
        master, slave = self.pair()
        self.assertEqual(slave.read_data(timeout_ms=5), [])
        self.assertEqual(slave.read_data(timeout_ms=0), [])
        self.assertEqual(slave.try_read_data(), [])
        master.write_data({"a": 1, "b": "x"})
        items = slave.try_read_data()
        self.assertEqual(slave.extract_values(items), {"a": 1, "b": "x"})
        self.assertEqual(eshm_data.ESHMData.extract_values([]), {})

    def test_bytes_after_a_record(self):
        master, slave = self.pair()
        message = data_handler.DataHandler().encode_data_buffer({"a": 1})
        master.write(message + bytes(100))
        self.assertEqual(slave.extract_values(slave.read_data()), {"a": 1})
        master.write(message + bytes(100))
        self.assertEqual(eshm.ESHM.read_data(slave, 1000), {"a": 1})


class Texts(ChannelTest):
    """What scripts match."""

    def test_an_opening_that_fails(self):
        with self.assertRaisesRegex(
            RuntimeError, f"^Failed to initialize ESHM '{self.name}' as SLAVE: .*no such segment"
        ):
            eshm.ESHM(self.name, role=ESHMRole.SLAVE)
        with self.assertRaisesRegex(
            RuntimeError, "^Failed to initialize ESHM '': a name has 1 to 249 bytes, not 0$"
        ):
            eshm.ESHM("")
        with self.assertRaisesRegex(
            RuntimeError, f"^Failed to initialize ESHM '{self.name}': unknown role 7"
        ):
            eshm.ESHM(self.name, role=7)

    def test_statistics_that_fail(self):
        peer = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE)
        peer.kill()
        slave.close()
        with self.assertRaisesRegex(RuntimeError, "is closed$"):
            slave.get_stats()
        child = self.script("""
channel = ESHM(sys.argv[1], role=ESHMRole.MASTER)
if os.fork() == 0:
    for call in (channel.get_stats, channel.get_role, channel.is_remote_alive):
        try:
            call()
        except RuntimeError as error:
            say(error)
    os._exit(0)
os.wait()
""")
        for what in ("get stats", "get role", "check remote"):
            self.assertRegex(
                child.line(), f"^Failed to {what}: opened in another process: open your own"
            )

    def test_data_that_is_no_record(self):
        master, slave = self.open(ESHMRole.MASTER), self.open(ESHMRole.SLAVE)
        master.write(b"hello\0")
        with self.assertRaisesRegex(RuntimeError, "^Read data failed: "):
            slave.read_data(timeout_ms=1000)
        other = self.peer("MASTER")
        slave = self.open(
            ESHMRole.SLAVE, disconnect_behavior=eshm.ESHMDisconnectBehavior.IMMEDIATELY
        )
        other.kill()
        with self.assertRaisesRegex(RuntimeError, "^Read data failed: "):
            while True:
                try:
                    slave.read_data(timeout_ms=1000)
                except TimeoutError:
                    pass


class Triggers(ChannelTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(
            lambda: (
                segment(self.name + "_ctl").unlink()
                if segment(self.name + "_ctl").exists()
                else None
            )
        )

    def test_a_with_block_runs_handlers(self):
        heard = threading.Event()
        with Rpc(self.name, role=ESHMRole.MASTER) as robot, Rpc(
            self.name, role=ESHMRole.SLAVE
        ) as panel:
            robot.on_call("halt")(heard.set)
            self.assertEqual(repr(robot), f"Rpc(channel='{self.name}_ctl', running=True)")
            panel.call("halt")
            self.assertTrue(heard.wait(HANG_S))
            robot.start()
            self.assertEqual(robot.dispatched, 1)
            robot.stop()
            self.assertEqual(repr(robot), f"Rpc(channel='{self.name}_ctl', running=False)")
            robot.start()
        self.assertEqual(repr(robot), f"Rpc(channel='{self.name}_ctl', running=False, closed)")

    def test_no_master(self):
        with self.assertRaisesRegex(
            RuntimeError, re.escape(f"could not open control channel '{self.name}_ctl': ")
        ):
            Rpc(self.name)
        with self.assertRaisesRegex(
            RuntimeError, "^could not open control channel '_ctl': a name has 1 to 245 bytes"
        ):
            Rpc("")


class Libraries(unittest.TestCase):
    """Which file library_path names, by the environment."""

    def found(self, name, **environment):
        code = f"import eshm; print(eshm.library_path({name!r}))"
        parent = str(Path(eshm.__file__).parents[1])
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ESHM_")}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=HANG_S,
            env={**clean, "PYTHONPATH": parent, **environment},
        )
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    def test_each_name_has_its_variable(self):
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            for file in ("libeshm.so", "mine.so", "libeshm_data.so.1", "libeshm_cuda.so"):
                Path(folder, file).touch()
            mine = f"{folder}/mine.so"
            for name, variable in (
                ("eshm", "ESHM_LIB"),
                ("eshm_data", "ESHM_DATA_LIB"),
                ("eshm_cuda", "ESHM_CUDA_LIB"),
            ):
                self.assertEqual(self.found(name, **{variable: mine}), mine)
                self.assertEqual(
                    self.found(name, **{"ESHM_LIB": f"{folder}/libeshm.so", variable: mine}), mine
                )
                self.assertRegex(
                    self.found(name, **{variable: "/nowhere/x.so"}),
                    f"^RuntimeError: {variable} names '/nowhere/x.so', "
                    "where there is no library file$",
                )
            self.assertEqual(self.found("eshm_data", ESHM_LIB=mine), f"{folder}/libeshm_data.so.1")
            self.assertEqual(self.found("eshm_cuda", ESHM_LIB=mine), f"{folder}/libeshm_cuda.so")
            self.assertRegex(self.found("eshm_other", ESHM_LIB=mine), "ESHM_OTHER_LIB")


if __name__ == "__main__":
    unittest.main()
