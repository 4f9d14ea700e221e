"""Ways to exchange messages between two Python processes. Each has two ends, made by `pair` in the
process that forks:

    end.send(message)      a bytes object of the agreed size
    end.receive()          the next message, waiting for it
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import tempfile
import time
from typing import Any, Callable, Dict, Tuple

# Of the parent, of the child; called in their processes.
Ends = Tuple[Callable[[], Any], Callable[[], Any]]


def name() -> str:
    return f"pybench_{os.getpid()}"


class Eshm:
    """A channel of ours; `into` reads into a buffer and makes no object of each message."""

    def __init__(self, master: bool, channel: str, size: int, into: bool) -> None:
        from eshm import TIMEOUT_INFINITE, ESHM, ESHMRole

        while True:
            try:
                self.channel = ESHM(channel, role=ESHMRole.MASTER if master else ESHMRole.SLAVE)
                break
            except RuntimeError:
                time.sleep(0.001)  # the master is not there yet
        self.send = self.channel.write
        self.buffer = bytearray(size)
        self.forever = TIMEOUT_INFINITE
        self.receive = self.receive_into if into else self.receive_bytes

    def receive_bytes(self) -> bytes:
        return self.channel.read(timeout_ms=self.forever)

    def receive_into(self) -> bytearray:
        self.channel.readinto(self.buffer, self.forever)
        return self.buffer


def eshm(size: int, into: bool = False) -> Ends:
    channel = name()
    return lambda: Eshm(True, channel, size, into), lambda: Eshm(False, channel, size, into)


class Pipe:
    def __init__(self, connection: Any) -> None:
        self.send, self.receive = connection.send_bytes, connection.recv_bytes


def pipe(size: int) -> Ends:
    ours, theirs = multiprocessing.Pipe()
    return lambda: Pipe(ours), lambda: Pipe(theirs)


class Shared:
    """Two messages in shared memory, each with a number before it; a lock around all; the reader
    asks again and again."""

    def __init__(self, memory: Any, lock: Any, size: int, mine: int) -> None:
        self.memory, self.lock, self.size = memory, lock, size
        self.out, self.into, self.last = mine * (size + 1), (1 - mine) * (size + 1), 0

    def send(self, message: bytes) -> None:
        with self.lock:
            at = self.out
            self.memory.buf[at + 1 : at + 1 + self.size] = message
            self.memory.buf[at] = (self.memory.buf[at] + 1) & 255

    def receive(self) -> bytes:
        at, memory, lock = self.into, self.memory, self.lock
        while True:
            with lock:
                number = memory.buf[at]
                if number != self.last:
                    self.last = number
                    return bytes(memory.buf[at + 1 : at + 1 + self.size])


def shared_memory(size: int) -> Ends:
    from multiprocessing.shared_memory import SharedMemory

    memory, lock = SharedMemory(create=True, size=2 * (size + 1)), multiprocessing.Lock()
    memory.unlink()  # both have it open
    from multiprocessing import (
        resource_tracker,
    )  # noqa: F401  (its process is started before the fork)

    return lambda: Shared(memory, lock, size, 0), lambda: Shared(memory, lock, size, 1)


class Zmq:
    def __init__(self, bind: bool, address: str) -> None:
        import zmq

        self.socket = zmq.Context().socket(zmq.PAIR)
        (self.socket.bind if bind else self.socket.connect)(address)
        self.send, self.receive = self.socket.send, self.socket.recv


def zmq(size: int) -> Ends:
    import zmq as installed  # noqa: F401  (not to be had: said before the fork)

    address = f"ipc://{tempfile.gettempdir()}/{name()}.zmq"
    return lambda: Zmq(True, address), lambda: Zmq(False, address)


class Iceoryx:
    """Publish and subscribe; the reader asks again and again, which is its fastest."""

    def __init__(self, channel: str, size: int, mine: int) -> None:
        import iceoryx2

        iceoryx2.set_log_level(iceoryx2.LogLevel.Fatal)
        self.size = size
        builder = iceoryx2.NodeBuilder.new().signal_handling_mode(
            iceoryx2.SignalHandlingMode.Disabled
        )
        self.node = builder.create(iceoryx2.ServiceType.Ipc)
        self.services = [self._service(iceoryx2, f"{channel}_{side}") for side in (0, 1)]
        publisher = self.services[mine].publisher_builder().initial_max_slice_len(size).create()
        subscriber = self.services[1 - mine].subscriber_builder().create()
        self.publisher, self.subscriber = publisher, subscriber

    def _service(self, iceoryx2: Any, channel: str) -> Any:
        builder = self.node.service_builder(iceoryx2.ServiceName.new(channel))
        return builder.publish_subscribe(iceoryx2.Slice[ctypes.c_uint8]).open_or_create()

    def send(self, message: bytes) -> None:
        sample = self.publisher.loan_slice_uninit(self.size)
        ctypes.memmove(sample.payload_ptr, message, self.size)
        sample.assume_init().send()

    def receive(self) -> bytes:
        receive = self.subscriber.receive
        while True:
            sample = receive()
            if sample is not None:
                return ctypes.string_at(sample.payload_ptr, self.size)


def iceoryx2(size: int) -> Ends:
    import iceoryx2 as installed  # noqa: F401

    channel = name()
    return lambda: Iceoryx(channel, size, 0), lambda: Iceoryx(channel, size, 1)


TRANSPORTS: Dict[str, Callable[[int], Ends]] = {
    "eshm": eshm,
    "eshm_into": lambda size: eshm(size, into=True),
    "multiprocessing.Pipe": pipe,
    "shared_memory with a lock": shared_memory,
    "pyzmq over ipc": zmq,
    "iceoryx2": iceoryx2,
}
