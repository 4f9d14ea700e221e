"""write, read and try_read: content, sizes, types, order."""

import array
import struct
import unittest

from support import ChannelTest
from eshm import TIMEOUT_INFINITE, ESHMRole


class Content(ChannelTest):
    def setUp(self):
        super().setUp()
        self.master, self.slave = self.pair()

    def test_both_directions(self):
        self.master.write(b"to the slave")
        self.slave.write(b"to the master")
        self.assertEqual(self.slave.read(), b"to the slave")
        self.assertEqual(self.master.read(), b"to the master")

    def test_every_byte_value_and_nul_anywhere(self):
        message = b"\0" + bytes(range(256)) + b"\0"
        self.master.write(message)
        self.assertEqual(self.slave.read(), message)

    def test_result_is_bytes_of_exactly_the_message(self):
        # Smaller after larger: nothing of the old one shows.
        for size in (1, 5000 % 4096, 4096, 3, 0):
            self.master.write(b"x" * size)
            message = self.slave.read()
            self.assertIs(type(message), bytes)
            self.assertEqual(message, b"x" * size)

    def test_empty_message_is_a_message(self):
        self.master.write(b"")
        self.assertEqual(self.slave.try_read(), b"")
        self.assertIsNone(self.slave.try_read())

    def test_newest_wins_and_each_value_comes_once(self):
        for i in range(5):
            self.master.write(b"%d" % i)
        self.assertEqual(self.slave.read(), b"4")
        self.assertIsNone(self.slave.try_read())

    def test_c_string(self):
        self.master.write("Grüße".encode() + b"\0")
        self.assertEqual(self.slave.read().decode().rstrip("\0"), "Grüße")

    def test_write_returns_nothing(self):
        self.assertIsNone(self.master.write(b"x"))

    def test_each_kind_of_buffer(self):
        matrix = memoryview(bytes(range(6))).cast("B", (2, 3))
        for data, expected in (
            (b"bytes", b"bytes"),
            (bytearray(b"bytearray"), b"bytearray"),
            (memoryview(b"read-only view"), b"read-only view"),
            (memoryview(bytearray(b"writable view"))[2:6], b"itab"),
            (memoryview(bytearray(b"a-b-c-"))[::2], b"abc"),
            (memoryview(b"reverse")[::-1], b"esrever"),
            (array.array("d", [1.5, -2.0]), struct.pack("=2d", 1.5, -2.0)),
            (memoryview(array.array("H", [1, 2, 3])), struct.pack("=3H", 1, 2, 3)),
            (matrix, bytes(range(6))),
            (bytearray(), b""),
            (memoryview(b""), b""),
        ):
            with self.subTest(data=data):
                self.master.write(data)
                self.assertEqual(self.slave.read(), expected)

    def test_buffers_are_free_after_the_write(self):
        data = bytearray(b"abc")
        view = memoryview(data)
        self.master.write(data)
        self.master.write(view)
        view.release()
        data.extend(b"more")  # BufferError while anything exports it
        self.assertEqual(self.slave.read(), b"abc")

    def test_bytes_subclass(self):
        class Tagged(bytes):
            pass

        self.master.write(Tagged(b"tagged"))
        self.assertEqual(self.slave.read(), b"tagged")

    def test_str_is_refused_with_a_hint(self):
        with self.assertRaisesRegex(TypeError, "encode"):
            self.master.write("text")

    def test_other_types_are_refused(self):
        for data in (None, 5, 1.5, [1, 2], {}, object()):
            with self.assertRaisesRegex(TypeError, "bytes-like"):
                self.master.write(data)
        self.assertIsNone(self.slave.try_read())


class Sizes(ChannelTest):
    def setUp(self):
        super().setUp()
        self.master, self.slave = self.pair()

    def test_too_large_a_write(self):
        for data in (b"x" * 100_000_000, bytearray(100_000_000)):
            with self.assertRaisesRegex(
                RuntimeError, r"^Write failed: Buffer too small \(.*\d.*\)$"
            ):
                self.master.write(data)
        self.assertIsNone(self.slave.try_read())

    def test_too_small_a_buffer_leaves_the_message_readable(self):
        self.master.write(b"0123456789")
        for read in (
            lambda: self.slave.read(buffer_size=9),
            lambda: self.slave.read(9, timeout_ms=0),
            lambda: self.slave.read(9, timeout_ms=TIMEOUT_INFINITE),
            lambda: self.slave.try_read(9),
        ):
            with self.assertRaisesRegex(
                RuntimeError, r"^Read failed: Buffer too small \(.*\d.*\)$"
            ):
                read()
        self.assertEqual(self.slave.read(buffer_size=10), b"0123456789")

    def test_small_buffer_is_small_also_after_a_large_one(self):
        self.master.write(b"x" * 1000)
        self.assertEqual(len(self.slave.read(buffer_size=1_000_000)), 1000)
        self.master.write(b"x" * 1000)
        with self.assertRaisesRegex(RuntimeError, "Buffer too small"):
            self.slave.read(buffer_size=999)
        self.assertEqual(len(self.slave.try_read(buffer_size=1000)), 1000)

    def test_buffer_of_no_bytes(self):
        self.master.write(b"x")
        with self.assertRaisesRegex(RuntimeError, "Buffer too small"):
            self.slave.read(buffer_size=0)
        self.master.write(b"")
        self.assertEqual(self.slave.read(buffer_size=0), b"")

    def test_wrong_buffer_sizes(self):
        for read in (self.slave.read, self.slave.try_read):
            with self.assertRaisesRegex(ValueError, "buffer_size"):
                read(-1)
            with self.assertRaises(TypeError):
                read(4096.0)
            with self.assertRaises(TypeError):
                read("4096")


class TwoProcesses(ChannelTest):
    def test_python_slave_in_another_process(self):
        master = self.open(ESHMRole.MASTER)
        slave = self.peer("SLAVE")
        for i in range(50):
            master.write(b"message %d" % i)
            self.assertEqual(slave("channel.read(timeout_ms=20000)"), b"message %d" % i)
            slave(f"channel.write(b'ACK {i}')")
            self.assertEqual(master.read(timeout_ms=20_000), b"ACK %d" % i)
        self.assertEqual(slave.leave(), 0)

    def test_python_master_in_another_process(self):
        master = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE)
        slave.write(b"\xff" * 4096)
        self.assertEqual(master("channel.read()"), b"\xff" * 4096)
        master("channel.write(bytearray(4096))")
        self.assertEqual(slave.read(), bytes(4096))
        self.assertEqual(master.leave(), 0)

    def test_flat_out_stream_is_whole_and_in_order(self):
        writer = self.script("""
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("open")
    sys.stdin.readline()
    for i in range(20000):
        channel.write(b"%08d" % i * 64)
    sys.stdin.read()
""")
        self.assertEqual(writer.line(), "open")
        slave = self.open(ESHMRole.SLAVE)
        writer.send("go")
        last = -1
        while last < 19_999:  # intermediate values may be overwritten, the last one is not
            message = slave.read(timeout_ms=20_000)
            self.assertEqual(message, message[:8] * 64)
            self.assertGreater(int(message[:8]), last)
            last = int(message[:8])
        self.assertEqual(writer.end()[0], 0)


if __name__ == "__main__":
    unittest.main()
