"""Waiting for channels with select, selectors and asyncio."""

import asyncio
import os
import select
import selectors
import unittest

from support import HANG_S, ChannelTest, wait_until
from eshm import ESHMRole


def readable(channel, timeout=0.0):
    return bool(select.select([channel], [], [], timeout)[0])


class EventDescriptor(ChannelTest):
    def setUp(self):
        super().setUp()
        self.master, self.slave = self.pair()
        wait_until(
            lambda: self.slave.is_remote_alive() and not readable(self.slave), "nothing is readable"
        )

    def test_a_message_is_readable_until_it_is_read(self):
        self.assertEqual(self.slave.fileno(), self.slave.event_fd())
        for text in (b"one", b"", b"three"):
            self.master.write(text)
            self.assertTrue(readable(self.slave, HANG_S))
            self.assertTrue(readable(self.slave))
            self.assertEqual(self.slave.try_read(), text)
            self.assertFalse(readable(self.slave))

    def test_a_peer_that_leaves_is_readable_until_it_is_asked_about(self):
        self.master.close()
        self.assertTrue(readable(self.slave, HANG_S))
        while self.slave.is_remote_alive():
            self.assertTrue(readable(self.slave, HANG_S))
        self.assertFalse(readable(self.slave))

    def test_many_channels_in_one_selector(self):
        pairs = [(self.master, self.slave)] + [self.pair(name=self.unique_name()) for _ in range(9)]
        with selectors.DefaultSelector() as selector:
            for number, (_, slave) in enumerate(pairs):
                wait_until(
                    lambda: slave.is_remote_alive() and not readable(slave), "nothing is readable"
                )
                selector.register(slave, selectors.EVENT_READ, number)
            left = set(range(10))
            for number in left:
                pairs[number][0].write(b"%d" % number)
            while left:
                ready = selector.select(HANG_S)
                self.assertTrue(ready)
                for key, _ in ready:
                    self.assertEqual(key.fileobj.try_read(), b"%d" % key.data)
                    left.remove(key.data)

    def test_asyncio(self):
        async def echo():
            loop, seen = asyncio.get_running_loop(), asyncio.Queue()
            loop.add_reader(self.slave, lambda: seen.put_nowait(self.slave.try_read()))
            try:
                for i in range(20):
                    self.master.write(b"%d" % i)
                    self.assertEqual(await asyncio.wait_for(seen.get(), HANG_S), b"%d" % i)
            finally:
                loop.remove_reader(self.slave)

        asyncio.run(echo())

    def test_there_is_none(self):
        alone = self.open(ESHMRole.MASTER, self.unique_name(), use_threads=False)
        with self.assertRaisesRegex(RuntimeError, "no event descriptor"):
            alone.event_fd()
        fd = self.slave.event_fd()
        self.slave.close()
        with self.assertRaisesRegex(RuntimeError, "closed"):
            self.slave.event_fd()
        with self.assertRaises(OSError):
            os.fstat(fd)


if __name__ == "__main__":
    unittest.main()
