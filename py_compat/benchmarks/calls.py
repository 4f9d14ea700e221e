"""Nanoseconds of single calls over the back end that ESHM_PYTHON_BACKEND names, both ends in this
process. Prints JSON."""

import gc
import json
import timeit

from transports import name
from eshm import ESHM, ESHMRole

CALLS = {
    "try_read(), nothing new": "slave.try_read()",
    "try_readinto(), nothing new": "slave.try_readinto(into)",
    "write(32 B)": "master.write(small)",
    "write(bytearray of 4 KiB)": "master.write(large)",
    "write and try_read of 32 B": "master.write(small); slave.try_read()",
    "write and try_read of 4 KiB": "master.write(large); slave.try_read()",
    "write and readinto of 4 KiB": "master.write(large); slave.readinto(into)",
}
REPEAT = 7
NUMBER = 20_000


def best(statement: str, variables: dict) -> float:
    """The best of some runs: what else the machine does only ever adds."""
    return (
        min(timeit.repeat(statement, globals=variables, repeat=REPEAT, number=NUMBER))
        / NUMBER
        * 1e9
    )


def main() -> None:
    with ESHM(name(), role=ESHMRole.MASTER) as master, ESHM(name(), role=ESHMRole.SLAVE) as slave:
        variables = {
            "master": master,
            "slave": slave,
            "gc": gc,
            "small": b"x" * 32,
            "large": bytearray(4096),
            "into": bytearray(4096),
        }
        loop = best("pass", variables)
        figures = {figure: best(statement, variables) - loop for figure, statement in CALLS.items()}
        if master.backend == "native":
            # A method of the same class that looks at one word.
            figures["an empty native call"] = best("master._is_open()", variables) - loop
    print(json.dumps(figures))


main()
