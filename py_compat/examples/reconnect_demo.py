#!/usr/bin/env python3
"""A slave outlives its masters: one is killed, one ends in order. Self-contained, takes a few
seconds.

    python3 reconnect_demo.py [name]

This process is the slave. The masters are child processes: this same file, started with --master.
"""

import os
import select
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole

DEADLINE_S = 15.0


def be_master(name: str) -> None:
    """Sends numbered messages until its standard input ends, as it does when the parent is gone."""
    with ESHM(name, role=ESHMRole.MASTER) as channel:
        print("ready", flush=True)
        count = 0
        while not select.select([sys.stdin], [], [], 0.005)[0]:
            channel.write(f"message #{count} of master {os.getpid()}\0".encode())
            count += 1


def start_master(name: str) -> subprocess.Popen:
    master = subprocess.Popen(
        [sys.executable, __file__, "--master", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if not master.stdout.readline():
        raise RuntimeError("the master did not start")
    print(f"Master {master.pid} started", flush=True)
    return master


def end(master: subprocess.Popen, kill: bool) -> None:
    if kill:
        master.kill()
    master.stdin.close()
    master.stdout.close()
    master.wait()
    print(f"Master {master.pid} {'killed' if kill else 'ended in order'}", flush=True)


def hear(channel: ESHM, master: subprocess.Popen) -> None:
    """Waits for three messages of this very master."""
    wanted = f"of master {master.pid}"
    deadline = time.monotonic() + DEADLINE_S
    heard = 0
    while heard < 3:
        if time.monotonic() > deadline:
            raise RuntimeError(f"heard nothing {wanted} within {DEADLINE_S:.0f} s")
        try:
            text = channel.read(timeout_ms=200).rstrip(b"\0").decode()
        except TimeoutError:
            continue  # reconnecting
        if text.endswith(wanted):
            print(f"[SLAVE] Received: {text}", flush=True)
            heard += 1


def notice_loss(channel: ESHM) -> None:
    began = time.monotonic()
    while channel.is_remote_alive():
        if time.monotonic() - began > DEADLINE_S:
            raise RuntimeError("the loss of the master went unnoticed")
        time.sleep(0.001)
    print(
        f"[SLAVE] Master is lost, noticed after {(time.monotonic() - began) * 1000:.0f} ms",
        flush=True,
    )


def main() -> int:
    if len(sys.argv) > 2 and sys.argv[1] == "--master":
        be_master(sys.argv[2])
        return 0
    name = sys.argv[1] if len(sys.argv) > 1 else f"reconnect_demo_{os.getpid()}"
    print(f"=== ESHM Python Reconnect Demo ({name}) ===", flush=True)
    master = start_master(name)
    try:
        # 0 attempts: no limit. The slave stays open through everything that follows.
        with ESHM(
            name, role=ESHMRole.SLAVE, max_reconnect_attempts=0, reconnect_retry_interval_ms=20
        ) as channel:
            hear(channel, master)
            for kill in (True, False):
                end(master, kill)
                notice_loss(channel)
                master = start_master(name)
                hear(channel, master)
    finally:
        if master.poll() is None:
            end(master, kill=False)
    print("Done: one slave, three masters", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
