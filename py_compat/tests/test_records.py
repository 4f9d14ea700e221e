"""Records through channels: ESHM.read_data and ESHMData."""

import inspect
import time
import unittest
from unittest import mock

from records import SCALARS, same_items
from support import ChannelTest, ESHMRole
from eshm import ESHM, ESHMBufferTooSmall
from eshm.data_handler import DataHandler, DataItem, DataType, Event
from eshm.eshm_data import ESHMData, RecordError


class Records(ChannelTest):
    def setUp(self):
        super().setUp()
        self.master = ESHMData(self.name, role=ESHMRole.MASTER)
        self.addCleanup(self.master.close)
        self.slave = ESHMData(self.name, role=ESHMRole.SLAVE)
        self.addCleanup(self.slave.close)

    def test_signatures(self):
        def defaults(function):
            return [
                (p.name, p.default)
                for p in list(inspect.signature(function).parameters.values())[1:]
            ]

        self.assertEqual(defaults(ESHM.read_data), [("timeout_ms", 10), ("max_items", 32)])
        self.assertEqual(defaults(ESHMData.read_data), [("max_items", 100), ("timeout_ms", 1000)])

    def test_items_both_ways(self):
        items = [*SCALARS, DataItem(DataType.EVENT, "e", Event("tick", {"n": 1}))]
        for writer, reader in ((self.master, self.slave), (self.slave, self.master)):
            writer.write_data(items)
            self.assertTrue(same_items(reader.read_data(), items))

    def test_read_data_of_a_plain_channel_is_a_dict(self):
        self.slave.close()
        slave = self.open(ESHMRole.SLAVE)
        self.master.write_data({"temperature": 23.5, "status": "OK"})
        self.assertEqual(slave.read_data(timeout_ms=1000), {"temperature": 23.5, "status": "OK"})
        with self.assertRaisesRegex(TimeoutError, "^Read timed out$"):
            slave.read_data()
        with self.assertRaisesRegex(RuntimeError, "^No data available$"):
            slave.read_data(timeout_ms=0)

    def test_a_long_wait_lasts_and_ends(self):
        begin = time.monotonic()
        self.assertEqual(self.slave.read_data(timeout_ms=250), [])
        self.assertGreaterEqual(time.monotonic() - begin, 0.25)

    def test_limit_of_items(self):
        for count in (32, 33):
            self.master.write_data({str(number): number for number in range(count)})
            if count == 32:
                self.assertEqual(len(ESHM.read_data(self.slave, 1000)), count)
            else:
                with self.assertRaisesRegex(
                    RuntimeError, "^Read data failed: a record of 33 items, more than max_items=32$"
                ):
                    ESHM.read_data(self.slave, 1000)
        self.master.write_data({})
        self.assertEqual(self.slave.read_data(max_items=0), [])

    def test_messages_that_are_no_records(self):
        self.master.write(b"hello\0")
        with self.assertRaisesRegex(RuntimeError, "^Read data failed: no record: .* at byte 0$"):
            self.slave.read_data()
        self.master.write_data({"a": 1})  # and the next is read as if nothing had been
        self.assertEqual(self.slave.read_data()[0].value, 1)

    def test_values_that_do_not_fit_write_nothing(self):
        with self.assertRaises(TypeError):
            self.master.write_data({"a": object()})
        with self.assertRaises(RecordError):
            self.master.write_data({"a": 1 << 64})
        with self.assertRaisesRegex(RuntimeError, r"^Write failed: Buffer too small \(.*\d.*\)$"):
            self.master.write_data({"a": bytes(1 << 20)})
        self.assertIsNone(self.slave.try_read())

    def test_a_message_larger_than_the_first_buffer(self):
        self.master.write_data(SCALARS)
        read, sizes = self.slave.read, []

        def too_small_for_large_ones(size, timeout_ms):
            sizes.append(size)
            if size < 20_000:
                error = ESHMBufferTooSmall()
                # Not every release of the library says.
                error.size = 20_000 if len(sizes) > 1 else None
                raise error
            return read(size, timeout_ms)

        with mock.patch.object(self.slave, "read", too_small_for_large_ones):
            self.assertTrue(same_items(self.slave.read_data(), SCALARS))
        self.assertEqual(sizes, [4096, 8192, 20_000])

    def test_closed(self):
        self.slave.close()
        for call in (self.slave.read_data, lambda: self.slave.write_data({})):
            with self.assertRaisesRegex(RuntimeError, "closed"):
                call()

    def test_what_read_and_write_carry_are_the_codecs_bytes(self):
        self.master.write(DataHandler().encode_data_buffer(SCALARS))
        self.assertTrue(same_items(self.slave.read_data(), SCALARS))
        self.slave.write_data(SCALARS)
        self.assertEqual(self.master.read(), DataHandler().encode_data_buffer(SCALARS))


if __name__ == "__main__":
    unittest.main()
