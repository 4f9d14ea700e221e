#!/usr/bin/env python3
"""Measures records and triggers: encoding and decoding in Rust, C and Python beside Python's json and msgpack for the same ten
fields, and the time from eshm_rpc_call() to the handler's first line in another process.

    python3 bench/records.py [--rounds N] [--build DIR]

Each round measures every codec once, one right after the other. Shown are medians over the rounds, and how many times as fast
as json each is, the median of the rounds' ratios. DIR (default: build) is a CMake build. Writes DIR/bench/records.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import timeit
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "py_compat"))
from eshm import data_handler, data_handler_native  # noqa: E402

VALUES: Dict[str, Any] = {
    "x": 0.25, "y": -1.5, "z": 3.0625, "temperature": 23.5, "step": 42, "time_ns": 1_790_000_000_000_000_000, "faults": -7,
    "enabled": True, "status": "OK", "mode": "following the path",
}

Codec = Tuple[Callable[[], bytes], Callable[[bytes], Any]]


def of(handler: data_handler.DataHandler) -> Codec:
    create = {float: handler.create_real, int: handler.create_integer, bool: handler.create_boolean, str: handler.create_string}
    items = [create[type(value)](key, value) for key, value in VALUES.items()]
    return lambda: handler.encode_data_buffer(items), handler.decode_data_buffer


def python_codecs() -> Dict[str, Codec]:
    codecs = {
        "Python, json": (lambda: json.dumps(VALUES).encode(), json.loads),
        "Python, data_handler": of(data_handler.DataHandler()),
        "Python, data_handler_native": of(data_handler_native.DataHandler()),
    }
    try:
        import msgpack
    except ImportError:
        print("SKIPPED: msgpack is not installed (pip install msgpack)")
    else:
        codecs["Python, msgpack"] = (lambda: msgpack.packb(VALUES), msgpack.unpackb)
    return codecs


def one_round(programs: Dict[str, List[str]], codecs: Dict[str, Codec]) -> Dict[str, Tuple[float, float]]:
    """Nanoseconds to encode and to decode, of each."""
    took = {}
    for name, (encode, decode) in codecs.items():
        message, calls = encode(), 5000
        took[name] = (timeit.timeit(encode, number=calls) / calls * 1e9,
                      timeit.timeit(lambda: decode(message), number=calls) / calls * 1e9)
    for language, command in programs.items():
        for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
            name, encode, decode = line.split()
            took[f"{language}, {name}"] = (float(encode), float(decode))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    build = options.build.resolve()
    made = build / "bench"
    made.mkdir(parents=True, exist_ok=True)
    for program in ("records", "triggers"):
        subprocess.run(["gcc", "-std=gnu11", "-O2", ROOT / "bench" / f"{program}.c", f"-I{ROOT / 'include'}",
                        f"-I{build / 'include'}", f"-L{build}", "-leshm", f"-Wl,-rpath,{build}", "-o", made / program], check=True)
    subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "eshm-bench", "--manifest-path", ROOT / "Cargo.toml",
                    "--target-dir", made / "rust"], check=True)
    programs = {"C": [str(made / "records")], "Rust": [str(made / "rust" / "release" / "record_codec")]}
    codecs = python_codecs()
    rounds = [one_round(programs, codecs) for _ in range(options.rounds)]

    result: Dict[str, Any] = {"codecs": {}, "triggers": {}}
    print(f"{'ten fields':32}{'encode ns':>11}{'x json':>8}{'decode ns':>11}{'x json':>8}")
    for name in rounds[0]:
        line = []
        for which in (0, 1):
            line.append(statistics.median(took[name][which] for took in rounds))
            line.append(statistics.median(took["Python, json"][which] / took[name][which] for took in rounds))
        print(f"{name:32}{line[0]:11.0f}{line[1]:8.1f}{line[2]:11.0f}{line[3]:8.1f}")
        result["codecs"][name] = dict(zip(("encode_ns", "encode_x_json", "decode_ns", "decode_x_json"), line))

    triggers = [subprocess.run([str(made / "triggers")], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
                for _ in range(options.rounds)]
    print(f"\n{'from eshm_rpc_call to handler':32}{'p50 us':>11}{'p99 us':>8}")
    for at in (0, 3):
        p50, p99 = (statistics.median(int(words[at + part]) / 1000 for words in triggers) for part in (1, 2))
        print(f"{triggers[0][at]:32}{p50:11.2f}{p99:8.2f}")
        result["triggers"][triggers[0][at]] = {"p50_us": p50, "p99_us": p99}
    (made / "records.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
