"""What a user's program does with buffers and arrays. test_types.py has it checked; nobody runs it.
A comment that ignores an error is itself one where there is none to ignore."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

import array
import mmap
from typing import Optional

import numpy
from numpy.typing import NDArray

from eshm import ESHM, AsyncESHM


def opened() -> None:
    ESHM("robot", rolle=1)  # type: ignore[call-arg]
    AsyncESHM("robot", rolle=1)  # type: ignore[call-arg]
    ESHM("robot", capacity="57")  # type: ignore[arg-type]
    AsyncESHM("robot", capacity="57")  # type: ignore[arg-type]
    ESHM()  # type: ignore[call-arg]


def write(channel: ESHM) -> None:
    channel.write(b"bytes")
    channel.write(bytearray(8))
    channel.write(memoryview(bytearray(8)))
    channel.write(mmap.mmap(-1, 4096))
    channel.write(array.array("d", [1.5]))
    channel.write(numpy.zeros(3))
    channel.write(numpy.zeros((2, 2), numpy.int32)[:, 1])
    channel.write(numpy.float64(1.5))
    channel.write("text")  # type: ignore[arg-type]
    channel.write(5)  # type: ignore[arg-type]
    channel.write([1.5])  # type: ignore[arg-type]


def read_into(channel: ESHM) -> int:
    found = channel.try_readinto(numpy.zeros(3))
    return channel.readinto(numpy.zeros(3)) + channel.readinto(bytearray(8)) + (found or 0)


def read_arrays(channel: ESHM) -> None:
    default: NDArray[numpy.float64] = channel.read_array()
    of_float: NDArray[numpy.float64] = channel.read_array(float, 3)
    of_type: NDArray[numpy.int32] = channel.read_array(numpy.int32, (2, 2))
    of_dtype: NDArray[numpy.uint8] = channel.read_array(numpy.dtype(numpy.uint8), timeout_ms=5)
    given: NDArray[numpy.int16] = channel.read_array(out=numpy.zeros(3, numpy.int16))
    by_name: NDArray[numpy.float32] = channel.read_array("f4")
    got = channel.read_array(numpy.float32)
    wrong: NDArray[numpy.int32] = got  # type: ignore[assignment]
    strange: int = channel.read_array(numpy.float32)  # type: ignore[assignment]
    print(default, of_float, of_type, of_dtype, given, by_name, wrong, strange)


async def in_asyncio(channel: AsyncESHM) -> int:
    await channel.write(numpy.zeros(3))
    await channel.write("text")  # type: ignore[arg-type]
    default: NDArray[numpy.float64] = await channel.read_array()
    of_type: NDArray[numpy.int32] = await channel.read_array(numpy.int32, (2, 2))
    given: NDArray[numpy.int16] = await channel.read_array(out=numpy.zeros(3, numpy.int16))
    strange: int = await channel.read_array(numpy.float32)  # type: ignore[assignment]
    print(default, of_type, given, strange)
    await channel.readinto("text")  # type: ignore[arg-type]
    message: Optional[bytes] = channel.try_read()
    print(message, channel.get_stats(), channel.is_remote_alive())
    return await channel.readinto(numpy.zeros(3)) + (channel.try_readinto(numpy.zeros(3)) or 0)
