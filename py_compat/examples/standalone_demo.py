#!/usr/bin/env python3
"""Both ends in one script: a master and, in a child process, a slave that sends everything back in
capitals.

    python3 standalone_demo.py [name]

Needs no second terminal and ends by itself.
"""

import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

WORDS = ["hello", "from", "one", "script", "bye"]


def shout(name: str, attached: Connection) -> None:
    """The slave: returns each message in capitals, until "bye"."""
    with ESHM(name, role=ESHMRole.SLAVE) as channel:
        attached.send(True)
        while True:
            word = channel.read(timeout_ms=10_000).decode()
            # Before the answer: one side prints at a time.
            print(f"[SLAVE] {word} -> {word.upper()}", flush=True)
            channel.write(word.upper().encode())
            if word == "bye":
                return


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else f"standalone_demo_{os.getpid()}"
    print(f"=== ESHM Python Standalone Demo ({name}) ===", flush=True)
    # spawn, not fork: a forked child cannot use its parent's channels.
    context = multiprocessing.get_context("spawn")
    with ESHM(name, role=ESHMRole.MASTER) as channel:
        waiting, attached = context.Pipe(duplex=False)
        slave = context.Process(target=shout, args=(name, attached), daemon=True)
        slave.start()
        attached.close()
        try:
            waiting.recv()  # a slave gets what is written after it attached
        except EOFError:
            raise RuntimeError("the slave did not start") from None
        for word in WORDS:
            channel.write(word.encode())
            answer = channel.read(timeout_ms=10_000).decode()
            print(f"[MASTER] {word} came back as {answer}", flush=True)
        slave.join(10)
        print(f"[MASTER] Slave ended with exit code {slave.exitcode}", flush=True)
        return 0 if slave.exitcode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
