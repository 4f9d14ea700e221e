#!/usr/bin/env python3
"""Breaks the library in one place after another and sees whether a test notices.

cargo-mutants names the places in the channel, the handle, the liveness and the segment; this takes a sample of them. Each mutant
is built in a copy of the tree and given to the tests in steps, the quick and near ones first, until one fails: then it is
noticed. A step that has no end counts as well. Mutants that do not compile do not count. Those of scripts/mutants_accepted.txt
are left out: each has the reason why no test can notice it, or need not.

usage: check_mutants.py [PATTERN...]      only mutants whose name matches a pattern, as "src/endpoint/wait.rs:*"
  MUTANTS=N|all        how many are tried (48)
  MUTANTS_SEED=N       which ones: the same again for the same number (a new one each time, which is printed)
  MUTANTS_MINIMUM=N    per cent that must be noticed (85)
The last line is the result. build/mutants has the copy, what was built there, and missed.txt, the mutants that no test noticed.

Orderings of atomics are for the models (make models), whose twins break them one by one.
"""

import fnmatch
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
ACCEPTED = ROOT / "scripts/mutants_accepted.txt"
FOLDERS = ["channel", "endpoint", "liveness", "segment"]

# Unit tests of other parts, and slow ones: those come last.
ELSEWHERE = ["records::", "triggers::", "ffi::"]
SLOW = ["endpoint::close::tests::", "channel::copy::tests::every_length", "segment::peer::judging::a_side"]
# Two-process tests that are quick, or near much of what is mutated; then others.
PROCESSES = [
    "delivery", "roles", "takeover", "reconnect", "torn", "locks", "states", "half_made", "clean_up", "waiters", "hostile",
    "replaced", "name_removed", "signalling", "staleness", "stats", "ousted", "stopped_inside", "log", "names", "options",
    "record_sizes", "read_lock_proofs", "read_locks", "held_up_writer", "huge_unread",
]
OTHERS = [
    "no_threads", "event_fd", "giving_up", "service_thread", "crash", "death", "stopped", "threads", "overlap",
    "mixed_releases", "large", "races", "fork", "leaks", "resource_faults", "dev_shm_faults", "running_faults",
    "huge", "another_root", "spinning", "stopped_writers", "stopped_masters", "killed_deciders", "paused_deciders",
]
# The models that run the code of a file; those of none other are tried without them.
MODELS = {
    "src/channel/": ["sequence_lock", "breaking", "death", "doubt", "park::"],
    "src/endpoint/wait.rs": ["park::", "closing"],
    "src/endpoint/core.rs": ["park::", "closing"],
    "src/endpoint/close.rs": ["closing"],
    "src/endpoint/read.rs": ["ending", "closing"],
    "src/endpoint/remap.rs": ["ending", "moving"],
    "src/liveness/service.rs": ["closing"],
}


def of_processes(names):
    return ["-p", "eshm-processes", *(f"--test={name}" for name in names)]


STEPS = [
    ("units", ["-p", "eshm", "--lib"], [f"--skip={name}" for name in ELSEWHERE + SLOW]),
    ("processes", of_processes(PROCESSES), []),
    ("slow units", ["-p", "eshm", "--lib"], ["endpoint::", "channel::", "segment::", "liveness::"]),
    ("other processes", of_processes(OTHERS), []),
]
# Seconds that the models of a mutant may take.
MODELS_LIMIT = 600
# A step may take so many times what it takes without a mutant, and so many seconds at least.
TIMES, LEAST = 4, 30
BUILD_LIMIT = 900


def skipped(why):
    print(f"SKIPPED: {why}")
    sys.exit(0)


def failed(why):
    print(f"FAILED: {why}")
    sys.exit(1)


def number(name, default):
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        failed(f"{name} is no number: {text!r}")
    return int(text)


# ---- The mutants ----


def list_mutants():
    """All mutants that cargo-mutants finds, without those in tests and models."""
    wanted = [word for folder in FOLDERS for word in ("--file", f"src/{folder}/**")]
    command = ["cargo", "mutants", "--list", "--json", *wanted]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    hidden, mutants, sources = hidden_files(), [], {}
    for found in json.loads(listed):
        found["source"] = sources.setdefault(found["file"], (ROOT / found["file"]).read_text())
        lines = found["source"].splitlines()
        start = found["span"]["start"]
        function = found.get("function") or {"span": found["span"], "function_name": ""}
        head = "\n".join(lines[function["span"]["start"]["line"] - 1 : start["line"]]).split("fn ")[0]
        if found["file"] in hidden or re.search(r"cfg\((loom|test|all\(test)", head) or re.search(r"\b(heap|tests)::", function["function_name"]):
            continue
        where, mutation = found["name"].split(": ", 1)
        found["where"], found["line"] = where, lines[start["line"] - 1].strip()
        found["what"] = f"{found['file']}: {mutation}"
        mutants.append(found)
    return mutants


