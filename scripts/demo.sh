#!/usr/bin/env bash
# A C++ master and a Python slave exchange messages for a few seconds.
# usage: demo.sh [BUILD_DIR]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-build}
[ "${build#/}" = "$build" ] && build=$root/$build
name=demo_$$
seconds=4
logs=$(mktemp -d)
master= slave=

finish() {
    for pid in $slave $master; do kill -INT "$pid" 2>/dev/null || true; done
    for pid in $slave $master; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$logs" "/dev/shm/eshm_$name"
}
trap finish EXIT

echo "\$ eshm_demo master $name              # C++, lines marked M"
echo "\$ python3 py/examples/simple_slave.py $name   # Python, lines marked S"
echo
"$build/eshm_demo" master "$name" > >(sed -u 's/^/M  /' | tee "$logs/master") &
master=$!
until [ -e "/dev/shm/eshm_$name" ]; do
    kill -0 "$master" 2>/dev/null || { echo "the master ended early" >&2; exit 1; }
    sleep 0.02
done
PYTHONPATH=$root/py ESHM_LIB=$build/libeshm.so python3 -u "$root/py/examples/simple_slave.py" "$name" > >(sed -u 's/^/S  /' | tee "$logs/slave") &
slave=$!
sleep "$seconds"
for _ in {1..160}; do # a busy machine may take longer to get going
    grep -q 'Received: ACK from Python slave' "$logs/master" && break
    sleep 0.1
done

# Both ways, or it was no demonstration.
grep -q 'Received: ACK from Python slave' "$logs/master" || { echo "nothing came back from Python" >&2; exit 1; }
grep -q 'Received .*Hello from master' "$logs/slave" || { echo "nothing arrived in Python" >&2; exit 1; }
echo
echo "Both directions work."
