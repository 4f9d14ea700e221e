"""Messages from and into memory of the caller's: write, readinto, try_readinto, read_array."""

import array
import ctypes
import mmap
import unittest
from importlib.util import find_spec

from support import ChannelTest, skip
from eshm import TIMEOUT_INFINITE, ESHMBufferTooSmall, ESHMNoData, ESHMTimeout


class Into(ChannelTest):
    def setUp(self):
        super().setUp()
        self.master, self.slave = self.pair()

    def test_the_message_is_put_at_the_beginning(self):
        buffer = bytearray(b"........")
        self.master.write(b"abc")
        self.assertEqual(self.slave.readinto(buffer), 3)
        self.assertEqual(buffer, b"abc.....")

    def test_each_kind_of_buffer(self):
        memory = mmap.mmap(-1, 4096)
        self.addCleanup(memory.close)
        for buffer in (bytearray(8), memoryview(bytearray(8)), memoryview(bytearray(64))[8:16],
                       memoryview(bytearray(8)).cast("B", (2, 4)), array.array("d", [0.0]), memory):
            with self.subTest(buffer=buffer):
                self.master.write(b"12345678")
                self.assertEqual(self.slave.readinto(buffer), 8)
                self.assertEqual(memoryview(buffer).tobytes()[:8], b"12345678")
                self.master.write(b"abc")
                self.assertEqual(self.slave.try_readinto(buffer), 3)
                self.assertEqual(memoryview(buffer).tobytes()[:8], b"abc45678")

    def test_nothing_new(self):
        buffer = bytearray(b"12345678")
        self.assertIsNone(self.slave.try_readinto(buffer))
        with self.assertRaises(ESHMTimeout):
            self.slave.readinto(buffer, 1)
        with self.assertRaises(ESHMTimeout):
            self.slave.readinto(buffer, timeout_ms=150)
        with self.assertRaises(ESHMNoData):
            self.slave.readinto(buffer, timeout_ms=0)
        self.assertEqual(buffer, b"12345678")

    def test_empty_message_and_empty_buffer(self):
        self.master.write(b"")
        self.assertEqual(self.slave.readinto(bytearray(4)), 0)
        self.master.write(b"")
        self.assertEqual(self.slave.readinto(bytearray()), 0)
        self.master.write(b"x")
        with self.assertRaises(ESHMBufferTooSmall):
            self.slave.readinto(bytearray())

    def test_too_small_leaves_message_and_buffer(self):
        buffer = bytearray(9)
        self.master.write(b"0123456789")
        for read in (
            lambda: self.slave.readinto(buffer),
            lambda: self.slave.try_readinto(buffer),
            lambda: self.slave.readinto(buffer, timeout_ms=TIMEOUT_INFINITE),
            lambda: self.slave.read(9),
        ):
            with self.assertRaises(ESHMBufferTooSmall) as caught:
                read()
            self.assertEqual(caught.exception.size, 10)
        self.assertEqual(buffer, bytes(9))
        self.assertEqual(self.slave.try_readinto(bytearray(10)), 10)

    def test_what_is_no_writable_buffer_in_one_piece(self):
        self.master.write(b"abc")
        for buffer, fault in (
            (b"read-only", "^the buffer is read-only$"),
            (memoryview(b"read-only"), "^the buffer is read-only$"),
            (memoryview(bytearray(8))[::2], "^the buffer is not in one piece$"),
        ):
            for read in (self.slave.readinto, self.slave.try_readinto):
                with self.assertRaisesRegex(BufferError, fault):
                    read(buffer)
        for buffer in (None, 5, "text"):
            for read in (self.slave.readinto, self.slave.try_readinto):
                with self.assertRaisesRegex(TypeError, "^buffer must be bytes-like, not "):
                    read(buffer)
        with self.assertRaisesRegex(TypeError, "^data must be bytes-like, not int$"):
            self.slave.write(5)
        with self.assertRaisesRegex(TypeError, "^data must be bytes-like, not str: text.encode"):
            self.slave.write("text")
        closed = memoryview(bytearray(8))
        closed.release()
        for call in (self.slave.write, self.slave.readinto, self.slave.try_readinto):
            with self.assertRaisesRegex(ValueError, "released"):
                call(closed)
        self.assertEqual(self.slave.read(), b"abc")

    def test_the_buffer_is_free_after_the_read(self):
        buffer = bytearray(8)
        self.master.write(b"abc")
        self.slave.readinto(buffer)
        self.assertIsNone(self.slave.try_readinto(buffer))
        buffer.extend(b"more")  # BufferError while anything exports it

    def test_the_buffer_stays_while_a_read_waits(self):
        program = self.script("""
buffer = bytearray(8)
with ESHM(sys.argv[1], role=ESHMRole.SLAVE) as channel:
    read = lambda: channel.readinto(buffer, timeout_ms=TIMEOUT_INFINITE)
    thread = threading.Thread(target=lambda: say(read()))
    thread.start()
    while True:
        try:
            buffer.__init__(8)  # in one step, and to what it is
        except BufferError:
            break
    say("exported")
    thread.join()
    buffer.extend(b"x")
    say(bytes(buffer))
""")
        self.assertEqual(program.line(), "exported")
        self.master.write(b"abc")
        self.assertEqual(program.line(), "3")
        self.assertEqual(program.line(), repr(b"abc" + bytes(5) + b"x"))


