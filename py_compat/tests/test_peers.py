"""What one process learns of the other: statistics, liveness, crashes, restarts."""

import os
import unittest

from support import HANG_S, ChannelTest, segment, wait_until
from eshm import ESHM, ESHMDisconnectBehavior, ESHMRole, ESHMStats


class Stats(ChannelTest):
    def test_keys_are_the_c_field_names(self):
        stats = self.open(ESHMRole.MASTER).get_stats()
        self.assertIs(type(stats), dict)
        self.assertEqual(list(stats), [field[0] for field in ESHMStats._fields_])
        self.assertEqual(len(stats), 13)

    def test_values(self):
        master = self.open(ESHMRole.MASTER)
        slave = self.peer("SLAVE")
        for _ in range(3):
            master.write(b"x")
        slave("channel.read()")
        slave("channel.write(b'y')")
        stats = master.get_stats()
        expected = {
            "master_pid": os.getpid(),
            "slave_pid": slave.process.pid,
            "master_alive": True,
            "slave_alive": True,
            "stale_threshold": 2000,
            "m2s_write_count": 3,
            "m2s_read_count": 1,
            "s2m_write_count": 1,
            "s2m_read_count": 0,
        }
        self.assertEqual({key: stats[key] for key in expected}, expected)
        self.assertIs(type(stats["master_alive"]), bool)

    def test_heartbeats_move_and_deltas_count_from_the_previous_call(self):
        master = self.open(ESHMRole.MASTER)
        self.peer("SLAVE")
        first = master.get_stats()

        def moved():
            stats = master.get_stats()
            return stats if stats["slave_heartbeat"] > first["slave_heartbeat"] else None

        self.assertEqual(first["master_heartbeat_delta"], first["master_heartbeat"])
        before = wait_until(moved, "a heartbeat of the slave")
        after = master.get_stats()
        for side in ("master", "slave"):
            self.assertEqual(after[f"{side}_heartbeat_delta"],
                             after[f"{side}_heartbeat"] - before[f"{side}_heartbeat"])


class Liveness(ChannelTest):
    def test_clean_exit_of_the_slave(self):
        master = self.open(ESHMRole.MASTER)
        slave = self.peer("SLAVE")
        wait_until(master.is_remote_alive, "the slave")
        slave.leave()
        wait_until(lambda: not master.is_remote_alive(), "the slave's exit")
        self.assertFalse(master.get_stats()["slave_alive"])

    def test_kill_of_the_slave_and_its_successor(self):
        master = self.open(ESHMRole.MASTER)
        self.peer("SLAVE").kill()
        wait_until(lambda: not master.is_remote_alive(), "the slave's death")
        slave = self.peer("SLAVE")
        wait_until(master.is_remote_alive, "the new slave")
        master.write(b"to the new one")
        self.assertEqual(slave("channel.read()"), b"to the new one")

    def test_killed_master_is_taken_over_in_place_and_the_slave_goes_on(self):
        first = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE, max_reconnect_attempts=0, reconnect_retry_interval_ms=10)
        first("channel.write(b'one')")
        self.assertEqual(slave.read(), b"one")
        first.kill()
        wait_until(lambda: not slave.is_remote_alive(), "the master's death")
        second = self.peer("MASTER")
        wait_until(slave.is_remote_alive, "the new master")
        second("channel.write(b'two')")
        self.assertEqual(slave.read(timeout_ms=20_000), b"two")
        wait_until(lambda: _attached(slave), "the reconnection")
        slave.write(b"three")
        self.assertEqual(second("channel.read(timeout_ms=20000)"), b"three")

    def test_first_message_of_a_master_after_a_clean_restart_is_delivered(self):
        first = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE, max_reconnect_attempts=0, reconnect_retry_interval_ms=10)
        first.leave()
        wait_until(lambda: not slave.is_remote_alive(), "the master's exit")
        self.assertFalse(segment(self.name).exists())
        self.peer("MASTER")("channel.write(b'first')")
        self.assertEqual(slave.read(timeout_ms=20_000), b"first")

    def test_kill_and_restart_many_times_under_a_waiting_reader(self):
        code = """
with ESHM(sys.argv[1], role=ESHMRole.MASTER) as channel:
    say("open")
    while True:
        channel.write(str(os.getpid()).encode())
        time.sleep(0.001)
"""
        master = self.script(code)
        master.line()
        slave = self.open(ESHMRole.SLAVE, max_reconnect_attempts=0, reconnect_retry_interval_ms=5)
        for _ in range(8):
            expected = b"%d" % master.process.pid
            while slave.read(timeout_ms=int(HANG_S * 1000)) != expected:
                pass
            master.process.kill()
            master.process.wait()
            master = self.script(code)
            master.line()
        while slave.read(timeout_ms=int(HANG_S * 1000)) != b"%d" % master.process.pid:
            pass

    def test_auto_takes_over_from_a_killed_master(self):
        self.peer("MASTER").kill()
        self.assertIs(self.open(ESHMRole.AUTO).get_role(), ESHMRole.MASTER)


class Detached(ChannelTest):
    """The table of states in the protocol, as Python sees it."""

    def lost(self, **settings):
        master = self.peer("MASTER")
        slave = self.open(ESHMRole.SLAVE, **settings)
        master.leave()
        wait_until(lambda: not slave.is_remote_alive(), "the master's exit")
        wait_until(lambda: _let_go(slave), "detachment")
        return slave

    def check_reconnecting(self, slave):
        self.assertIsNone(slave.try_read())
        with self.assertRaisesRegex(RuntimeError, "^No data available$"):
            slave.read(timeout_ms=0)
        with self.assertRaises(TimeoutError):
            slave.read(timeout_ms=150)
        with self.assertRaisesRegex(RuntimeError, "^Write failed: Operation timed out$"):
            slave.write(b"x")
        with self.assertRaisesRegex(RuntimeError, "^Failed to get stats: Not initialized$"):
            slave.get_stats()
        self.assertIs(slave.get_role(), ESHMRole.SLAVE)
        self.assertFalse(slave.is_remote_alive())

    def test_reconnecting(self):
        self.check_reconnecting(self.lost(disconnect_behavior=ESHMDisconnectBehavior.NEVER))

    def test_gave_up(self):
        self.check_reconnecting(self.lost(max_reconnect_attempts=1, reconnect_retry_interval_ms=1))

    def test_immediately(self):
        slave = self.lost(disconnect_behavior=ESHMDisconnectBehavior.IMMEDIATELY)
        for read in (slave.try_read, slave.read, lambda: slave.read(timeout_ms=0)):
            with self.assertRaisesRegex(RuntimeError, "^Read failed: Master is stale$"):
                read()
        with self.assertRaisesRegex(RuntimeError, "^Write failed: Operation timed out$"):
            slave.write(b"x")
        self.assertEqual(slave.get_stats()["master_alive"], False)  # the last known values

    def test_ousted_master(self):
        old = self.peer("MASTER")
        new = ESHM(self.name, role=ESHMRole.MASTER)
        self.addCleanup(new.close)

        def refused():
            old.send("channel.write(b'x')")
            return "Write failed: Role mismatch" in old.line()

        wait_until(refused, "the refusal")
        old.leave()
        self.assertTrue(segment(self.name).exists())


def _attached(channel):
    try:
        channel.get_stats()
    except RuntimeError:
        return False
    return True


def _let_go(channel):
    """Whether it has left its segment. (A stopped one still has statistics: the last known
    ones.)"""
    try:
        channel.write(b"x")
    except RuntimeError:
        return True
    return False


if __name__ == "__main__":
    unittest.main()
