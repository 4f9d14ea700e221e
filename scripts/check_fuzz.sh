#!/usr/bin/env bash
# Runs all fuzz targets at once for a while, under AddressSanitizer. What they find is added to a corpus in fuzz/target; the
# committed one stays as it is.
# usage: check_fuzz.sh [SECONDS]
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=${1:-60}
host=$(rustc -vV | sed -n 's/^host: //p')
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED: no nightly toolchain (rustup toolchain install nightly --profile minimal)"
    exit 0
fi
if ! command -v c++ >/dev/null; then
    echo "SKIPPED: no C++ compiler, which libFuzzer is built with"
    exit 0
fi

# What cargo-fuzz passes, so that it need not be installed; `cargo +nightly fuzz run TARGET` does the same.
flags="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
for option in inline-8bit-counters pc-table trace-compares stack-depth; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$option"
done
if ! RUSTFLAGS=$flags nice cargo +nightly build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host" \
    --target-dir fuzz/target; then
    echo "FAILED: the fuzz targets do not build"
    exit 1
fi

programs=fuzz/target/$host/release
work=fuzz/target/run
mkdir -p "$work"
export ESHM_LOG=off
targets=()
pids=()
for source in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    mkdir -p "$work/$target" "fuzz/artifacts/$target"
    nm "$programs/$target" | grep -c ' __asan_init$' >/dev/null || { echo "FAILED: $target has no AddressSanitizer in it"; exit 1; }
    targets+=("$target")
    # 60 s tells a hang from a wait: the longest call takes some hundred milliseconds. No new findings after a crash.
    nice "$programs/$target" "$work/$target" "fuzz/corpus/$target" -max_total_time="$seconds" -timeout=60 -max_len=600 \
        -len_control=0 -rss_limit_mb=2048 -report_slow_units=1000 -print_funcs=0 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/" \
        >"$work/$target.log" 2>&1 &
    pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null' EXIT

failed=0 total=0
for index in "${!targets[@]}"; do
    target=${targets[$index]}
    log=$work/$target.log
    wait "${pids[$index]}"
    code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    covered=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 2)
    total=$((total + ${runs:-0}))
    if [ "$code" -eq 0 ]; then
        echo "ok $target: ${runs:-0} executions, coverage ${covered:-0}, 0 crashes"
        continue
    fi
    failed=$((failed + 1))
    echo "FAILED $target: ${runs:-0} executions, coverage ${covered:-0}, exit $code"
    grep -A 3 -m 1 -E 'panicked at|ERROR: ' "$log"
    found=$(sed -n 's/.*Test unit written to //p' "$log")
    echo "the input: ${found:-none was kept; see $log}"
    echo "once more: ESHM_LOG=debug $programs/$target ${found:-}"
done
trap - EXIT
echo "fuzzing: ${#targets[@]} targets, $seconds s each, $total executions, $failed failed"
[ "$failed" -eq 0 ]