class Arrays(ChannelTest):
    def setUp(self):
        super().setUp()
        if find_spec("numpy") is None:
            skip(self, "arrays: numpy is not installed")
        self.master, self.slave = self.pair()

    def test_there_and_back(self):
        import numpy

        sent = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
        self.master.write(sent)
        got = self.slave.read_array(numpy.float32, (3, 4))
        self.assertTrue((got == sent).all())
        self.assertEqual((got.dtype, got.shape), (sent.dtype, sent.shape))

    def test_into_a_given_one(self):
        import numpy

        out = numpy.zeros((2, 2), dtype=">i4")
        self.master.write(numpy.array([[1, 2], [3, -4]], dtype=">i4"))
        self.assertIs(self.slave.read_array(out=out), out)
        self.assertEqual(out.tolist(), [[1, 2], [3, -4]])
        self.master.write(out.T)  # not in one piece in its own order
        self.assertEqual(self.slave.read_array(">i4").tolist(), [1, 3, 2, -4])

    def test_of_as_many_elements_as_the_message_has(self):
        import numpy

        for count in (0, 1, 512):
            self.master.write(numpy.arange(float(count)))
            got = self.slave.read_array()
            self.assertEqual(got.tolist(), list(range(count)))
            got += 1  # it is the caller's to change

    def test_python_objects_have_no_bytes_to_share(self):
        import numpy

        objects = numpy.array([object(), "text", None, 5])
        named = numpy.zeros(4, [("speed", "f8"), ("what", object)])
        timed = numpy.zeros(4, [("at", "M8[s]"), ("what", object)])
        nested = numpy.zeros(4, [("at", "M8[s]"), ("inner", [("what", object, 2)])])
        arrays = [objects, named, timed, nested, objects.reshape(2, 2).T, objects[:0]]
        arrays += [array[::2] for array in arrays[:4]]
        others = [
            memoryview(objects),
            memoryview(objects)[::2],
            (ctypes.py_object * 2)(None, 5),
            named[0],
            timed[0],
        ]
        for holder in (*arrays, *others):
            before = repr(holder)
            with self.subTest(holder=before):
                self.slave.write(b"")
                self.assertEqual(self.master.read(), b"")
                for wrong in (
                    lambda: self.master.write(holder),
                    lambda: self.master.write_data({"key": holder}),
                    lambda: self.slave.readinto(holder, 0),
                    lambda: self.slave.try_readinto(holder),
                ):
                    with self.assertRaisesRegex(
                        TypeError, "an array of Python objects has no bytes to share$"
                    ):
                        wrong()
                self.assertEqual(repr(holder), before)
        for holder in arrays:
            for wrong in (
                lambda: self.slave.read_array(holder.dtype, holder.shape, timeout_ms=0),
                lambda: self.slave.read_array(out=holder, timeout_ms=0),
            ):
                with self.assertRaisesRegex(TypeError, "Python objects"):
                    wrong()
        self.assertIsNone(self.slave.try_read())

    def test_a_name_with_a_capital_o_is_no_object(self):
        import numpy

        sent = numpy.array([(1.5, 2)], [("Omega", "f8"), ("O", "i4")])
        for data in (sent, memoryview(sent), sent[0]):
            self.master.write(data)
            got = numpy.zeros_like(sent)
            self.assertEqual(self.slave.readinto(got), sent.nbytes)
            self.assertEqual(got, sent)
            self.master.write(data)
            self.assertEqual(self.slave.read_array(sent.dtype, 1), sent)

    def test_an_array_that_is_not_writable_memory_in_one_piece(self):
        import numpy

        days = numpy.zeros((4, 4), "M8[D]")
        self.master.write(b"kept")
        for array in (
            numpy.zeros((4, 4)),
            numpy.zeros((4, 4), [("at", "M8[s]"), ("speed", "f4")]),
            days,
        ):
            fixed = array.copy()
            fixed.flags.writeable = False
            for buffer, fault in (
                (array[::2], "not in one piece"),
                (array.T, "not in one piece"),
                (fixed, "read-only"),
            ):
                for read in (
                    lambda: self.slave.readinto(buffer, 0),
                    lambda: self.slave.try_readinto(buffer),
                    lambda: self.slave.read_array(out=buffer, timeout_ms=0),
                ):
                    with self.subTest(dtype=array.dtype, fault=fault), self.assertRaisesRegex(
                        BufferError, fault
                    ):
                        read()
        self.assertEqual(self.slave.read(), b"kept")

    def test_times(self):
        import numpy

        days = numpy.array(["2020-01-01", "2021-02-03", "NaT", "1969-12-31"], "M8[D]")
        both = numpy.zeros(2, [("at", "M8[ns]"), ("speed", "f4")])
        both["at"], both["speed"] = numpy.datetime64("2024-05-06T07:08:09.123456789"), 1.5
        for sent in (days, days - days[0], both, days[:1].reshape(()), days[:0], days[::2]):
            with self.subTest(dtype=sent.dtype, shape=sent.shape):
                out = numpy.zeros_like(sent)
                reads = (
                    lambda: self.slave.read_array(sent.dtype).reshape(sent.shape),
                    lambda: self.slave.read_array(sent.dtype, sent.shape),
                    lambda: self.slave.read_array(out=out),
                    lambda: self.slave.readinto(out) == sent.nbytes and out,
                )
                for read in reads:
                    self.master.write(sent)
                    got = read()
                    self.assertEqual((got.dtype, got.tobytes()), (sent.dtype, sent.tobytes()))
        self.master.write_data({"days": days})
        self.assertEqual(self.slave.read_data()["days"], days.tobytes())
        self.assertEqual(days.astype(int).tolist()[:2], [18262, 18661])

    def test_messages_of_another_size(self):
        import numpy

        out = numpy.zeros(4)
        self.master.write(bytes(8))
        with self.assertRaisesRegex(ValueError, "8 bytes.*32"):
            self.slave.read_array(out=out)
        self.master.write(bytes(40))
        with self.assertRaises(ESHMBufferTooSmall):
            self.slave.read_array(out=out)
        self.assertEqual(len(self.slave.read()), 40)
        with self.assertRaises(ESHMTimeout):
            self.slave.read_array(out=out, timeout_ms=1)

    def test_scalars_and_structured_types(self):
        import numpy

        state = numpy.zeros((), dtype=[("position", "f8", 3), ("step", "u4")])
        state["position"], state["step"] = (1.5, 2.5, 3.5), 7
        self.master.write(state)
        got = self.slave.read_array(state.dtype, ())
        self.assertEqual(got.tobytes(), state.tobytes())
        self.assertEqual(int(got["step"]), 7)


if __name__ == "__main__":
    unittest.main()
