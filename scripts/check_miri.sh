#!/usr/bin/env bash
# Runs what needs no shared memory under miri: the channel on heap memory, the state machines, names, settings, layout, the rules of
# spinning and waking, errors and the arithmetic of statistics. The last line is the result.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "SKIPPED: no miri (rustup component add --toolchain nightly miri rust-src)"
    exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export MIRIFLAGS="${MIRIFLAGS:-} -Zmiri-num-cpus=2" # spinning is for several processors
# Without one that tries nine thousand capacities, one that prints a line by poll(2), one that has the C library print numbers, the triggers' channels, and the records: safe code, a million times. Isolated from the system: a test that would open a file or map memory fails here.
cargo +nightly miri test -p eshm --lib -- --skip capacity_is_found --skip ffi::guard --skip records --skip triggers::tests --skip decimal 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
passed=$(sed -n 's/^test result: .* \([0-9]*\) passed.*/\1/p' "$log")
echo "miri: $([ "$status" -eq 0 ] && [ "${passed:-0}" -gt 0 ] && echo ok || echo FAILED), ${passed:-0} tests without undefined behaviour"
[ "$status" -eq 0 ] && [ "${passed:-0}" -gt 0 ]
