"""The names, values and layouts that existing scripts rely on."""

import ctypes
import inspect
import unittest

from support import ChannelTest, segment, skip
import eshm
from eshm._backend import NativeChannel
from eshm._ctypes_channel import CtypesChannel
from eshm.rpc import Rpc
from eshm import (
    ESHM,
    TIMEOUT_INFINITE,
    ESHMConfig,
    ESHMDisconnectBehavior,
    ESHMError,
    ESHMOptions,
    ESHMRole,
    ESHMStats,
    ESHMWakeupMode,
)


def values(kind):
    return {member.name: int(member) for member in kind}


class Constants(unittest.TestCase):
    def test_enums_have_the_values_of_the_c_header(self):
        self.assertEqual(values(ESHMRole), {"MASTER": 0, "SLAVE": 1, "AUTO": 2})
        self.assertEqual(
            values(ESHMDisconnectBehavior), {"IMMEDIATELY": 0, "ON_TIMEOUT": 1, "NEVER": 2}
        )
        self.assertEqual(values(ESHMWakeupMode), {"PUSH": 0, "POLL": 1})
        names = (
            "SUCCESS INVALID_PARAM SHM_CREATE SHM_ATTACH SHM_DETACH SHM_DELETE "
            "MUTEX_INIT MUTEX_LOCK MUTEX_UNLOCK NO_DATA TIMEOUT MASTER_STALE "
            "BUFFER_FULL BUFFER_TOO_SMALL NOT_INITIALIZED ROLE_MISMATCH"
        )
        self.assertEqual(values(ESHMError), {name: -i for i, name in enumerate(names.split())})
        self.assertEqual(TIMEOUT_INFINITE, 0xFFFFFFFF)

    def test_all_lists_what_there_is(self):
        for name in eshm.__all__:
            self.assertTrue(hasattr(eshm, name), name)


class Layouts(unittest.TestCase):
    def check(self, structure, size, offsets):
        self.assertEqual(ctypes.sizeof(structure), size)
        self.assertEqual(
            {field[0]: getattr(structure, field[0]).offset for field in structure._fields_}, offsets
        )

    def test_config(self):
        self.check(
            ESHMConfig,
            40,
            {
                "shm_name": 0,
                "role": 8,
                "disconnect_behavior": 12,
                "stale_threshold_ms": 16,
                "reconnect_wait_ms": 20,
                "reconnect_retry_interval_ms": 24,
                "max_reconnect_attempts": 28,
                "auto_cleanup": 32,
                "use_threads": 33,
            },
        )

    def test_options(self):
        self.check(
            ESHMOptions,
            40,
            {
                "size": 0,
                "capacity": 8,
                "mode": 16,
                "wait_for_master_ms": 20,
                "spin_us": 24,
                "log_level": 28,
                "exact_capacity": 32,
                "first_value": 33,
                "huge_pages": 34,
                "prefault": 35,
                "reserved": 36,
            },
        )

    def test_stats(self):
        self.check(
            ESHMStats,
            80,
            {
                "master_heartbeat": 0,
                "slave_heartbeat": 8,
                "master_pid": 16,
                "slave_pid": 20,
                "master_alive": 24,
                "slave_alive": 25,
                "stale_threshold": 28,
                "master_heartbeat_delta": 32,
                "slave_heartbeat_delta": 40,
                "m2s_write_count": 48,
                "m2s_read_count": 56,
                "s2m_write_count": 64,
                "s2m_read_count": 72,
            },
        )


class Signatures(unittest.TestCase):
    def defaults(self, function):
        """Of what may be given by position; what came later is given by name."""
        parameters = list(inspect.signature(function).parameters.values())
        return [
            (p.name, p.default)
            for p in parameters
            if p.name != "self" and p.kind is not p.KEYWORD_ONLY
        ]

    def test_order_and_defaults_of_the_arguments(self):
        nothing = inspect.Parameter.empty
        self.assertEqual(
            self.defaults(ESHM),
            [
                ("shm_name", nothing),
                ("role", ESHMRole.AUTO),
                ("disconnect_behavior", ESHMDisconnectBehavior.ON_TIMEOUT),
                ("stale_threshold_ms", 100),
                ("reconnect_wait_ms", 5000),
                ("reconnect_retry_interval_ms", 100),
                ("max_reconnect_attempts", 50),
                ("auto_cleanup", True),
                ("use_threads", True),
            ],
        )
        self.assertEqual(self.defaults(ESHM.write), [("data", nothing)])
        self.assertEqual(self.defaults(ESHM.read), [("buffer_size", None), ("timeout_ms", None)])
        self.assertEqual(self.defaults(ESHM.try_read), [("buffer_size", None)])
        self.assertEqual(self.defaults(eshm.library_path), [("name", "eshm")])


