"""Round trips a second with a process that sends each message back. Prints JSON; `null` where the
transport is not installed.

    trips.py TRANSPORT SIZE SECONDS [PAIR]

PAIR is the program bench/pair.cpp, which then is the other end of an eshm channel, in place of a
Python process.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from typing import Any, Callable

from transports import TRANSPORTS, name

#: Trips between two looks at the clock.
ROUND = 64


def echo(make: Callable[[], Any]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # in order: some leave files otherwise
    end = make()
    send, receive = end.send, end.receive
    while True:
        send(receive())


def measure(end: Any, size: int, seconds: float) -> float:
    send, receive, message = end.send, end.receive, b"x" * size
    alive = time.monotonic() + 60
    for warm in (True, False):
        begun, count = time.perf_counter(), 0
        until = begun + (0.2 if warm else seconds)
        while time.perf_counter() < until:
            for _ in range(ROUND):
                send(message)
                receive()
            count += ROUND
            if time.monotonic() > alive:
                sys.exit("no answers")
        rate = count / (time.perf_counter() - begun)
    return rate


def check(end: Any, size: int) -> None:
    """Each answer is to the message just sent: one that was on its way already would make two trips
    look like one."""
    for number in range(1000):
        message = b"%0*d" % (size, number)
        end.send(message)
        answer = end.receive()
        if bytes(answer) != message:
            sys.exit(f"answer {bytes(answer)!r} to message {number}")


def meet(transport: str, end: Any) -> None:
    """The first message, sent until the other end is there to answer. The others keep what is sent
    before."""
    if transport.startswith("eshm"):
        while True:
            end.send(b"x" * len(end.buffer))
            try:
                end.channel.read(timeout_ms=20)
                break
            except TimeoutError:
                pass
        while end.channel.try_read() is not None:
            pass
        time.sleep(0.05)
        end.channel.try_read()
    elif transport == "iceoryx2":
        while True:
            end.send(bytes(end.size))
            time.sleep(0.02)
            if end.subscriber.receive() is not None:
                break
        time.sleep(0.05)
        while end.subscriber.receive() is not None:
            pass


def main() -> None:
    transport, size, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    try:
        ours, theirs = TRANSPORTS[transport](size)
    except ImportError:
        print("null")
        return
    if len(sys.argv) > 4:
        other: Any = subprocess.Popen(
            [sys.argv[4], "echo", name()], env={**os.environ, "ESHM_LOG": "off"}
        )
    else:
        other = multiprocessing.get_context("fork").Process(
            target=echo, args=(theirs,), daemon=True
        )
        other.start()
    try:
        end = ours()
        meet(transport, end)
        check(end, size)
        print(json.dumps(measure(end, size, seconds)))
    finally:
        other.terminate()
        other.wait() if isinstance(other, subprocess.Popen) else other.join()


main()
