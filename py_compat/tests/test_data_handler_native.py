"""The native codec: the original's bytes, and the pure-Python codec's results in every case."""

import random
import unittest

import records
from records import SCALARS, same_items
from eshm import data_handler, data_handler_native
from eshm.data_handler_native import (
    DataItem,
    DataType,
    Event,
    FunctionCall,
    ImageFrame,
    RecordError,
)

pure = data_handler.DataHandler()


class Native(unittest.TestCase):
    def setUp(self):
        self.native = data_handler_native.DataHandler()

    def test_vectors_are_encoded_as_the_original_did(self):
        vectors = records.vectors()
        self.assertEqual(len(vectors), 44)
        for vector in vectors:
            with self.subTest(vector.name):
                self.assertEqual(
                    self.native.encode_data_buffer(vector.items).hex(), vector.bytes.hex()
                )

    def test_vectors_are_decoded(self):
        for vector in records.vectors():
            with self.subTest(vector.name):
                items = self.native.decode_data_buffer(vector.bytes)
                self.assertTrue(same_items(items, vector.items), items)

    def test_composite_values(self):
        items = [
            *SCALARS,
            DataItem(
                DataType.EVENT,
                "e",
                Event("al\0arm", {"": 3, "text\0": "h\0t", "at": -0.0, "on": True, "raw": b"\0"}),
            ),
            DataItem(DataType.FUNCTION_CALL, "f", FunctionCall("add", [1, 2.5, "x", b"y", False])),
            DataItem(DataType.FUNCTION_CALL, "g", FunctionCall("", [], "")),
            DataItem(
                DataType.IMAGE_FRAME,
                "i",
                ImageFrame(0xFFFFFFFF, 2, 3, (1 << 64) - 1, bytes(70_000)),
            ),
        ]
        message = self.native.encode_data_buffer(items)
        self.assertEqual(records.from_python(message), pure.encode_data_buffer(items))
        self.assertTrue(same_items(self.native.decode_data_buffer(bytearray(message)), items))

    def test_any_number_of_items(self):
        for count in (0, 31, 32, 33, 1000):
            items = [DataItem(DataType.INTEGER, str(number), number) for number in range(count)]
            message = self.native.encode_data_buffer(items)
            self.assertEqual(records.from_python(message), pure.encode_data_buffer(items))
            self.assertTrue(same_items(self.native.decode_data_buffer(message), items))

    def test_mappings_and_bytes_likes(self):
        values = {"a": 1, "b": True, "c": 1.5, "d": "x", "e": memoryview(b"abcdef")[::2]}
        self.assertEqual(
            records.from_python(self.native.encode_data_buffer(values)),
            pure.encode_data_buffer(values),
        )

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            reason = "SKIPPED: numpy is not installed"
            print(reason, flush=True)
            self.skipTest(reason)
        values = {
            "a": numpy.int16(-5),
            "b": numpy.bool_(True),
            "c": numpy.float32(1.5),
            "d": numpy.arange(3, dtype="u1"),
        }
        self.assertEqual(
            records.from_python(self.native.encode_data_buffer(values)),
            pure.encode_data_buffer(values),
        )

    def test_both_refuse_the_same_values(self):
        for kind, value in [
            (DataType.INTEGER, 1.5),
            (DataType.INTEGER, 1 << 63),
            (DataType.BOOLEAN, "yes"),
            (DataType.REAL, "1"),
            (DataType.STRING, b"x"),
            (DataType.STRING, "\ud800"),
            (DataType.BINARY, "x"),
            (DataType.EVENT, "x"),
            (DataType.EVENT, Event("x", {"p": Event("nested")})),
            (DataType.FUNCTION_CALL, FunctionCall("f", [None])),
            (DataType.FUNCTION_CALL, 3),
            (DataType.IMAGE_FRAME, None),
            (8, 1),
            (-1, 1),
            (255, None),
            (DataType.IMAGE_FRAME, ImageFrame(-1, 1, 1, 0, b"")),
            (DataType.IMAGE_FRAME, ImageFrame(1, 1 << 32, 1, 0, b"")),
            (DataType.IMAGE_FRAME, ImageFrame(1, 1, 1, 1 << 64, b"")),
        ]:
            refused = []
            for handler in (pure, self.native):
                with self.assertRaises(
                    (TypeError, RecordError), msg=f"{kind!r} {value!r}"
                ) as caught:
                    handler.encode_data_buffer([DataItem(kind, "v", value)])
                refused.append(type(caught.exception))
            self.assertIs(refused[0], refused[1], f"{kind!r} {value!r}")

    def test_both_decide_alike_about_mutated_records(self):
        random_ = random.Random(11)
        originals = [vector.bytes for vector in records.vectors() if len(vector.bytes) < 300]
        decoded = 0
        for _ in range(20_000):
            message = bytearray(random_.choice(originals))
            for _ in range(random_.randrange(1, 4)):
                message[random_.randrange(len(message))] = random_.randrange(256)
            if random_.random() < 0.1:
                del message[random_.randrange(len(message)):]
            results = []
            for handler in (pure, self.native):
                try:
                    results.append(handler.decode_data_buffer(message))
                except RecordError:
                    results.append(None)
            one, other = results
            self.assertEqual(one is None, other is None, f"{message.hex()}: {results}")
            if one is not None:
                decoded += 1
                self.assertTrue(same_items(one, other), f"{message.hex()}: {results}")
        self.assertGreater(decoded, 500)


if __name__ == "__main__":
    unittest.main()
