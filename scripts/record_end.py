"""The Python end of test_records.py: exchanges one record of all five scalar types each way.

    record_end.py master|slave NAME

Says "open"; the master then waits for a line on standard input. Ends with "ok" and where the peer's record came from.
"""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "py_compat"))

from eshm import ESHMRole
from eshm_data import DataItem, DataType, ESHMData

ITEMS = [
    DataItem(DataType.INTEGER, "i", -129),
    DataItem(DataType.INTEGER, "least", -(1 << 63)),
    DataItem(DataType.BOOLEAN, "b", True),
    DataItem(DataType.BOOLEAN, "c", False),
    DataItem(DataType.REAL, "r", -0.0),
    DataItem(DataType.REAL, "e", 1e-300),
    DataItem(DataType.STRING, "s", "h\u00e9llo \u2713"),
    DataItem(DataType.BINARY, "x", b"\x00\x01\xff"),
]


def comparable(item):
    value = struct.pack(">d", item.value) if item.type is DataType.REAL else item.value
    return item.type, item.key, type(value), value


def check(items):
    theirs, ours = list(map(comparable, items[:-1])), list(map(comparable, ITEMS))
    if theirs != ours:
        sys.exit(f"is {theirs}\nnot {ours}")
    if (items[-1].type, items[-1].key) != (DataType.STRING, "from"):
        sys.exit(f"no origin: {items[-1]}")
    return items[-1].value


role, name = sys.argv[1:]
with ESHMData(name, role=ESHMRole[role.upper()]) as channel:
    print("open", flush=True)
    ours = [*ITEMS, DataItem(DataType.STRING, "from", "python")]
    if role == "master":
        sys.stdin.readline()
        channel.write_data(ours)
    origin = check(channel.read_data(timeout_ms=20_000))
    if role == "slave":
        channel.write_data(ours)
    print("ok", origin, flush=True)
    if role == "slave":
        sys.stdin.readline()  # what it wrote is read by then
