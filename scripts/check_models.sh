#!/usr/bin/env bash
# Runs the models of src/models: loom drives the real code through its interleavings. The last line is the result.
# LOOM_MAX_PREEMPTIONS explores each further than it asks for.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 # the build takes longer than the models otherwise
ESHM_LOG=off RUSTFLAGS="${RUSTFLAGS:-} --cfg loom" cargo test --quiet --release -p eshm --lib --target-dir target/loom "$@" -- models:: \
    --nocapture --test-threads=2 2>&1 | tee "$log" | grep -E "MODEL|TWIN|panicked|^error|torn" | sed 's/^.*\(MODEL\|TWIN\)/\1/'
status=${PIPESTATUS[0]}
awk -v status="$status" '
    /MODEL /  { models++ }
    /TWIN /   { twins++ }
    /TWIN .*: found in/ { found++ }
    match($0, /[0-9]+ executions/) { executions += substr($0, RSTART) + 0 }
    END {
        ok = status == 0 && models > 0 && twins == found
        printf "models: %s, %d models hold, %d of %d twins found, %d executions\n", ok ? "ok" : "FAILED", models, found, twins, executions
        exit !ok
    }' "$log"
