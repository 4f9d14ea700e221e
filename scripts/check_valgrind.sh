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
passed=0 failed=0
for name in basic error_handling handle_states auto_role master_slave stale_detection reconnect; do
    program=$build/test/test_$name
    if ! [ -x "$program" ]; then
        echo "FAILED $name: $program is not built"
        failed=$((failed + 1))
        continue
    fi
    log=$(mktemp)
    if valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect --trace-children=yes "$program" >"$log" 2>&1; then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "FAILED $name (exit $?)"
        tail -n 40 "$log"
        failed=$((failed + 1))
    fi
    rm -f "$log"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
