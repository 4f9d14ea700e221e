#!/usr/bin/env python3
"""Builds each example against an installed libeshm and runs it beside its Python peer, each of the two as master and as slave.

    scripts/test_examples.py [BUILD_DIR]

BUILD_DIR (default: build) is where CMake built libeshm; it is installed from there to a folder of this script's own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
TIMEOUT_S = 60.0  # tells a hang from a slow machine

# Folder: program, its peer, and what each must print, as patterns of lines in this order.
CASES = {
    "01_hello": ("hello", "01_hello/hello.py", [r"\w+ \d+ says hello from Python"], [r"\w+ \d+ says hello from C\+\+"]),
    "02_monitoring": ("monitor", "02_monitoring/worker.py",
                      [r"process \d+ is there", r"alive, \d+ heartbeats since, \d+ values written, \d+ read, the newest \d+",
                       r"process \d+ is gone; its last value was 10"],
                      [r"wrote 10 values"]),
    "03_reconnection": ("survivor", "03_reconnection/mortal.py",
                        [rf"life {life}, message {message}" for life in (1, 2, 3) for message in (1, 2, 3)] +
                        [r"the other side says it is done"],
                        [r"life 1 was killed", r"life 2 was killed", r"life 3 ended in order"]),
    "04_large_payload": ("payload", "04_large_payload/keeper.py",
                         [r"sent 100000 bytes in \d+ messages of \d+", r"100000 bytes came back unchanged"],
                         [r"kept 100000 bytes of \d+ messages and gave them back"]),
    "05_integration": ("hello", "01_hello/hello.py", [r"\w+ \d+ says hello from Python"], [r"\w+ \d+ says hello"]),
    "06_c_only": ("counter", "06_c_only/counter.py", [r"1 \.\.\. 2", r"9 \.\.\. 10"], [r"counted to 10"]),
    "07_rust_only": ("average", "07_rust_only/sampler.py", [r"the average of 10 samples is 38\.5"],
                     [r"10 samples sent, average 38\.5"]),
}


class Failure(Exception):
    """What went wrong, for people."""


def quietly(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def install(prefix):
    """Installs to `prefix`; what the user of the build folder would uninstall stays known."""
    manifest = BUILD / "install_manifest.txt"
    kept = manifest.read_bytes() if manifest.exists() else None
    try:
        quietly("cmake", "--install", BUILD, "--prefix", prefix)
    finally:
        if kept is not None:
            manifest.write_bytes(kept)
        elif manifest.exists():
            manifest.unlink()
    return next(prefix.rglob("libeshm.so"))


def by_cmake(example, folder, *options):
    quietly("cmake", "-S", EXAMPLES / example, "-B", folder, *options)
    quietly("cmake", "--build", folder)
    return folder


def builds(example, work, prefix):
    """The ways to build an example: what each is called, and the folder it makes, when asked."""
    if (EXAMPLES / example / "Cargo.toml").exists():
        def by_cargo():
            messages = quietly("cargo", "build", "--manifest-path", EXAMPLES / example / "Cargo.toml",
                               "--message-format=json-render-diagnostics")
            made = [message["executable"] for message in map(json.loads, messages.splitlines()) if message.get("executable")]
            return Path(made[-1]).parent

        return {"": by_cargo}
    ways = {"": lambda: by_cmake(example, work / example, f"-DCMAKE_PREFIX_PATH={prefix}")}
    if example == "05_integration":
        def inside(where, *options):
            # What cargo built for this very capacity is taken over.
            shutil.copytree(BUILD / "cargo", work / where / "cargo", symlinks=True)
            return by_cmake(example, work / where.split("/")[0], f"-DESHM_SOURCE={ROOT}", *settings(), *options)

        ways = {", find_package": ways[""],
                ", add_subdirectory": lambda: inside("subdirectory/eshm"),
                ", FetchContent": lambda: inside("fetch/_deps/eshm-build", "-DFETCH=ON")}
    return ways


def settings():
    cache = (BUILD / "CMakeCache.txt").read_text()
    return [f"-D{name}={re.search(rf'^{name}:STRING=(.*)$', cache, re.M)[1]}"
            for name in ("ESHM_MAX_DATA_SIZE", "ESHM_HEARTBEAT_INTERVAL_MS")]


def meet(name, master, slave, environment):
    """The output of both, run to their ends."""
    segment = Path("/dev/shm") / f"eshm_{name}"
    processes = []
    try:
        deadline = time.monotonic() + TIMEOUT_S
        for command, role in ((master, "master"), (slave, "slave")):
            processes.append(subprocess.Popen([*map(str, command), name, role], env=environment, text=True,
                                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            while role == "master" and not segment.exists():
                if processes[0].poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"the master made no segment: {processes[0].stderr.read() if processes[0].poll() else ''}")
                time.sleep(0.005)  # a file of shared memory has no event
        said = []
        for process, role in zip(processes, ("master", "slave")):
            try:
                out, err = process.communicate(timeout=max(1.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise Failure(f"the {role} did not end within {TIMEOUT_S:.0f} s") from None
            if process.returncode:
                raise Failure(f"the {role} ended with {process.returncode}\n{out}{err}")
            said.append(out)
        if segment.exists():
            raise Failure(f"{segment} was left behind")
        return said
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        segment.unlink(missing_ok=True)


def check(who, output, patterns):
    lines = iter(output.splitlines())
    for pattern in patterns:
        if not any(re.fullmatch(pattern, line.strip()) for line in lines):
            raise Failure(f"{who} did not print {pattern!r} in its place, but\n{output}")


def run(example, folder, environment):
    program, peer, program_says, peer_says = CASES[example]
    command, python = [folder / program], [sys.executable, EXAMPLES / peer]
    name = f"example_{os.getpid()}_{example}"
    output, peer_output = meet(name, command, python, environment)
    check("the program as master", output, program_says)
    check("the Python peer as slave", peer_output, peer_says)
    peer_output, output = meet(name, python, command, environment)
    check("the Python peer as master", peer_output, peer_says)
    check("the program as slave", output, program_says)


def main():
    folders = sorted(path.name for path in EXAMPLES.iterdir() if re.match(r"\d\d_", path.name))
    if folders != sorted(CASES):
        print(f"FAILED: the examples are {folders}, those known here {sorted(CASES)}")
        return 1
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        library = install(work / "prefix")
        environment = {**os.environ, "ESHM_LIB": str(library), "ESHM_LOG": "error", "PYTHONDONTWRITEBYTECODE": "1"}
        for example in folders:
            for way, build in builds(example, work, work / "prefix").items():
                try:
                    run(example, build(), environment)
                except Failure as failure:
                    print(f"FAILED  {example}{way}: {failure}", flush=True)
                    failed += 1
                else:
                    print(f"ok      {example}{way}: as master and as slave beside Python", flush=True)
                    passed += 1
    print(f"{passed} examples passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
