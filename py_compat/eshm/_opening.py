"""The arguments that a channel is opened with: one list, for every class that opens one."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ._types import ESHMDisconnectBehavior, ESHMLogLevel, ESHMRole


class Opening:
    """The constructor of :class:`eshm.ESHM`, which documents the arguments, and of
    :class:`eshm.AsyncESHM`."""

    def __init__(
        self,
        shm_name: str,
        role: ESHMRole = ESHMRole.AUTO,
        disconnect_behavior: ESHMDisconnectBehavior = ESHMDisconnectBehavior.ON_TIMEOUT,
        stale_threshold_ms: int = 100,
        reconnect_wait_ms: int = 5000,
        reconnect_retry_interval_ms: int = 100,
        max_reconnect_attempts: int = 50,
        auto_cleanup: bool = True,
        use_threads: bool = True,
        *,
        backend: Optional[str] = None,
        capacity: int = 0,
        exact_capacity: bool = False,
        mode: int = 0,
        wait_for_master_ms: int = 0,
        first_value: bool = False,
        huge_pages: bool = False,
        prefault: bool = False,
        spin_us: Optional[int] = None,
        log_level: Optional[ESHMLogLevel] = None,
    ) -> None:
        given = locals()
        self._begin({name: given[name] for name in given if name != "self"})

    def _begin(self, given: Dict[str, Any]) -> None:
        """What a class does with the arguments, by their names."""
        raise NotImplementedError
