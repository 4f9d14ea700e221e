#!/usr/bin/env python3
"""Messages a second that a Python slave reads and acknowledges.

    python3 benchmark_slave.py [NAME [STATS_INTERVAL]] [--messages N] [--seconds S]

The master is benchmark_master.py, `eshm_demo master NAME` (1000 messages a second) or any other
program.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole
from measure import Meter, arguments, end_on_signals


def run(channel: ESHM, meter: Meter) -> None:
    while not meter.done():
        try:
            channel.read(timeout_ms=100)
        except TimeoutError:
            continue
        try:
            channel.write(f"ACK from Python slave #{meter.count}\0".encode())
        except RuntimeError:
            continue  # the master left just now; the library reconnects
        meter.add()


def main() -> int:
    options = arguments("Measures a Python slave: read a message, write an ACK.")
    end_on_signals()
    meter = Meter(options.stats_interval, options.messages, options.seconds)
    try:
        with ESHM(options.name, role=ESHMRole.SLAVE, max_reconnect_attempts=0) as channel:
            print(
                f"Python slave on {options.name!r}, a line every {options.stats_interval} messages",
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
