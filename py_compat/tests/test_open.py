"""Opening: names, roles, settings, refusals."""

import unittest

from support import ChannelTest, segment
from eshm import ESHM, ESHMDisconnectBehavior, ESHMRole


class Names(ChannelTest):
    def refused(self, name, reason):
        for role in ESHMRole:
            with self.assertRaisesRegex(RuntimeError, f"Failed to initialize ESHM.*{reason}"):
                ESHM(name, role=role)

    def test_empty(self):
        self.refused("", "1 to 249 bytes")

    def test_longest(self):
        name = (self.name + "x" * 249)[:249]
        with ESHM(name, role=ESHMRole.MASTER):
            self.assertTrue(segment(name).exists())
        self.assertFalse(segment(name).exists())

    def test_too_long_counts_bytes_not_characters(self):
        self.refused("x" * 250, "250")
        self.refused("ä" * 125, "250")

    def test_nul_byte(self):
        self.refused(self.name + "\0tail", "NUL")
        self.assertFalse(segment(self.name).exists())

    def test_lone_surrogate(self):
        self.refused(self.name + "\ud800", "surrogate")

    def test_undecodable_bytes_of_the_command_line(self):
        name = self.name + b"\xff".decode("utf-8", "surrogateescape")
        with ESHM(name, role=ESHMRole.MASTER):
            self.assertTrue(segment(name).exists())

    def test_not_ascii(self):
        name = self.name + "_größe"
        with ESHM(name, role=ESHMRole.MASTER):
            self.assertTrue(segment(name).exists())

    def test_slash_becomes_underscore(self):
        with ESHM(self.name + "/a", role=ESHMRole.MASTER):
            self.assertTrue(segment(self.name + "_a").exists())

    def test_messages_say_the_name_once(self):
        """The library begins its reasons with the channel's name; the exception has it already."""
        for tail in ("", "'", '"', "'\"': ", "\\'", "\\", "\n': x"):
            name = self.name + tail
            self.addCleanup(lambda path=segment(name): path.unlink() if path.exists() else None)
            with self.assertRaises(RuntimeError) as refused:
                ESHM(name, role=ESHMRole.SLAVE)
            with ESHM(name, role=ESHMRole.MASTER) as master, self.assertRaises(
                RuntimeError
            ) as failed:
                master.write(bytes(master.capacity + 1))
            for error, begin in (
                (refused, f"Failed to initialize ESHM {name!r} as SLAVE: "),
                (failed, "Write failed: Buffer too small ("),
            ):
                said = str(error.exception)
                self.assertTrue(said.startswith(begin), said)
                self.assertNotIn("channel '", said)

    def test_wrong_type(self):
        for name in (None, 5, b"bytes", ["x"]):
            with self.assertRaisesRegex(TypeError, "shm_name"):
                ESHM(name)


class Settings(ChannelTest):
    def test_slave_without_segment(self):
        with self.assertRaisesRegex(
            RuntimeError, f"Failed to initialize ESHM '{self.name}' as SLAVE"
        ):
            ESHM(self.name, role=ESHMRole.SLAVE)

    def test_refused_opening_leaves_nothing_behind(self):
        for _ in range(3):
            with self.assertRaises(RuntimeError):
                ESHM(self.name, role=ESHMRole.SLAVE)
        self.assertFalse(segment(self.name).exists())

    def test_roles_may_be_plain_integers(self):
        with ESHM(self.name, 0) as master, ESHM(self.name, 1) as slave:
            self.assertIs(master.get_role(), ESHMRole.MASTER)
            self.assertIs(slave.get_role(), ESHMRole.SLAVE)

    def test_unknown_enum_values(self):
        for settings in ({"role": 3}, {"role": -1}, {"role": 1 << 32}, {"disconnect_behavior": 3}):
            with self.assertRaisesRegex(RuntimeError, "Failed to initialize.*unknown"):
                ESHM(self.name, **{"role": ESHMRole.MASTER, **settings})

    def test_wrong_types(self):
        for settings in (
            {"role": "master"},
            {"disconnect_behavior": None},
            {"stale_threshold_ms": 1.5},
        ):
            with self.assertRaises(TypeError):
                ESHM(self.name, **{"role": ESHMRole.MASTER, **settings})

    def test_times_and_counts_out_of_range(self):
        for setting in ("stale_threshold_ms", "reconnect_wait_ms", "reconnect_retry_interval_ms",
                        "max_reconnect_attempts"):
            for value in (-1, 1 << 32):
                with self.assertRaisesRegex(ValueError, setting):
                    ESHM(self.name, role=ESHMRole.MASTER, **{setting: value})
        self.assertFalse(segment(self.name).exists())

    def test_settings_reach_the_library(self):
        master = self.open(ESHMRole.MASTER, stale_threshold_ms=321)
        self.assertEqual(master.get_stats()["stale_threshold"], 321)

    def test_every_disconnect_behavior_opens(self):
        for behavior in ESHMDisconnectBehavior:
            self.open(ESHMRole.MASTER, disconnect_behavior=behavior).close()

    def test_auto_cleanup(self):
        self.open(ESHMRole.MASTER, auto_cleanup=False).close()
        self.assertTrue(segment(self.name).exists())
        self.open(ESHMRole.MASTER, auto_cleanup=True).close()
        self.assertFalse(segment(self.name).exists())

    def test_slave_leaves_the_file(self):
        _, slave = self.pair()
        slave.close()
        self.assertTrue(segment(self.name).exists())

    def test_without_threads(self):
        master, slave = self.pair(use_threads=False)
        for i in range(20):
            master.write(b"%d" % i)
            self.assertEqual(slave.read(), b"%d" % i)
        with self.assertRaises(TimeoutError):
            slave.read(timeout_ms=250)


if __name__ == "__main__":
    unittest.main()
