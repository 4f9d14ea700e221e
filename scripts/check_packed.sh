#!/usr/bin/env bash
# Packs a program with PyInstaller into one file and runs it where another user has put a library beside the folder that such a file
# unpacks to.
# usage: check_packed.sh PYTHON WORK   an interpreter that has eshm installed and may get PyInstaller; an empty folder
set -euo pipefail
python=$1 work=$2

"$python" -m pip install --quiet --only-binary :all: pyinstaller 2>/dev/null || { echo "SKIPPED: PyInstaller, which pip cannot get"; exit; }
cat >"$work/program.py" <<'PROGRAM'
import sys
from pathlib import Path
import eshm, eshm.data_handler_native
package = Path(eshm.__file__).resolve().parent
assert package.parent == Path(sys._MEIPASS).resolve(), package
assert eshm.library_path().parent == package, eshm.library_path()
for backend in ["ctypes", "native"][: 2 if sys.version_info >= (3, 11) else 1]:
    with eshm.ESHM(sys.argv[1], backend=backend) as channel:
        print(channel.backend, eshm.library_path())
PROGRAM
cd "$work"
# What --collect-binaries takes, and what the package's own hook takes unasked.
"$python" -c 'from PyInstaller.utils.hooks import collect_dynamic_libs as found
names = [name.rsplit("/")[-1] for name, _ in found("eshm")]
assert names == ["libeshm.so"], names'
"$python" -m PyInstaller --log-level ERROR --onefile program.py >pyinstaller.log 2>&1 || {
    if grep -q "shared library\|PythonLibraryNotFound" pyinstaller.log; then
        echo "SKIPPED: PyInstaller, which needs a Python that is built with a shared library"
        exit
    fi
    cat pyinstaller.log >&2
    exit 1
}
mkdir -p shared/build/lib
echo "another user's" | tee shared/build/libeshm.so >shared/build/lib/libeshm.so
TMPDIR=$PWD/shared dist/program "packed_$$"
