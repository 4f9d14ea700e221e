"""A channel for records: messages of typed, named values.

    from eshm_data import ESHMData

    with ESHMData("robot") as channel:
        channel.write_data({"temperature": 23.5, "status": "OK"})
        for item in channel.read_data(timeout_ms=500):
            print(item.key, item.type.name, item.value)
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from ._channel import ESHM
from ._errors import ESHMNoData, ESHMTimeout
from ._types import (
    TIMEOUT_INFINITE,
    ESHMConfig,
    ESHMDisconnectBehavior,
    ESHMError,
    ESHMRole,
    ESHMStats,
    ESHMWakeupMode,
)
from ._values import DataItem, DataType, Event, FunctionCall, ImageFrame, RecordError


class ESHMData(ESHM):
    """An :class:`eshm.ESHM` that reads records as lists of items; it opens and closes as that does.

    >>> with ESHMData(name, ESHMRole.MASTER) as robot, ESHMData(name, ESHMRole.SLAVE) as panel:
    ...     robot.write_data({"temperature": 23.5, "status": "OK"})
    ...     [(item.key, item.type.name, item.value) for item in panel.read_data()]
    [('temperature', 'REAL', 23.5), ('status', 'STRING', 'OK')]
    """

    # The original's interface: a list here, a dict in ESHM.
    def read_data(  # type: ignore[override]
        self, max_items: int = 100, timeout_ms: int = 1000
    ) -> List[DataItem]:
        """Wait for the next new record and return its items in order; none if nothing came in time.

        Raises:
            RuntimeError: As :meth:`read`; also for a message that is no record, or of more items.
                Such a message is taken all the same.
        """
        try:
            return self._read_items(timeout_ms, max_items)
        except (ESHMTimeout, ESHMNoData):
            return []

    def try_read_data(self, max_items: int = 100) -> List[DataItem]:
        """The items of the next new record if there is one, else none; never waits. Raises as
        :meth:`read_data`."""
        return self.read_data(max_items, 0)

    @staticmethod
    def extract_values(items: Iterable[DataItem]) -> Dict[str, Any]:
        """The values by their keys; of equal keys the last."""
        return {item.key: item.value for item in items}


__all__ = [
    "DataItem",
    "DataType",
    "ESHM",
    "ESHMConfig",
    "ESHMData",
    "ESHMDisconnectBehavior",
    "ESHMError",
    "ESHMRole",
    "ESHMStats",
    "ESHMWakeupMode",
    "Event",
    "FunctionCall",
    "ImageFrame",
    "RecordError",
    "TIMEOUT_INFINITE",
]