class OneInterface(unittest.TestCase):
    """What two classes have, they have alike."""

    def test_the_async_class_is_opened_as_the_other(self):
        self.assertEqual(
            inspect.signature(eshm.AsyncESHM.__init__).parameters,
            inspect.signature(ESHM.__init__).parameters,
        )
        for kind in (ESHM, eshm.AsyncESHM):
            with self.assertRaisesRegex(TypeError, "rolle"):
                kind("robot", rolle=ESHMRole.SLAVE)
            with self.assertRaisesRegex(TypeError, "shm_name"):
                kind()

    #: What the event loop does in its place: it watches the descriptor, and no read waits in the
    #: library.
    NOT_ASYNC = {"event_fd", "fileno", "wakeup_mode"}

    def test_the_async_class_has_every_name_of_the_other_and_its_arguments(self):
        theirs, ours = (
            {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
            for kind in (ESHM, eshm.AsyncESHM)
        )
        self.assertEqual(set(theirs) - set(ours), self.NOT_ASYNC)
        self.assertEqual(set(ours) - set(theirs), {"channel"})
        for name in set(ours) & set(theirs):
            self.assertEqual(callable(ours[name]), callable(theirs[name]), name)
            if callable(ours[name]):
                first, second = (
                    [parameter.name for parameter in inspect.signature(call).parameters.values()]
                    for call in (ours[name], theirs[name])
                )
                self.assertEqual(first, second, name)

    def test_both_back_ends_have_the_same_calls_and_arguments(self):
        if NativeChannel is None:
            skip(self, "both back ends in one process: there is no native one")
        public = {name for name in dir(CtypesChannel) if not name.startswith("_")}
        self.assertEqual({name for name in dir(NativeChannel) if not name.startswith("_")}, public)
        for name in public:
            ours, theirs = (
                inspect.signature(getattr(kind, name)).parameters
                for kind in (NativeChannel, CtypesChannel)
            )
            self.assertEqual(
                [(p.name, p.default) for p in ours.values()],
                [(p.name, p.default) for p in theirs.values()],
                name,
            )
        own = {
            name
            for name in vars(CtypesChannel)
            if name.startswith("_") and hasattr(NativeChannel, name)
        }
        self.assertLessEqual(
            {"_open", "_close", "_is_open", "_has_given_up", "_capacity", "_event_fd"}, own
        )


class Object(ChannelTest):
    def test_messages_of_any_size_need_no_argument(self):
        for capacity in (57, 4097, 300_000):
            with ESHM(self.name, ESHMRole.MASTER, capacity=capacity) as master, ESHM(
                self.name, ESHMRole.SLAVE
            ) as slave:
                message = (bytes(range(57)) * (capacity // 57 + 1))[:capacity]
                for read in (slave.read, slave.try_read, lambda: slave.read(timeout_ms=1000)):
                    master.write(message)
                    self.assertEqual(read(), message)
                if capacity > 4096:
                    master.write(message)
                    for read in (slave.read, slave.try_read):
                        with self.assertRaises(eshm.ESHMBufferTooSmall):
                            read(4096)

    def test_rpc_is_named_too(self):
        with Rpc(self.name, role=ESHMRole.MASTER) as robot:
            self.assertEqual((robot.name, robot.role), (self.name, ESHMRole.MASTER))
        self.assertEqual(repr(robot), f"Rpc(channel='{self.name}_ctl', running=False, closed)")
        self.assertEqual((robot.name, robot.role), (self.name, ESHMRole.MASTER))

    def test_name_and_role_also_of_a_closed_one(self):
        master, slave = self.pair()
        for _ in range(2):
            self.assertEqual([(end.name, end.role) for end in (master, slave)],
                             [(self.name, ESHMRole.MASTER), (self.name, ESHMRole.SLAVE)])
            master.close()
            slave.close()

    def test_repr(self):
        master, slave = self.pair()
        self.assertEqual(repr(master), f"ESHM(name='{self.name}', role=MASTER)")
        self.assertEqual(repr(slave), f"ESHM(name='{self.name}', role=SLAVE)")
        master.close()
        self.assertEqual(repr(master), f"ESHM(name='{self.name}', role=MASTER, closed)")
        with self.assertRaisesRegex(
            RuntimeError, rf"^ESHM\(name='{self.name}', role=MASTER\) is closed$"
        ):
            master.write(b"x")

    def test_repr_and_get_role_of_auto_say_what_it_became(self):
        first, second = self.open(ESHMRole.AUTO), self.open(ESHMRole.AUTO)
        self.assertIs(first.get_role(), ESHMRole.MASTER)
        self.assertIs(second.get_role(), ESHMRole.SLAVE)
        self.assertIn("role=MASTER", repr(first))
        self.assertIn("role=SLAVE", repr(second))

    def test_context_manager_closes(self):
        with ESHM(self.name, role=ESHMRole.MASTER) as master:
            self.assertTrue(segment(self.name).exists())
            self.assertIs(master.get_role(), ESHMRole.MASTER)
        self.assertFalse(segment(self.name).exists())
        with self.assertRaisesRegex(RuntimeError, "closed"):
            with master:
                self.fail("a closed channel was entered")

    def test_context_manager_closes_after_an_exception_and_lets_it_pass(self):
        with self.assertRaises(ZeroDivisionError):
            with ESHM(self.name, role=ESHMRole.MASTER):
                raise ZeroDivisionError
        self.assertFalse(segment(self.name).exists())

    def test_wakeup_mode(self):
        master = self.open(ESHMRole.MASTER)
        self.assertIs(master.wakeup_mode, ESHMWakeupMode.PUSH)
        master.wakeup_mode = ESHMWakeupMode.POLL
        self.assertIs(master.wakeup_mode, ESHMWakeupMode.POLL)
        with self.assertRaises(ValueError):
            master.wakeup_mode = 7
        self.assertIs(master.wakeup_mode, ESHMWakeupMode.POLL)

    def test_both_wakeup_modes_deliver(self):
        for mode in ESHMWakeupMode:
            master, slave = self.pair()
            slave.wakeup_mode = mode
            master.write(mode.name.encode())
            self.assertEqual(slave.read(), mode.name.encode())
            slave.close()
            master.close()


if __name__ == "__main__":
    unittest.main()
