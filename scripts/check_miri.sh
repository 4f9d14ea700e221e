#!/usr/bin/env bash
# Runs what needs no shared memory under miri: the channel on heap memory, and the state machines.
set -euo pipefail

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "SKIPPED: no miri (rustup component add --toolchain nightly miri rust-src)"
    exit 0
fi
cargo +nightly miri test -p eshm --lib -- channel liveness segment::layout::tests::parts
