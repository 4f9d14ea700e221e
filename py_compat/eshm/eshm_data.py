"""A channel for records: messages of typed, named values.

    from eshm_data import ESHMData

    with ESHMData("robot") as channel:
        channel.write_data({"temperature": 23.5, "status": "OK"})
        for item in channel.read_data(timeout_ms=500):
            print(item.key, item.type.name, item.value)
"""

from __future__ import annotations

from typing import List

from ._channel import ESHM
from ._encode import encode
from ._values import DataItem, DataType, Event, FunctionCall, ImageFrame, Items, RecordError


class ESHMData(ESHM):
    """An :class:`eshm.ESHM` that reads and writes records; it opens and closes as that does.

    >>> with ESHMData(name, role=ESHMRole.MASTER) as robot, ESHMData(name, role=ESHMRole.SLAVE) as panel:
    ...     robot.write_data({"temperature": 23.5, "status": "OK"})
    ...     [(item.key, item.type.name, item.value) for item in panel.read_data()]
    [('temperature', 'REAL', 23.5), ('status', 'STRING', 'OK')]
    """

    def write_data(self, items: Items) -> None:
        """Publish a record, replacing a message the other side has not read yet.

        Args:
            items: DataItems, or a mapping of keys to values that tell their types themselves. numpy scalars and any
                bytes-like objects are accepted too. C and C++ peers that use the C functions read types 0 to 4.

        Raises:
            TypeError, RecordError: A value does not fit its item's type, or any.
            RuntimeError: As :meth:`write`.
        """
        self.write(encode(items))

    def read_data(  # type: ignore[override]  # the original's interface: a list here, a dict in ESHM
        self, max_items: int = 100, timeout_ms: int = 1000
    ) -> List[DataItem]:
        """Wait for the next new record and return its items in order.

        Raises:
            TimeoutError, RuntimeError: As :meth:`read`; RuntimeError also for a message that is no record, or of more
                items. Such a message is taken all the same.
        """
        return self._read_items(timeout_ms, max_items)


__all__ = ["DataItem", "DataType", "ESHMData", "Event", "FunctionCall", "ImageFrame", "RecordError"]
