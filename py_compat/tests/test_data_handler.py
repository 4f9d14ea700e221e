"""The pure-Python codec: the original's bytes, hostile bytes, and what it takes for a value."""

import array
import enum
import importlib
import math
import os
import random
import struct
import subprocess
import sys
import unittest
from decimal import Decimal

import records
from records import SCALARS, same, same_items
from support import PACKAGE
from eshm.data_handler import (
    DataHandler,
    DataItem,
    DataType,
    Event,
    FunctionCall,
    ImageFrame,
    RecordError,
)

handler = DataHandler()


def one(kind, value, key="v"):
    return handler.encode_data_buffer([DataItem(kind, key, value)])


def back(message):
    (item,) = handler.decode_data_buffer(message)
    return item.value


def content(message):
    """The bytes of the value of a record with one item of key "v"."""
    return message[30:]


def with_value(kind, value):
    """A record with one item of key "v" whose value is these bytes."""
    def sequence(inner):
        return b"\x30\x84" + struct.pack(">I", len(inner)) + inner
    return sequence(sequence(bytes((2, 1, kind))) + sequence(b"\x0c\x01v") + sequence(value))


class GoldenVectors(unittest.TestCase):
    def test_there_are_44(self):
        self.assertEqual(len(records.vectors()), 44)

    def test_encoded_as_the_original_did(self):
        for vector in records.vectors():
            with self.subTest(vector.name):
                self.assertEqual(
                    handler.encode_data_buffer(vector.items).hex(),
                    records.from_python(vector.bytes).hex(),
                )

    def test_decoded(self):
        for vector in records.vectors():
            with self.subTest(vector.name):
                items = handler.decode_data_buffer(vector.bytes)
                self.assertTrue(same_items(items, vector.items), items)


