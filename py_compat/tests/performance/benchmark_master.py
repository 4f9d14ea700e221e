#!/usr/bin/env python3
"""Round trips a second of a Python master: write a message, wait for its ACK.

    python3 benchmark_master.py [NAME [STATS_INTERVAL]] [--messages N] [--seconds S]

The slave is benchmark_slave.py, simple_slave.py, `eshm_demo slave NAME` or any other program that
answers each message.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole
from measure import Meter, arguments, end_on_signals


def run(channel: ESHM, meter: Meter) -> None:
    while not meter.done():
        channel.write(f"Hello from Python master #{meter.count}\0".encode())
        try:
            channel.read(timeout_ms=100)
        except TimeoutError:
            continue  # no slave yet, or it is away: the message is sent again
        meter.add()


def main() -> int:
    options = arguments("Measures a Python master: write a message, wait for its ACK.")
    end_on_signals()
    meter = Meter(options.stats_interval, options.messages, options.seconds)
    try:
        with ESHM(options.name, role=ESHMRole.MASTER) as channel:
            print(
                f"Python master on {options.name!r}, "
                f"a line every {options.stats_interval} messages",
                flush=True,
            )
            run(channel, meter)
    except KeyboardInterrupt:
        pass
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    meter.summary()
    return 0


if __name__ == "__main__":
    sys.exit(main())