def hidden_files():
    """Files that only a test or a model has."""
    hidden = set()
    for parent in (ROOT / "src").rglob("*.rs"):
        modules = re.findall(r"#\[cfg\((?:all\(test|test|loom|any\(test)[^\n]*\n(?:#\[[^\n]*\n)*\s*(?:pub\(\w+\) )?mod (\w+);", parent.read_text())
        folder = parent.parent if parent.name in ("mod.rs", "lib.rs") else parent.with_suffix("")
        for module in modules:
            below = [folder / f"{module}.rs", *(folder / module).rglob("*.rs")]
            hidden |= {str(file.relative_to(ROOT)) for file in below if file.exists()}
    return hidden


class Accepted:
    """One entry of the list: mutants by a pattern for file and mutation, perhaps on one line of source alone, and why."""

    def __init__(self, what, number):
        self.what, self.number, self.line, self.why, self.used = what, number, None, "", False

    def covers(self, mutant):
        same = fnmatch.fnmatchcase(mutant["what"], re.sub(r"([\[\]])", r"[\1]", self.what))
        return same and self.line in (None, mutant["line"])


def read_accepted():
    entries = []
    for number, text in enumerate(ACCEPTED.read_text().splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        if not text.startswith(" "):
            entries.append(Accepted(text.strip(), number))
        elif text.strip().startswith("at: "):
            entries[-1].line = text.strip()[4:]
        else:
            entries[-1].why += text.strip() + " "
    for entry in entries:
        if not entry.why:
            failed(f"{ACCEPTED.name}:{entry.number} has no reason")
    return entries


def without_accepted(mutants):
    entries, rest = read_accepted(), []
    for mutant in mutants:
        covering = [entry for entry in entries if entry.covers(mutant)]
        for entry in covering:
            entry.used = True
        if not covering:
            rest.append(mutant)
    stale = [entry for entry in entries if not entry.used]
    if stale:
        failed(f"{ACCEPTED.name}:{stale[0].number} is of no mutant any more: {stale[0].what}")
    return rest


# ---- The tree ----


def copy_tree():
    """Copies what git knows, and what it would, to TREE: only what differs, so that cargo builds no more than it must."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
    names = {name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()}
    for old in TREE.rglob("*"):
        if old.is_file() and str(old.relative_to(TREE)) not in names:
            old.unlink()
    for name in names:
        put(name, (ROOT / name).read_bytes())
        shutil.copymode(ROOT / name, TREE / name)
    # One kind of library is enough here, and linking takes longest.
    manifest = (ROOT / "Cargo.toml").read_text()
    put("Cargo.toml", re.sub(r"(?m)^crate-type = .*", 'crate-type = ["rlib"]', manifest).encode())


def put(name, content):
    file = TREE / name
    if not file.exists() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def broken(mutant):
    """The file of a mutant, with the change."""
    lines = mutant["source"].splitlines(keepends=True)
    start, end = mutant["span"]["start"], mutant["span"]["end"]
    first, last = start["line"] - 1, end["line"] - 1
    before = "".join(lines[:first]) + lines[first][: start["column"] - 1]
    after = lines[last][end["column"] - 1 :] + "".join(lines[last + 1 :])
    return (before + mutant["replacement"] + after).encode()


# ---- The tests ----

ENVIRONMENT = {
    **os.environ,
    "CARGO_TARGET_DIR": str(WORK / "target"),
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_TERM_COLOR": "never",
    "RUSTFLAGS": "--cfg eshm_failpoints --cap-lints=allow",
    "ESHM_LOG": "off",
}
# A mutant may leave files, and processes that spin: all of that ends with these namespaces.
APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "sh", "-c"]
APART += ['mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]


def can_be_apart():
    try:
        return subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


MODEL_ENVIRONMENT = {
    **ENVIRONMENT,
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "RUSTFLAGS": "--cfg loom --cap-lints=allow",
    "CARGO_TARGET_DIR": str(WORK / "target/loom"),
}


def run(command, limit, environment=ENVIRONMENT):
    """Runs it with all that it starts: its exit status, None if it had no end, and the seconds it took."""
    start = time.monotonic()
    with open(WORK / "last.log", "wb") as log:
        process = subprocess.Popen(
            command, cwd=TREE, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            status = process.wait(limit)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as end:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(end, KeyboardInterrupt):
                raise
            status = None
    return status, time.monotonic() - start


def tests(step, only_build=False):
    _, where, which = step
    return ["cargo", "test", "--quiet", *where, *(["--no-run"] if only_build else ["--", *which])]


class Tester:
    def __init__(self, apart):
        self.apart, self.limits = apart, {}

    def learn(self):
        """How long each step takes without a mutant, where all tests must pass."""
        for step in STEPS:
            if run(tests(step, only_build=True), 4 * BUILD_LIMIT)[0] != 0:
                failed(f"the tests do not build; see {WORK / 'last.log'}")
            status, took = run([*self.apart, *tests(step)], 2 * BUILD_LIMIT)
            if status != 0:
                failed(f"the {step[0]} fail without any mutant; see {WORK / 'last.log'}")
            self.limits[step[0]] = max(LEAST, TIMES * took)
            print(f"{step[0]}: {took:.0f} s without a mutant", flush=True)

    def judge(self, mutant):
        """What comes of a mutant: "no mutant" if it does not compile, "MISSED", or what noticed it."""
        put(mutant["file"], broken(mutant))
        try:
            for step in STEPS:
                built, _ = run(tests(step, only_build=True), BUILD_LIMIT)
                if built != 0:
                    return "no mutant"
                status, _ = run([*self.apart, *tests(step)], self.limits[step[0]])
                if status is None:
                    return f"noticed: no end of the {step[0]}"
                if status != 0:
                    return f"noticed by the {step[0]}"
            return self.by_models(mutant) or "MISSED"
        finally:
            put(mutant["file"], mutant["source"].encode())


    def by_models(self, mutant):
        """Whether the models of the mutant's file notice it. One that makes them take too long is not noticed."""
        names = [name for part, names in MODELS.items() if mutant["file"].startswith(part) for name in names]
        if not names:
            return None
        command = ["cargo", "test", "--quiet", "--release", "-p", "eshm", "--lib"]
        if run([*command, "--no-run"], BUILD_LIMIT, MODEL_ENVIRONMENT)[0] != 0:
            return None
        models = [f"models::{name}" for name in names]
        status, _ = run([*self.apart, *command, "--", *models], MODELS_LIMIT, MODEL_ENVIRONMENT)
        return "noticed by the models" if status else None


def processor():
    found = re.search(r"(?m)^model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else os.uname().machine


def main():
    if subprocess.run(["cargo", "mutants", "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        skipped("there is no cargo-mutants here; `cargo install cargo-mutants --locked` builds it")
    everything = os.environ.get("MUTANTS") == "all"
    count, minimum = 0 if everything else number("MUTANTS", 48), number("MUTANTS_MINIMUM", 85)
    seed = number("MUTANTS_SEED", random.SystemRandom().randrange(1_000_000))
    found = list_mutants()
    mutants = without_accepted(found)
    left_out = len(found) - len(mutants)
    if sys.argv[1:]:
        mutants = [mutant for mutant in mutants if any(fnmatch.fnmatchcase(mutant["name"], word) for word in sys.argv[1:])]
    print(f"{len(found)} mutants, {left_out} of them accepted; seed {seed}", flush=True)
    random.Random(seed).shuffle(mutants)
    WORK.mkdir(parents=True, exist_ok=True)
    copy_tree()
    apart = APART if can_be_apart() else []
    if not apart:
        print("without namespaces of their own, mutants may leave files in /dev/shm")
    tester = Tester(apart)
    tester.learn()
    start, tried, missed = time.monotonic(), 0, []
    for mutant in mutants:
        if not everything and tried == count:
            break
        began = time.monotonic()
        result = tester.judge(mutant)
        print(f"{time.monotonic() - began:4.0f} s  {result}: {mutant['name']}", flush=True)
        tried += result != "no mutant"
        if result == "MISSED":
            missed.append(mutant)
    text = "".join(f"{mutant['name']}\n  at: {mutant['line']}\n" for mutant in missed)
    (WORK / "missed.txt").write_text(text)
    print(f"\nmissed:\n{text}" if missed else "")
    if not tried:
        failed("no mutant was tried")
    share = 100 * (tried - len(missed)) / tried
    good = share >= minimum
    print(
        f"mutants: {'ok' if good else 'FAILED'}, {tried - len(missed)} of {tried} noticed ({share:.0f} %, at least {minimum}), "
        f"seed {seed}, {time.monotonic() - start:.0f} s, {time.strftime('%Y-%m-%d')}, {processor()}"
    )
    sys.exit(not good)


if __name__ == "__main__":
    main()
