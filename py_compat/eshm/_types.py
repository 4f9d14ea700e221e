"""The constants and structures of the C interface: same values, names without the C prefix."""

from __future__ import annotations

import ctypes
from enum import IntEnum

#: As ``timeout_ms`` of a read: wait until a message comes, however long that takes.
TIMEOUT_INFINITE = 0xFFFFFFFF


class ESHMRole(IntEnum):
    """Which end of a channel a process is."""

    MASTER = 0
    """Creates the segment, or takes it over."""
    SLAVE = 1
    """Attaches to a segment that exists."""
    AUTO = 2
    """Slave where a live master is, master otherwise."""


class ESHMError(IntEnum):
    """What the C functions return."""

    SUCCESS = 0
    INVALID_PARAM = -1
    SHM_CREATE = -2
    SHM_ATTACH = -3
    SHM_DETACH = -4
    SHM_DELETE = -5
    MUTEX_INIT = -6
    MUTEX_LOCK = -7
    MUTEX_UNLOCK = -8
    NO_DATA = -9
    TIMEOUT = -10
    MASTER_STALE = -11
    BUFFER_FULL = -12
    BUFFER_TOO_SMALL = -13
    NOT_INITIALIZED = -14
    ROLE_MISMATCH = -15


class ESHMDisconnectBehavior(IntEnum):
    """What a slave does when its master is gone."""

    IMMEDIATELY = 0
    """Stops for good."""
    ON_TIMEOUT = 1
    """Tries to reconnect until its attempts or its time are used up."""
    NEVER = 2
    """Tries to reconnect for ever."""


class ESHMWakeupMode(IntEnum):
    """How a waiting read learns of a message."""

    PUSH = 0
    """Woken by the writer's signal."""
    POLL = 1
    """Looks by itself at short intervals."""


class ESHMLogLevel(IntEnum):
    """How much the library says on stderr, in the whole process; each level includes those before
    it."""

    DEFAULT = 0
    """As it is: what an earlier channel set, else what the environment's ``ESHM_LOG`` says, else
    WARN."""
    OFF = 1
    ERROR = 2
    WARN = 3
    INFO = 4
    DEBUG = 5


class ESHMConfig(ctypes.Structure):
    """Argument of ``eshm_init``; times in milliseconds."""

    _fields_ = [
        ("shm_name", ctypes.c_char_p),
        ("role", ctypes.c_int),
        ("disconnect_behavior", ctypes.c_int),
        ("stale_threshold_ms", ctypes.c_uint32),
        ("reconnect_wait_ms", ctypes.c_uint32),
        ("reconnect_retry_interval_ms", ctypes.c_uint32),
        ("max_reconnect_attempts", ctypes.c_uint32),
        ("auto_cleanup", ctypes.c_bool),
        ("use_threads", ctypes.c_bool),
    ]


class ESHMOptions(ctypes.Structure):
    """Argument of ``eshm_init_ex``; ``size`` is its own."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("mode", ctypes.c_uint32),
        ("wait_for_master_ms", ctypes.c_uint32),
        ("spin_us", ctypes.c_uint32),
        ("log_level", ctypes.c_int),
        ("exact_capacity", ctypes.c_bool),
        ("first_value", ctypes.c_bool),
        ("huge_pages", ctypes.c_bool),
        ("prefault", ctypes.c_bool),
        ("reserved", ctypes.c_uint8 * 4),
    ]


class ESHMStats(ctypes.Structure):
    """Result of ``eshm_get_stats``; the deltas are since this handle's previous call."""

    _fields_ = [
        ("master_heartbeat", ctypes.c_uint64),
        ("slave_heartbeat", ctypes.c_uint64),
        ("master_pid", ctypes.c_int32),
        ("slave_pid", ctypes.c_int32),
        ("master_alive", ctypes.c_bool),
        ("slave_alive", ctypes.c_bool),
        ("stale_threshold", ctypes.c_uint32),
        ("master_heartbeat_delta", ctypes.c_uint64),
        ("slave_heartbeat_delta", ctypes.c_uint64),
        ("m2s_write_count", ctypes.c_uint64),
        ("m2s_read_count", ctypes.c_uint64),
        ("s2m_write_count", ctypes.c_uint64),
        ("s2m_read_count", ctypes.c_uint64),
    ]
