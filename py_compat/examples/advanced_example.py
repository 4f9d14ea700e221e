#!/usr/bin/env python3
"""Binary messages both ways, statistics and the wakeup mode: a small robot and its controller.

    python3 advanced_example.py [name]

This process is the robot (master) and sends its state as a packed C struct; the controller (slave)
is a child process, this same file started with --controller, and answers each state with a command.
Ends by itself in a second or two.
"""

import math
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for want of an installed eshm

from eshm import ESHM, ESHMRole, ESHMWakeupMode, TIMEOUT_INFINITE

# struct State { uint64_t step; double time; double joints[6]; };
# struct Command { uint64_t step; double torques[6]; };
# "=" has no padding and neither have these C structs, all of 8-byte fields: C and C++ read them as
# they are.
STATE = struct.Struct("=Qd6d")
COMMAND = struct.Struct("=Q6d")
LAST_STEP = 2**64 - 1
STEPS = 200
GAIN = -0.5


def control(name: str) -> None:
    """Answers each state with torques against the joints' deflection."""
    with ESHM(name, role=ESHMRole.SLAVE) as channel:
        # The default: woken by the writer; POLL looks by itself.
        channel.wakeup_mode = ESHMWakeupMode.PUSH
        print(f"[CONTROLLER] Attached, wakeup mode {channel.wakeup_mode.name}", flush=True)
        while True:
            step, _, *joints = STATE.unpack(channel.read(STATE.size, timeout_ms=TIMEOUT_INFINITE))
            if step == LAST_STEP:
                return
            channel.write(COMMAND.pack(step, *(GAIN * joint for joint in joints)))


def simulate(channel: ESHM) -> None:
    began = time.monotonic()
    answered = 0
    buffer = bytearray(STATE.size)  # written from in place: no copy in Python
    for step in range(STEPS):
        joints = [math.sin(step / 20 + joint) for joint in range(6)]
        STATE.pack_into(buffer, 0, step, time.monotonic() - began, *joints)
        channel.write(buffer)
        answer = -1
        try:
            while answer < step:  # one to an earlier step may come late
                answer, *torques = COMMAND.unpack(channel.read(COMMAND.size, timeout_ms=1000))
        except TimeoutError:
            continue
        if answer != step or torques != [GAIN * joint for joint in joints]:
            raise RuntimeError(f"step {step} was answered wrongly")
        answered += 1
        if step % 50 == 0:
            print(
                f"[ROBOT] Step {step}: first joint {joints[0]:+.3f}, torque {torques[0]:+.3f}",
                flush=True,
            )
    print(
        f"[ROBOT] {answered} of {STEPS} steps answered in {time.monotonic() - began:.3f} s",
        flush=True,
    )
    if answered == 0:
        raise RuntimeError("the controller never answered")


def show_stats(channel: ESHM) -> None:
    for field, value in channel.get_stats().items():
        print(f"  {field:24} {value}", flush=True)


def main() -> int:
    if len(sys.argv) > 2 and sys.argv[1] == "--controller":
        control(sys.argv[2])
        return 0
    name = sys.argv[1] if len(sys.argv) > 1 else f"advanced_example_{os.getpid()}"
    print(f"=== ESHM Python Advanced Example ({name}) ===", flush=True)
    with ESHM(name, role=ESHMRole.MASTER, stale_threshold_ms=200) as channel:
        controller = subprocess.Popen(
            [sys.executable, __file__, "--controller", name], stdout=subprocess.PIPE, text=True
        )
        try:
            greeting = controller.stdout.readline()  # it is attached: nothing from here on is lost
            if not greeting:
                raise RuntimeError("the controller did not start")
            print(greeting, end="", flush=True)
            simulate(channel)
            print(f"[ROBOT] Controller alive: {channel.is_remote_alive()}; statistics:", flush=True)
            show_stats(channel)
            channel.write(STATE.pack(LAST_STEP, 0.0, *[0.0] * 6))
            code = controller.wait(timeout=10)
        finally:
            if controller.poll() is None:
                controller.kill()
                controller.wait()
            controller.stdout.close()
    print("Done", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