class Encoding(unittest.TestCase):
    def test_integers_are_the_shortest(self):
        for number, expected in [
            (-128, "020180"),
            (-129, "0202ff7f"),
            (-(1 << 63), "02088000000000000000"),
        ]:
            self.assertEqual(content(one(DataType.INTEGER, number)).hex(), expected)
        for bits in range(64):
            for number in ((1 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1):
                if -(1 << 63) <= number < 1 << 63:
                    self.assertEqual(back(one(DataType.INTEGER, number)), number)

    def test_integers_of_more_than_64_bits_are_refused(self):
        for number in (1 << 63, -(1 << 63) - 1):
            with self.assertRaisesRegex(RecordError, "'v': .* 64 bits"):
                one(DataType.INTEGER, number)

    def test_reals_keep_every_bit(self):
        self.assertEqual(content(one(DataType.REAL, -0.0)).hex(), "0909038000000000000000")
        for number in (0.0, -0.0, math.pi, -math.inf, math.nan, 5e-324, sys.float_info.max):
            self.assertTrue(same(back(one(DataType.REAL, number)), number), number)

    def test_lengths_around_each_form(self):
        for size in (0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 24):
            data = bytes(size)
            self.assertEqual(back(one(DataType.BINARY, data)), data)

    def test_mapping_tells_the_types(self):
        message = handler.encode_data_buffer({item.key: item.value for item in SCALARS})
        self.assertTrue(same_items(handler.decode_data_buffer(message), SCALARS))

    def test_composite_values(self):
        items = [
            DataItem(
                DataType.EVENT,
                "e",
                Event("alarm", {"level": 3, "text": "hot", "at": 1.5, "on": True, "raw": b"\0"}),
            ),
            DataItem(DataType.FUNCTION_CALL, "f", FunctionCall("add", [1, 2.5, "x", b"y", False])),
            DataItem(DataType.FUNCTION_CALL, "g", FunctionCall("add", [1, 2], 3)),
            DataItem(DataType.FUNCTION_CALL, "h", FunctionCall("none", [], "")),
            DataItem(
                DataType.IMAGE_FRAME, "i", ImageFrame(0xFFFFFFFF, 2, 3, (1 << 64) - 1, b"pixels")
            ),
        ]
        self.assertTrue(
            same_items(handler.decode_data_buffer(handler.encode_data_buffer(items)), items)
        )

    def test_refused_values(self):
        for kind, value in [
            (DataType.INTEGER, 1.5),
            (DataType.INTEGER, "1"),
            (DataType.BOOLEAN, "yes"),
            (DataType.BOOLEAN, 1.0),
            (DataType.REAL, "1.5"),
            (DataType.REAL, b"1"),
            (DataType.STRING, b"x"),
            (DataType.STRING, 1),
            (DataType.BINARY, "x"),
            (DataType.BINARY, 3),
            (DataType.EVENT, "x"),
            (DataType.FUNCTION_CALL, Event("x")),
            (DataType.IMAGE_FRAME, None),
            (DataType.EVENT, Event("x", {"p": Event("nested")})),
            (DataType.FUNCTION_CALL, FunctionCall("f", [None])),
        ]:
            with self.assertRaisesRegex(TypeError, "'v': ", msg=f"{kind!r} {value!r}"):
                one(kind, value)
        for kind, value in [
            (8, 1),
            (-1, 1),
            (DataType.STRING, "\ud800"),
            (DataType.REAL, 10**400),
            (DataType.IMAGE_FRAME, ImageFrame(-1, 1, 1, 0, b"")),
            (DataType.IMAGE_FRAME, ImageFrame(1, 1 << 32, 1, 0, b"")),
            (DataType.IMAGE_FRAME, ImageFrame(1, 1, 1, 1 << 64, b"")),
        ]:
            with self.assertRaises(RecordError, msg=f"{kind!r} {value!r}"):
                one(kind, value)
        with self.assertRaises(TypeError):
            one(DataType.INTEGER, 1, key=b"v")
        with self.assertRaisesRegex(TypeError, "holds no dict"):
            handler.encode_data_buffer({"v": {}})


class Conversions(unittest.TestCase):
    def test_bytes_likes_are_binary(self):
        numbers = array.array("h", [1, -2])
        for value in (bytearray(b"abc"), memoryview(b"abcdef")[::2], numbers):
            expected = memoryview(value).tobytes()
            (item,) = handler.decode_data_buffer(handler.encode_data_buffer({"v": value}))
            self.assertEqual((item.type, item.value), (DataType.BINARY, expected))
            self.assertEqual(back(one(DataType.BINARY, value)), expected)

    def test_subclasses_and_numbers_of_other_classes(self):
        class Colour(enum.IntEnum):
            RED = 4

        for value, expected in [(Colour.RED, 4), (Decimal("1.5"), 1.5)]:
            (item,) = handler.decode_data_buffer(handler.encode_data_buffer({"v": value}))
            self.assertTrue(same(item.value, expected), item)

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            reason = "SKIPPED: numpy is not installed"
            print(reason, flush=True)
            self.skipTest(reason)
        for value, kind, expected in [
            (numpy.int8(-5), DataType.INTEGER, -5),
            (numpy.uint64(1 << 40), DataType.INTEGER, 1 << 40),
            (numpy.bool_(True), DataType.BOOLEAN, True),
            (numpy.float32(1.5), DataType.REAL, 1.5),
            (numpy.float64(2.5), DataType.REAL, 2.5),
            (numpy.float16(0.5), DataType.REAL, 0.5),
            (numpy.str_("text"), DataType.STRING, "text"),
            (numpy.bytes_(b"raw"), DataType.BINARY, b"raw"),
            (numpy.array(7), DataType.INTEGER, 7),
            (numpy.array([1, 2], "<u2"), DataType.BINARY, b"\1\0\2\0"),
            (numpy.arange(6, dtype="u1")[::2], DataType.BINARY, b"\0\2\4"),
        ]:
            with self.subTest(repr(value)):
                (item,) = handler.decode_data_buffer(handler.encode_data_buffer({"v": value}))
                self.assertEqual(item.type, kind)
                self.assertTrue(same(item.value, expected), item)
                self.assertTrue(same(back(one(kind, value)), expected))
        with self.assertRaises(RecordError):
            one(DataType.INTEGER, numpy.uint64(1 << 63))
        with self.assertRaises(TypeError):
            one(DataType.INTEGER, numpy.float64(1))

    def test_scalars_that_look_like_numpys(self):
        """So that the rule is tested where there is no numpy."""

        class Dtype:
            kind = "b"

        class Bool:
            ndim, dtype = 0, Dtype()

            def __bool__(self):
                return True

        (item,) = handler.decode_data_buffer(handler.encode_data_buffer({"v": Bool()}))
        self.assertTrue(same(item.value, True))
        self.assertIs(back(one(DataType.BOOLEAN, Bool())), True)

    def test_any_bytes_like_is_decoded(self):
        message = handler.encode_data_buffer(SCALARS)
        spread = bytearray(2 * len(message))
        spread[::2] = message
        for buffer in (bytearray(message), memoryview(message), memoryview(spread)[::2]):
            self.assertTrue(same_items(handler.decode_data_buffer(buffer), SCALARS))
        with self.assertRaises(TypeError):
            handler.decode_data_buffer("text")


class Decoding(unittest.TestCase):
    def refused(self, message, reason, position=None):
        with self.assertRaisesRegex(RecordError, reason) as caught:
            handler.decode_data_buffer(message)
        self.assertIsNotNone(caught.exception.position)
        if position is not None:
            self.assertEqual(caught.exception.position, position)
            self.assertIn(f"at byte {position}", str(caught.exception))

    def test_sequences_of_python_peers(self):
        message = one(DataType.INTEGER, 5)
        self.assertEqual(message.count(b"\x10\x84"), 4)
        self.assertEqual(back(message.replace(b"\x10\x84", b"\x30\x84")), 5)

    def test_longer_forms_are_accepted(self):
        for value, expected in [
            (b"\x02\x03\x00\x00\x05", 5), (b"\x02\x08" + b"\xff" * 8, -1), (b"\x02\x81\x01\x05", 5),
            (b"\x02\x84\x00\x00\x00\x01\x05", 5), (b"\x02\x02\xff\x80", -128),
        ]:
            self.assertEqual(back(with_value(DataType.INTEGER, value)), expected)
        self.assertIs(back(with_value(DataType.BOOLEAN, b"\x01\x01\x01")), True)

    def test_older_reals(self):
        for value, expected in [
            ("0903800003", 3.0),
            ("0903c00003", -3.0),
            ("090380ff03", 1.5),
            ("09048107d001", math.inf),
            ("0903800000", 0.0),
            ("09028000", 0.0),
            ("090a8000ffffffffffffffff", float(2**64 - 1)),
            ("09048100010a", 20.0),
            ("0907837fffffff0001", math.inf),
            ("090783800000000001", 0.0),
            ("090d80000000000000000000000005", 5.0),
            ("0902c000", -0.0),
            ("090481fbce01", 5e-324),
            ("090481fbcd01", 0.0),
            ("090481fbcd03", 1e-323),
        ]:
            self.assertTrue(
                same(back(with_value(DataType.REAL, bytes.fromhex(value))), expected), value
            )

    def test_hostile_values(self):
        for kind, value, reason, position in [
            (DataType.INTEGER, "0200", "INTEGER of 0 bytes", None),
            (DataType.INTEGER, "0209000000000000000001", "INTEGER of 9 bytes", None),
            (DataType.INTEGER, "0205ff", "5 bytes where 1 remain", 30),
            (DataType.INTEGER, "0101ff", "tag 0x01 in the place of INTEGER", 30),
            (DataType.BOOLEAN, "0100", "BOOLEAN of 0 bytes", None),
            (DataType.BOOLEAN, "01020101", "BOOLEAN of 2 bytes", None),
            (DataType.REAL, "090103", "REAL of 1 bytes", 32),
            (DataType.REAL, "090140", "unknown form 0x40", 32),
            (DataType.REAL, "09028100", "ends within its exponent", 32),
            (DataType.REAL, "090b8000010000000000000000", "mantissa of 9 bytes", 32),
            (DataType.STRING, "0c0161c3", "more values than types", 33),
            (DataType.BINARY, "0480", "length of 0 bytes", 31),
            (DataType.BINARY, "04850000000001", "length of 5 bytes", 31),
            (DataType.BINARY, "0482ff", "within a length", 31),
            (DataType.BINARY, "0484ffffffff", "4294967295 bytes where 0 remain", 30),
            (DataType.BINARY, "040000", "more values than types", 32),
            (DataType.BINARY, "04000400", "more values than types", 32),
            (DataType.EVENT, "3004" "0c0161" "05", "end within an item", None),
            (DataType.EVENT, "3008" "0c0161" "3000" "020101", "3 bytes too many", None),
            (DataType.EVENT, "300a" "0c0161" "3005" "3003" "0c0162", "end within an item", None),
            (
                DataType.EVENT,
                "300e" "0c0161" "3009" "3007" "0c0162" "30020500",
                "place of a scalar",
                None,
            ),
            (DataType.FUNCTION_CALL, "3006" "0c0161" "050100", "1 bytes too many", 37),
            (DataType.IMAGE_FRAME, "300c" "0201ff" "020101" "020101" "020101", "width of -1", 32),
        ]:
            with self.subTest(value):
                self.refused(with_value(kind, bytes.fromhex(value)), reason, position)

    def test_hostile_structure(self):
        good = one(DataType.INTEGER, 5)
        self.refused(b"", "end within an item", 0)
        self.refused(good[:-1], "remain", 0)
        self.refused(b"\x31" + good[1:], "place of SEQUENCE", 0)
        self.refused(with_value(8, b"\x02\x01\x05"), "no type 8", 12)
        self.refused(with_value(0xFF, b"\x02\x01\x05"), "no type -1", 12)
        self.refused(with_value(DataType.INTEGER, b""), "fewer values than types", None)
        empty = b"\x30\x00"
        self.refused(
            b"\x30\x08" + empty + b"\x30\x02\x0c\x00" + empty, "more keys than types", None
        )
        self.refused(
            b"\x30\x09" + b"\x30\x03\x02\x01\x00" + empty + empty, "fewer keys than types", None
        )
        self.refused(b"\x30\x06" + empty + empty + b"\x02\x00", "place of SEQUENCE", None)

    def test_every_cut_is_refused(self):
        for vector in records.vectors():
            for size in range(min(len(vector.bytes), 200)):
                with self.assertRaises(RecordError):
                    handler.decode_data_buffer(vector.bytes[:size])

    def test_mutated_records_are_decoded_or_refused(self):
        seed = 7
        random_ = random.Random(seed)
        originals = [vector.bytes for vector in records.vectors() if len(vector.bytes) < 300]
        decoded = 0
        for _ in range(20_000):
            message = bytearray(random_.choice(originals))
            for _ in range(random_.randrange(1, 4)):
                message[random_.randrange(len(message))] = random_.randrange(256)
            try:
                items = handler.decode_data_buffer(message)
            except RecordError:
                continue
            decoded += 1
            again = handler.decode_data_buffer(handler.encode_data_buffer(items))
            self.assertTrue(same_items(again, items), message.hex())
        self.assertGreater(decoded, 1000)


class Handler(unittest.TestCase):
    def test_creators_and_extractors(self):
        items = [
            handler.create_integer("i", 1),
            handler.create_boolean("b", True),
            handler.create_real("r", 1.5),
            handler.create_string("s", "x"),
            handler.create_binary("x", b"y"),
            handler.create_event("e", "tick", {"n": 1}),
            handler.create_function_call("f", "add", [1, 2]),
            handler.create_image_frame("p", 1, 1, 3, 9, b"rgb"),
        ]
        self.assertEqual([item.type for item in items], list(DataType))
        items = handler.decode_data_buffer(handler.encode_data_buffer(items))
        self.assertEqual(
            handler.extract_simple_values(items), {"i": 1, "b": True, "r": 1.5, "s": "x", "x": b"y"}
        )
        self.assertEqual(handler.extract_events(items), [Event("tick", {"n": 1})])
        self.assertEqual(handler.extract_functions(items), [FunctionCall("add", [1, 2])])
        self.assertEqual(handler.extract_images(items), [ImageFrame(1, 1, 3, 9, b"rgb")])
        self.assertEqual(items[5].event.event_name, "tick")
        self.assertIsNone(items[5].function)
        self.assertEqual(items[7].image.channels, 3)

    def test_function_calls(self):
        with_functions = DataHandler()
        with_functions.register_function("add", lambda arguments: arguments[0] + arguments[1])
        items = [handler.create_function_call(name, name, [1, 2]) for name in ("add", "unknown")]
        items += [handler.create_function_call("bad", "add", [1]), handler.create_integer("i", 1)]
        with_functions.process_function_calls(items)
        self.assertEqual(items[0].function.return_value, 3)
        self.assertTrue(items[0].function.has_return)
        for item in items[1:3]:
            self.assertRegex(item.function.return_value, "^ERROR: ")


class WithoutTheLibrary(unittest.TestCase):
    def test_the_codec_does_not_need_it(self):
        code = (
            f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); "
            "from data_handler import DataHandler; "
            "print(DataHandler().encode_data_buffer({'a': 1}).hex())"
        )
        environment = {**os.environ, "ESHM_LIB": "/nonexistent/libeshm.so"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(
            done.stdout.strip(),
            "10840000001b1084000000030201001084000000030c0161108400000003020101",
        )

    def test_the_top_level_modules_are_the_packages(self):
        for name in ("data_handler", "data_handler_native", "eshm_data", "rpc"):
            top, inner = importlib.import_module(name), importlib.import_module(f"eshm.{name}")
            self.assertEqual(top.__all__, inner.__all__)
            for exported in inner.__all__:
                self.assertIs(getattr(top, exported), getattr(inner, exported))


if __name__ == "__main__":
    unittest.main()
