#!/usr/bin/env bash
# Runs the C and C++ tests under valgrind's memcheck: any error or lost block fails.
# usage: check_valgrind.sh [BUILD_DIR]
set -uo pipefail

build=${1:-build}
if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: valgrind is not installed"
    [ -z "${CI:-}" ]
    exit
fi
export ESHM_TEST_SECONDS=${ESHM_TEST_SECONDS:-500} # everything is slower there
export ESHM_TEST_NEW_ABORTS=1 # memcheck's operator new cannot throw
passed=0 failed=0
for name in basic error_handling handle_states auto_role master_slave stale_detection reconnect event_fd event_fd_rates options last_error rpc records data_handler face face_options face_peers; do
    program=$build/test/test_$name
    if ! [ -x "$program" ]; then
        echo "FAILED $name: $program is not built"
        failed=$((failed + 1))
        continue
    fi
    logs=$(mktemp -d)
    arguments=()
    case $name in records | data_handler) arguments=("$(dirname "$0")/../tests/data/record-vectors.json") ;; esac
    # Forked children of these open ends of their own, or inherit triggers, and do not have their parent's threads: what was those
    # threads' alone is lost there by the nature of fork(), and only in the program itself it is an error.
    kinds=definite,indirect
    case $name in rpc | face_peers | last_error) kinds=none ;; esac
    # Fair: a thread that calls in a loop would keep the others, our service threads among them, out for minutes.
    valgrind --quiet --fair-sched=try --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --log-file="$logs/%p" \
        --errors-for-leak-kinds="$kinds" --trace-children=yes "$program" "${arguments[@]}" >"$logs/output" 2>&1 &
    own=$logs/$!
    wait $!
    code=$?
    if [ "$code" -eq 0 ] && [ -f "$own" ] && ! grep 'lost in loss record' "$own" >>"$logs/output"; then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "FAILED $name (exit $code)"
        tail -n 40 "$logs"/*
        failed=$((failed + 1))
    fi
    rm -rf "$logs"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
