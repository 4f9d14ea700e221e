#!/usr/bin/env bash
# Runs the tests with injected panics, in a build with failpoints.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export RUSTFLAGS="--cfg eshm_failpoints"
cargo build --quiet --package eshm-processes --target-dir target/failpoints || exit 1 # the peers
output=$(cargo test --package eshm-panics --no-fail-fast --target-dir target/failpoints 2>&1)
code=$?
[ "$code" -eq 0 ] || echo "$output"
grep -E '^(test .* \.\.\. |SKIPPED)' <<<"$output"
sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored.*/\1 \2 \3/p' <<<"$output" |
    awk '{ passed += $1; failed += $2; ignored += $3 }
        END { printf "%d tests with injected panics passed, %d failed, %d ignored\n", passed, failed, ignored; exit passed == 0 || ignored > 0 }' ||
    code=1
exit "$code"
