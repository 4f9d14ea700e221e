#!/usr/bin/env python3
"""Runs the first Python program of a README as the slave it is, with a master in this process.

    readme_example.py README.md

The program runs with the checkout's folder filled in for /where/eshm/is, and must take the package that this process has.
"""

import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import eshm
from eshm import ESHM, ESHMRole

code = re.findall(r"```python\n(.*?)```", Path(sys.argv[1]).read_text(), re.S)[0]
name = f"readme_{uuid.uuid4().hex[:12]}"
code = code.replace('"robot"', repr(name)).replace("/where/eshm/is", str(Path(__file__).resolve().parents[1]))
assert name in code, "the README's program has another channel"
code += f"\nimport eshm; assert eshm.__file__ == {eshm.__file__!r}, eshm.__file__"

with tempfile.TemporaryDirectory() as elsewhere, ESHM(name, role=ESHMRole.MASTER) as master:
    # Unbuffered, as it prints what it reads.
    program = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True, cwd=elsewhere)
    try:
        for step in range(5):
            message = f"position {step}.5"
            while True:  # until it has come
                master.write(message.encode() + b"\0")
                try:
                    answer = master.read(timeout_ms=100)
                    break
                except TimeoutError:
                    assert program.poll() is None, "the program has ended"
            assert answer == b"seen\0", answer
            line = program.stdout.readline().rstrip("\n")
            while step and line == f"position {step - 1}.5":  # sent again before the first answer
                line = program.stdout.readline().rstrip("\n")
            assert line == message, (line, message)
    except BaseException:
        program.kill()
        raise
    master.close()
    # The master is gone: the program sees that and ends.
    assert program.wait(60) == 0, program.returncode
print("ok")
