"""What a channel is opened with: one place for the arguments of all back ends."""

from __future__ import annotations

from typing import NamedTuple

from ._arguments import encoded_name, known, u32
from ._types import ESHMDisconnectBehavior, ESHMRole


class Settings(NamedTuple):
    """Checked settings, in the order of the C structure ``ESHMConfig``; the native module takes
    them in the same one."""

    name: bytes
    role: int
    disconnect_behavior: int
    stale_threshold_ms: int
    reconnect_wait_ms: int
    reconnect_retry_interval_ms: int
    max_reconnect_attempts: int
    auto_cleanup: bool
    use_threads: bool

    @classmethod
    def checked(
        cls,
        shm_name: str,
        role: ESHMRole,
        disconnect_behavior: ESHMDisconnectBehavior,
        stale_threshold_ms: int,
        reconnect_wait_ms: int,
        reconnect_retry_interval_ms: int,
        max_reconnect_attempts: int,
        auto_cleanup: bool,
        use_threads: bool,
    ) -> "Settings":
        """From the arguments of :class:`eshm.ESHM`, whose exceptions for wrong ones this raises."""
        return cls(
            encoded_name(shm_name),
            known(ESHMRole, "role", role, shm_name),
            known(ESHMDisconnectBehavior, "disconnect_behavior", disconnect_behavior, shm_name),
            u32("stale_threshold_ms", stale_threshold_ms),
            u32("reconnect_wait_ms", reconnect_wait_ms),
            u32("reconnect_retry_interval_ms", reconnect_retry_interval_ms),
            u32("max_reconnect_attempts", max_reconnect_attempts),
            bool(auto_cleanup),
            bool(use_threads),
        )
