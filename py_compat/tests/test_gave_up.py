"""A slave that has used up its attempts to reconnect: no read waits for what cannot come."""

import asyncio
import logging
import threading
import unittest

from support import HANG_S, ChannelTest, ESHMRole, asleep, wait_until
from eshm import TIMEOUT_INFINITE, ESHMTimeout
from eshm.aio import AsyncESHM

# These tests run the loop in its debug mode, which tells of each step over 100 ms: a busy machine
# has many.
logging.getLogger("asyncio").setLevel(logging.ERROR)

FEW = {"max_reconnect_attempts": 1, "reconnect_retry_interval_ms": 1}


class GaveUp(ChannelTest):
    def reads(self, slave):
        return (
            lambda: slave.read(timeout_ms=TIMEOUT_INFINITE),
            lambda: slave.read(100_000, TIMEOUT_INFINITE),
            lambda: slave.readinto(bytearray(64), timeout_ms=TIMEOUT_INFINITE),
            lambda: slave.read_data(timeout_ms=TIMEOUT_INFINITE),
        )

    def ended(self, read):
        """A thread in a read without limit, and what ends that."""
        said = []

        def run():
            try:
                said.append(read())
            except BaseException as error:
                said.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread, said

    def check(self, thread, said):
        thread.join(HANG_S)
        self.assertEqual([(type(one), str(one)) for one in said], [(ESHMTimeout, "Read timed out")])

    def test_reads_that_wait_already_end(self):
        master = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE, **FEW)
        running = [self.ended(read) for read in self.reads(slave)[:1]]
        for thread, _ in running:
            wait_until(lambda: asleep(thread.native_id), "the wait")
        master.leave()
        for thread, said in running:
            self.check(thread, said)

    def test_later_reads_end_at_once_and_what_came_before_is_read(self):
        master = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE, **FEW)
        master("channel.write(b'last')")
        master.leave()
        wait_until(slave._calls()._has_given_up, "that it gives up")
        self.assertEqual(slave.read(timeout_ms=TIMEOUT_INFINITE), b"last")
        for read in self.reads(slave):
            self.check(*self.ended(read))

    def test_reads_with_a_limit_wait_for_it(self):
        master = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE, **FEW)
        master.leave()
        wait_until(slave._calls()._has_given_up, "that it gives up")
        thread, said = self.ended(lambda: slave.read(timeout_ms=3_600_000))
        wait_until(lambda: asleep(thread.native_id), "the wait")
        thread.join(0.3)
        self.assertTrue(thread.is_alive())
        slave.close()
        thread.join(HANG_S)
        self.assertRegex(str(said), "closed")


class AsyncGaveUp(ChannelTest, unittest.IsolatedAsyncioTestCase):
    async def hurry(self, awaitable):
        return await asyncio.wait_for(awaitable, HANG_S)

    async def lost(self, readers=0):
        """A slave that has given up with so many reads waiting, and these."""
        master = self.peer("MASTER")
        slave = await AsyncESHM(self.name, role=ESHMRole.SLAVE, **FEW).__aenter__()
        self.addCleanup(slave.close)
        reads = [asyncio.ensure_future(slave.read()) for _ in range(readers)]
        while len(slave._watch.waiting) < readers:
            await asyncio.sleep(0)
        return master, slave, reads

    async def test_all_reads_that_wait_end(self):
        master, _, reads = await self.lost(3)
        master.leave()
        for read in reads:
            with self.assertRaisesRegex(ESHMTimeout, "^Read timed out$"):
                await self.hurry(read)

    async def test_also_where_another_task_asks_about_the_master(self):
        master, slave, reads = await self.lost(2)
        # No event comes to the loop meanwhile, and then there is none to come: the question has
        # taken it.
        master.leave()
        wait_until(slave.channel._calls()._has_given_up, "that it gives up")
        wait_until(lambda: not slave.channel.is_remote_alive(), "the master's exit")
        for read in reads:
            with self.assertRaises(ESHMTimeout):
                await self.hurry(read)

    async def test_later_reads_end_at_once(self):
        master, slave, _ = await self.lost()
        master("channel.write(b'last')")
        master.leave()
        wait_until(slave.channel._calls()._has_given_up, "that it gives up")
        self.assertEqual(await self.hurry(slave.read(timeout_ms=TIMEOUT_INFINITE)), b"last")
        for timeout_ms in (None, TIMEOUT_INFINITE):
            with self.assertRaises(ESHMTimeout):
                await self.hurry(slave.read(timeout_ms=timeout_ms))
        with self.assertRaises(ESHMTimeout):
            async for message in slave:
                self.fail(message)


if __name__ == "__main__":
    unittest.main()
