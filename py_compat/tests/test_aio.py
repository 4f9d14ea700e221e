"""AsyncESHM: reads that wait in an event loop, against peers in processes of their own and in this
one."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import os
import pickle
import resource
import socket
import threading
import time
import unittest
from pathlib import Path
from typing import Any, List

from support import HANG_S, ChannelTest, segment
from eshm import (
    TIMEOUT_INFINITE,
    ESHM,
    ESHMBufferTooSmall,
    ESHMClosed,
    ESHMDisconnectBehavior,
    ESHMError,
    ESHMNoData,
    ESHMOpenFailed,
    ESHMRole,
    ESHMTimeout,
)
from eshm.aio import AsyncESHM


# These tests run the loop in its debug mode, which tells of each step over 100 ms: a busy machine
# has many.
logging.getLogger("asyncio").setLevel(logging.ERROR)


def hurry(awaitable: Any) -> Any:
    return asyncio.wait_for(awaitable, HANG_S)


def tasks() -> int:
    """Threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


async def waits(channel: AsyncESHM, task: "asyncio.Task[Any]", readers: int = 1) -> None:
    """Until that many reads of `channel` are waiting."""
    while len(channel._watch.waiting) < readers:
        assert not task.done(), task
        await asyncio.sleep(0)


class Reading(ChannelTest, unittest.IsolatedAsyncioTestCase):
    async def test_a_message_ends_a_read_that_waits(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                read = asyncio.ensure_future(master.read())
                await waits(master, read)
                slave.write(b"news")
                self.assertEqual(await hurry(read), b"news")
                await master.write(b"answer")
                self.assertEqual(slave.try_read(), b"answer")

    async def test_a_message_that_is_there_is_returned_at_once(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                slave.write(b"early")
                self.assertEqual(await hurry(master.read()), b"early")

    async def test_timeouts(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            loop = asyncio.get_running_loop()
            with self.assertRaises(ESHMNoData):
                await hurry(master.read(timeout_ms=0))
            for timeout_ms in (1, 30):
                start = loop.time()
                with self.assertRaisesRegex(ESHMTimeout, "^Read timed out$"):
                    await hurry(master.read(timeout_ms=timeout_ms))
                self.assertGreaterEqual(loop.time() - start, timeout_ms / 1000)
            for wrong, kind in ((-1, ValueError), ("1", TypeError)):
                with self.assertRaises(kind):
                    await master.read(timeout_ms=wrong)  # type: ignore[arg-type]

    async def test_the_calls_of_the_other_class(self) -> None:
        master, slave = AsyncESHM(self.name, ESHMRole.MASTER), AsyncESHM(self.name)
        self.assertEqual(repr(master), f"AsyncESHM(name='{self.name}', not open yet)")
        async with master, slave:
            self.assertEqual(repr(slave), f"AsyncESHM(name='{self.name}', role=SLAVE)")
            room = bytearray(8)
            read = asyncio.ensure_future(slave.readinto(room))
            await waits(slave, read)
            await master.write(b"news")
            self.assertEqual((await hurry(read), bytes(room[:4])), (4, b"news"))
            await master.write_data({"speed": 1.5})
            self.assertEqual(await hurry(slave.read_data()), {"speed": 1.5})
            await master.write(b"no record")
            with self.assertRaisesRegex(RuntimeError, "^Read data failed: no record"):
                await hurry(slave.read_data())
            with self.assertRaises(ESHMTimeout):
                await slave.readinto(room, timeout_ms=1)
        self.assertEqual(repr(slave), f"AsyncESHM(name='{self.name}', closed)")
        self.assertEqual((slave.name, slave.role), (self.name, ESHMRole.SLAVE))

    async def test_the_calls_that_do_not_wait(self) -> None:
        master, slave = AsyncESHM(self.name, ESHMRole.MASTER), AsyncESHM(self.name, ESHMRole.SLAVE)
        room = bytearray(8)
        questions = (
            slave.try_read,
            lambda: slave.try_readinto(room),
            slave.get_stats,
            slave.get_role,
            slave.is_remote_alive,
            lambda: slave.capacity,
        )

        def refused(state: str) -> None:
            for question in questions:
                with self.assertRaisesRegex(ESHMClosed, "is not open"):
                    question()
            self.assertIn(state, repr(slave))

        refused("not open yet")
        async with master, slave:
            self.assertIsNone(slave.try_read())
            self.assertIsNone(slave.try_readinto(room))
            await master.write(b"news")
            self.assertEqual(slave.try_read(), b"news")
            await master.write(b"more")
            self.assertEqual((slave.try_readinto(room), room[:4]), (4, b"more"))
            await master.write(b"0123456789")
            with self.assertRaises(ESHMBufferTooSmall):
                slave.try_read(9)
            with self.assertRaises(ESHMBufferTooSmall):
                slave.try_readinto(room)
            self.assertEqual(slave.try_read(10), b"0123456789")
            self.assertEqual(slave.get_stats()["m2s_write_count"], 3)
            self.assertIs(slave.get_role(), ESHMRole.SLAVE)
            self.assertTrue(slave.is_remote_alive())
            self.assertEqual(slave.capacity, slave.channel.capacity)
            self.assertEqual(slave.backend, slave.channel.backend)
        refused("closed")
        self.assertIn(slave.backend, ("native", "ctypes"))
        self.assertEqual(AsyncESHM(self.name, backend="ctypes").backend, "ctypes")

    async def test_a_read_that_waits_sees_what_the_question_takes_from_the_descriptor(self) -> None:
        """The question's answer makes the descriptor quiet again; a message that comes later wakes
        the read."""
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            read = asyncio.ensure_future(master.read())
            await waits(master, read)
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                self.assertTrue(master.is_remote_alive())
                slave.write(b"news")
                self.assertEqual(await hurry(read), b"news")

    async def test_a_cancelled_read_has_taken_nothing(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                read = asyncio.ensure_future(master.read())
                await waits(master, read)
                slave.write(b"kept")
                read.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await read
                self.assertEqual(await hurry(master.read()), b"kept")

    async def test_each_of_many_reads_gets_a_message_of_its_own(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                reads = [asyncio.ensure_future(master.read()) for _ in range(5)]
                await waits(master, reads[0], len(reads))
                got: List[bytes] = []
                for number in range(5):
                    slave.write(b"%d" % number)
                    done, reads = await asyncio.wait(
                        reads, timeout=HANG_S, return_when=asyncio.FIRST_COMPLETED
                    )
                    reads = list(reads)
                    got += [read.result() for read in done]
                self.assertEqual(got, [b"0", b"1", b"2", b"3", b"4"])

    async def test_other_tasks_run_beside_a_flat_out_peer(self) -> None:
        with self.script(WRITER, self.name) as peer:
            peer.line()
            async with AsyncESHM(self.name, role=ESHMRole.SLAVE) as slave:

                async def read_all() -> None:
                    async for _ in slave:
                        pass

                reading = asyncio.ensure_future(read_all())
                for _ in range(100):
                    await asyncio.sleep(0)
                slave.close()
                await hurry(reading)

    async def test_what_is_too_large_stays(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                slave.write(b"0123456789")
                with self.assertRaisesRegex(RuntimeError, "Buffer too small"):
                    await hurry(master.read(buffer_size=4))
                self.assertEqual(await hurry(master.read()), b"0123456789")


class Living(ChannelTest, unittest.IsolatedAsyncioTestCase):
    async def test_close_ends_what_waits(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            reads = [asyncio.ensure_future(master.read()) for _ in range(3)]
            await waits(master, reads[0], len(reads))
            master.close()
            for read in reads:
                with self.assertRaisesRegex(RuntimeError, "is not open"):
                    await hurry(read)
        self.assertFalse(segment(self.name).exists())

    async def test_messages_of_any_size(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER, capacity=300_000) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                for size in (50_000, 0, 300_000):
                    slave.write(bytes(size))
                    self.assertEqual(await hurry(master.read()), bytes(size))

    async def test_closing_the_channel_inside_is_closing(self) -> None:
        for close in (
            lambda channel: channel.close(),
            lambda channel: threading.Thread(target=channel.close).start(),
        ):
            async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
                reads = [asyncio.ensure_future(master.read()) for _ in range(2)]
                await waits(master, reads[0], len(reads))
                close(master.channel)
                for read in reads:
                    with self.assertRaises(ESHMClosed):
                        await hurry(read)

    async def test_a_close_by_another_thread_leaves_a_strangers_descriptor_alone(self) -> None:
        for close in (lambda channel: channel.close(), lambda channel: channel.channel.close()):
            async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
                read = asyncio.ensure_future(master.read())
                await waits(master, read)
                closer = threading.Thread(target=close, args=(master,))
                closer.start()
                closer.join()
                strangers = [
                    socket.socketpair() for _ in range(20)
                ]  # before the loop has heard of it
                with contextlib.ExitStack() as ends:
                    for one in (one for pair in strangers for one in pair):
                        one.setblocking(False)
                        ends.enter_context(one)
                    loop = asyncio.get_running_loop()
                    waiting = [
                        asyncio.ensure_future(loop.sock_recv(here, 9)) for here, _ in strangers
                    ]
                    waiting += [
                        asyncio.ensure_future(loop.sock_recv(there, 9)) for _, there in strangers
                    ]
                    with self.assertRaises(ESHMClosed):
                        await hurry(read)
                    for here, there in strangers:
                        here.send(b"news")
                        there.send(b"news")
                    self.assertEqual(await hurry(asyncio.gather(*waiting)), [b"news"] * 40)

    async def test_auto_is_judged_anew_each_time(self) -> None:
        channel = AsyncESHM(self.name)
        async with channel:
            self.assertIs(channel.role, ESHMRole.MASTER)
        with ESHM(self.name, role=ESHMRole.MASTER) as master:
            async with channel:
                self.assertIs(channel.role, ESHMRole.SLAVE)
                master.write(b"news")
                self.assertEqual(await hurry(channel.read()), b"news")
            self.assertIs(channel.role, ESHMRole.SLAVE)
        async with channel:
            self.assertIs(channel.role, ESHMRole.MASTER)

    async def test_it_is_opened_once_at_a_time(self) -> None:
        channel = AsyncESHM(self.name, role=ESHMRole.MASTER)
        ends = [channel.__aenter__(), channel.__aenter__()]
        first, second = await hurry(asyncio.gather(*ends, return_exceptions=True))
        self.assertIs(first, channel)
        self.assertIsInstance(second, RuntimeError)
        channel.close()
        async with channel:
            pass

    async def test_a_close_ends_an_opening(self) -> None:
        for wait_ms in (0, TIMEOUT_INFINITE):
            channel = AsyncESHM(
                self.name,
                role=ESHMRole.SLAVE if wait_ms else ESHMRole.MASTER,
                wait_for_master_ms=wait_ms,
            )
            opening = asyncio.ensure_future(channel.__aenter__())
            await asyncio.sleep(0)
            channel.close()
            with self.assertRaisesRegex(ESHMClosed, "was closed while it opened"):
                await hurry(opening)
            self.assertFalse(segment(self.name).exists())

    async def test_no_descriptor_is_left(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for closer in (lambda close: close(), lambda close: threading.Thread(target=close).start()):
            async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
                read = asyncio.ensure_future(master.read())
                await waits(master, read)
                closer(master.close)
                with self.assertRaises(ESHMClosed):
                    await hurry(read)
        deadline = time.monotonic() + HANG_S  # the thread may still be closing
        while len(os.listdir("/proc/self/fd")) > before:
            self.assertLess(time.monotonic(), deadline)
            await asyncio.sleep(0.002)

    async def test_there_is_no_copy(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            for made in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.assertRaisesRegex(
                    TypeError, "cannot be pickled or copied: open the channel by its name"
                ):
                    made(master)

    async def test_a_wait_for_a_master_holds_up_no_other_and_can_be_cancelled(self) -> None:
        names = [f"{self.name}.{number}" for number in range(50)]

        async def slave(name: str) -> bytes:
            async with AsyncESHM(
                name, role=ESHMRole.SLAVE, wait_for_master_ms=TIMEOUT_INFINITE
            ) as channel:
                return await channel.read()

        slaves = [asyncio.ensure_future(slave(name)) for name in names]
        lonely = asyncio.ensure_future(slave(self.name))
        await asyncio.sleep(0)
        masters = [AsyncESHM(name, role=ESHMRole.MASTER) for name in names]
        for master in masters:
            await hurry(master.__aenter__())
        try:
            for master, one in zip(masters, slaves):
                while not one.done():
                    await master.write(b"x")
                self.assertEqual(one.result(), b"x")
        finally:
            for master in masters:
                master.close()
        lonely.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await hurry(lonely)

    async def test_what_is_refused_is_refused_at_once(self) -> None:
        with self.assertRaises(ESHMOpenFailed) as refused:
            await hurry(
                AsyncESHM(
                    self.name,
                    role=ESHMRole.SLAVE,
                    capacity=2 << 30,
                    wait_for_master_ms=TIMEOUT_INFINITE,
                ).__aenter__()
            )
        self.assertEqual(refused.exception.code, ESHMError.INVALID_PARAM)

    async def test_an_iteration_ends_as_the_channel_is_closed(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            with ESHM(self.name, role=ESHMRole.SLAVE) as slave:
                slave.write(b"first")
                got = []
                async for value in master:
                    got.append(value)
                    slave.write(b"second")
                    if len(got) == 2:
                        master.close()
                self.assertEqual(got, [b"first", b"second"])

    async def test_a_peer_that_goes_does_not_make_the_loop_spin(self) -> None:
        async with AsyncESHM(self.name, role=ESHMRole.MASTER) as master:
            slave = ESHM(self.name, role=ESHMRole.SLAVE)
            slave.write(b"here")
            self.assertEqual(await hurry(master.read()), b"here")
            read = asyncio.ensure_future(master.read())
            await waits(master, read)
            woken = 0
            wake = master._wake_one

            def counted() -> None:
                nonlocal woken
                woken += 1
                wake()

            asyncio.get_running_loop().add_reader(master.channel.fileno(), counted)
            slave.close()
            while not woken:
                await asyncio.sleep(0.001)
            with ESHM(self.name, role=ESHMRole.SLAVE) as again:
                again.write(b"back")
                self.assertEqual(await hurry(read), b"back")
            self.assertLess(woken, 100)

    async def test_a_master_lost_for_good_ends_a_read(self) -> None:
        with self.script(WRITER, self.name) as peer:
            peer.line()
            async with AsyncESHM(
                self.name,
                role=ESHMRole.SLAVE,
                disconnect_behavior=ESHMDisconnectBehavior.IMMEDIATELY,
            ) as slave:
                await hurry(slave.read())
                peer.process.kill()
                with self.assertRaisesRegex(RuntimeError, "stale"):
                    while True:
                        await hurry(slave.read())

    async def test_what_cannot_be_opened(self) -> None:
        with self.assertRaises(RuntimeError):
            async with AsyncESHM(self.name, role=ESHMRole.SLAVE):
                pass
        with self.assertRaises(RuntimeError):
            async with AsyncESHM(self.name, role=ESHMRole.MASTER, use_threads=False):
                pass
        self.assertFalse(segment(self.name).exists())
        closed = AsyncESHM(self.name)
        with self.assertRaisesRegex(RuntimeError, "is not open"):
            await closed.read()
        closed.close()

    async def test_a_thousand_idle_channels_need_no_thread_each(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = 1000 if hard >= 4096 or hard == resource.RLIM_INFINITY else (hard - 100) // 3
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard) if hard > 0 else 4096, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        channels: List[AsyncESHM] = []
        reads: List["asyncio.Task[bytes]"] = []

        async def add(number: int) -> None:
            channel = await AsyncESHM(f"{self.name}.{number}", role=ESHMRole.MASTER).__aenter__()
            channels.append(channel)
            reads.append(asyncio.ensure_future(channel.read()))

        try:
            before = tasks()
            for number in range(count):
                await add(number)
            deadline = time.monotonic() + HANG_S
            # The library's; those that opened them are on their way out.
            while tasks() > before + 1:
                self.assertLess(time.monotonic(), deadline, tasks())
                await asyncio.sleep(0.001)
            last = channels[-1]
            await waits(last, reads[-1])
            with ESHM(last.channel._name, role=ESHMRole.SLAVE) as slave:
                slave.write(b"to the last")
                self.assertEqual(await hurry(reads.pop()), b"to the last")
        finally:
            for read in reads:
                read.cancel()
            for channel in channels:
                channel.close()


WRITER = """
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("open")
    while True:
        channel.write(b"more")
"""


if __name__ == "__main__":
    unittest.main()
