"""The examples, for test_examples.py: which programs they are, and what they print."""

from typing import List, NamedTuple, Tuple


class Case(NamedTuple):
    """An example, and what its two sides must print, as patterns of lines in this order."""

    program: str
    peer: str
    program_says: List[str]
    peer_says: List[str]
    peer_options: Tuple[str, ...] = ()
    channels: Tuple[str, ...] = ("",)  # what is appended to the name given
    needs: str = ""  # a module beyond Python's own
    plots: bool = False  # the peer takes --plot FILE.png
    on_terminal: str = ""  # what the peer shows there before Ctrl-C ends it


CASES = {
    "01_hello": Case("hello", "01_hello/hello.py", [r"\w+ \d+ says hello from Python"], [r"\w+ \d+ says hello from C\+\+"]),
    "02_monitoring": Case("monitor", "02_monitoring/worker.py",
                          [r"process \d+ is there", r"alive, \d+ heartbeats since, \d+ values written, \d+ read, the newest \d+",
                           r"process \d+ is gone; its last value was 10"],
                          [r"wrote 10 values"]),
    "03_reconnection": Case("survivor", "03_reconnection/mortal.py",
                            [rf"life {life}, message {message}" for life in (1, 2, 3) for message in (1, 2, 3)] +
                            [r"the other side says it is done"],
                            [r"life 1 was killed", r"life 2 was killed", r"life 3 ended in order"]),
    "04_large_payload": Case("payload", "04_large_payload/keeper.py",
                             [r"sent 100000 bytes in one message of up to \d+", r"100000 bytes came back unchanged"],
                             [r"kept 100000 bytes of one message and gave them back"]),
    "05_integration": Case("hello", "01_hello/hello.py", [r"\w+ \d+ says hello from Python"], [r"\w+ \d+ says hello"]),
    "06_c_only": Case("counter", "06_c_only/counter.py", [r"1 \.\.\. 2", r"9 \.\.\. 10"], [r"counted to 10"]),
    "07_rust_only": Case("average", "07_rust_only/sampler.py", [r"the average of 10 samples is 38\.5"],
                         [r"10 samples sent, average 38\.5"]),
    "08_control_loop": Case("robot", "08_control_loop/policy.py",
                            [r"2000 steps at 1 kHz, \d+ deadlines missed, \d+ steps without a command", r"\d+ commands taken",
                             r"from a state .*: p50 \d+\.\d\d ms, p99 \d+\.\d\d ms, worst \d+\.\d\d ms",
                             r"age of the state .*: p50 \d+\.\d\d ms, p99 \d+\.\d\d ms, worst \d+\.\d\d ms",
                             r"largest tilt \d+\.\d degrees"],
                            [r"\d+ latencies: p50 \d+\.\d\d ms, p99 \d+\.\d\d ms, worst \d+\.\d\d ms"], plots=True),
    "09_camera": Case("camera", "09_camera/viewer.py", [r"sent 200 frames of 921600 bytes; the viewer saw [1-9]\d*"],
                      [r"[1-9]\d* frames of 480x640x3 seen, all whole, and \d+ skipped: \d+ a second"], needs="numpy"),
    "10_dashboard": Case("motors", "10_dashboard/dashboard.py",
                         [rf"motor {motor}: [1-9]\d* reports, [1-9]\d* orders, the last for [1-9]\d* rpm" for motor in range(4)],
                         [r"motor 3: \d+\.\d of \d+\.\d rpm, \d+ reports/s, runs"] +
                         [rf"motor {motor}: [1-9]\d* reports seen, \d+ missed, the newest [1-9]\d*" for motor in range(4)],
                         ("--for", "3"), channels=("_0", "_1", "_2", "_3"), on_terminal=r"    3 +\d+\.\d .* runs\x1b"),
}
