#!/usr/bin/env bash
# Builds the Python wheel, installs it into a fresh virtual environment, and there runs the Python tests over both back ends, the
# examples in the documentation, the READMEs' Python programs with a peer, and the examples that need more than Python itself beside
# their C++ programs. Then a program packed by PyInstaller, and every other Python that find_pythons.sh finds: each installs the same
# wheel and runs a part of the tests, and those before 3.11 build it from source too. With --keep the environment stays, for benchmarks.
# usage: check_wheel.sh BUILD_DIR [--keep]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
build=$(cd "$1" && pwd)
export PATH="$PATH:$HOME/.cargo/bin" PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
unset ESHM_LIB ESHM_PYTHON_BACKEND PYTHONPATH

work=$build/wheel
rm -rf "$work"
mkdir -p "$work/package"
if [ "${2:-}" != --keep ]; then trap 'rm -rf "$work"' EXIT; fi

say() { echo "--- $*"; }

say "a wheel from the checkout"
python3 -m compileall -q py_compat/eshm  # as a run in the checkout leaves it
python3 -m pip wheel --quiet --no-deps --wheel-dir "$work" ./py_compat
wheel=$(ls "$work"/eshm-*.whl)
echo "$(basename "$wheel"), $(stat -c %s "$wheel") bytes"

say "a folder that is no checkout is refused"
mkdir "$work/copy"
cp -r py_compat "$work/copy/"
if refusal=$(python3 -m pip wheel --no-deps --wheel-dir "$work/copy" "$work/copy/py_compat" 2>&1); then
    echo "it was built" >&2
    exit 1
fi
grep -o "eshm cannot be built: .*" <<<"$refusal"
rm -rf "$work/copy"

say "what is in the wheel"
python3 - "$wheel" <<'END'
import email, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = wheel.namelist()
    (folder,) = {name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info")}
    facts = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
    with open("LICENSE", "rb") as file:
        assert wheel.read(f"{folder}/licenses/LICENSE") == file.read()
assert (facts["License-Expression"], facts["License-File"], facts["Author"]) == ("MIT", "LICENSE", "The eshm authors"), facts.items()
binaries = {name for name in names if not name.endswith(".py") and "/" in name and ".dist-info/" not in name}
assert binaries == {"eshm/libeshm.so", "eshm/_native.abi3.so", "eshm/_native.pyi", "eshm/py.typed"}, binaries
END

say "a fresh environment"
python3 -m venv "$work/venv" || { echo "no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
python=$work/venv/bin/python
"$python" -m pip install --quiet "$wheel" numpy mypy
"$python" -m pip install --quiet pyright || echo "SKIPPED: pyright, which pip cannot get"
# From a folder with nothing of the package beside it; C++ programs and record vectors, which tests use, are where they look.
cp -r py_compat/tests py_compat/examples py_compat/README.md "$work/package/"
ln -s "$build" "$work/build"
ln -s "$root/tests" "$work/tests"
cd "$work/package"
"$python" - "$work/venv" <<'END'
import sys
from pathlib import Path
import data_handler, data_handler_native, eshm, eshm_data, rpc
for module in (data_handler, data_handler_native, eshm, eshm_data, rpc):
    assert module.__file__.startswith(sys.argv[1]), module
minor = sys.version_info[:2] >= (3, 11)
for backend in ("native", "ctypes") if minor else ("ctypes",):
    with eshm.ESHM(f"wheel_{backend}", backend=backend) as channel:
        assert channel.backend == backend
if not minor:
    print("SKIPPED: the native back end, which needs Python 3.11")
assert eshm.library_path().parent == Path(eshm.__file__).resolve().parent, eshm.library_path()
END

say "types"
"$python" -m mypy --strict --cache-dir "$work/mypy" -p eshm

backends=(native ctypes)
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || backends=(ctypes)
for backend in "${backends[@]}"; do
    say "the tests over $backend"
    ESHM_PYTHON_BACKEND=$backend "$python" -m unittest discover -s tests
    say "the READMEs' programs over $backend"
    for readme in README.md py_compat/README.md; do
        ESHM_PYTHON_BACKEND=$backend "$python" "$root/scripts/readme_example.py" "$root/$readme"
    done
done

say "the examples with numpy, asyncio and a plot, beside C++"
"$python" -m pip install --quiet --only-binary :all: matplotlib || echo "SKIPPED: matplotlib, which pip cannot get"
python3 "$root/scripts/test_examples.py" "$build" --python "$python" "${backends[@]/#/--backend=}" \
    --only 08_control_loop 09_camera 10_dashboard

say "a program packed by PyInstaller"
mkdir "$work/packed"
"$root/scripts/check_packed.sh" "$python" "$work/packed"

main=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
tests=(test_backends test_daemon_threads test_data_handler_native test_interface test_last_errors test_library_path test_messages test_open test_options test_records test_rpc)
"$root/scripts/find_pythons.sh" >"$work/pythons"
while read -r version other; do
    if [ -z "$other" ]; then
        say "Python $version"
        echo "SKIPPED: Python $version, which is not installed"
        continue
    fi
    if [ "$other" = "$main" ]; then continue; fi
    say "$("$other" -V): $other"
    rm -rf "$work/other"
    "$other" -m venv "$work/other" || { echo "no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
    python=$work/other/bin/python
    backends=(native ctypes)
    if "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 11))'; then
        backends=(ctypes)
        "$python" -m pip install --quiet "$root/py_compat"
        "$python" -c 'import eshm; print("built from source:", eshm.library_path())'
    fi
    "$python" -m pip install --quiet --no-index --force-reinstall "$wheel"
    for backend in "${backends[@]}"; do
        (cd tests && ESHM_PYTHON_BACKEND=$backend "$python" -m unittest "${tests[@]}" </dev/null)
    done
done <"$work/pythons"
