#!/usr/bin/env bash
# The two-process tests under AddressSanitizer, then the C and C++ programs under gcc's Address- and UndefinedBehaviorSanitizer
# against the library as it is built for users. Any report fails.
# usage: check_asan.sh [BUILD_DIR]
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-build}
[ "${build#/}" = "$build" ] && build=$root/$build
rust=$("$root/scripts/check_sanitizer.sh" address)
status=$?
echo "$rust"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! echo 'int main(void) { return 0; }' | gcc -fsanitize=address,undefined -xc - -o "$work/probe" 2>/dev/null; then
    echo "SKIPPED: gcc has no address and undefined sanitizers (libasan, libubsan); $(tail -n 1 <<<"$rust")"
    exit "$status"
fi
export ASAN_OPTIONS="log_path=$work/report" UBSAN_OPTIONS="log_path=$work/report:print_stacktrace=1"
export ESHM_TEST_SECONDS=${ESHM_TEST_SECONDS:-300}
export ESHM_TEST_NEW_ABORTS=1 # the sanitizer's operator new does not throw
passed=0 failed=0
for source in test_basic.cpp test_error_handling.c test_handle_states.c test_auto_role.cpp test_master_slave.cpp \
    test_stale_detection.cpp test_reconnect.cpp test_event_fd.c test_event_fd_rates.c test_options.c test_last_error.c test_rpc.c \
    test_records.c test_data_handler.cpp test_hostile_records.cpp test_face.cpp test_face_options.cpp test_face_peers.cpp \
    test_face_rpc.cpp; do
    compiler=(gcc -std=c11)
    [ "${source##*.}" = c ] || compiler=(g++ -std=c++17)
    arguments=()
    case $source in
    test_records* | test_data_handler*) arguments=("$root/tests/data/record-vectors.json") ;;
    test_hostile_records*) arguments=("$root/tests/data/record-vectors.json" 200000) ;;
    esac
    program=$work/${source%.*}
    if "${compiler[@]}" -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -I"$root/include" -I"$build/include" \
        "$root/cpp_tests/$source" -L"$build" -leshm -pthread -lrt -Wl,-rpath,"$build" -o "$program" >"$work/log" 2>&1 &&
        nm "$program" | grep ' __asan_init' >/dev/null && nm "$program" | grep ' __ubsan_handle' >/dev/null &&
        "$program" "${arguments[@]}" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        echo "FAILED $source"
        tail -n 40 "$work/log"
        failed=$((failed + 1))
    fi
done
shopt -s nullglob
reports=("$work"/report*)
for file in "${reports[@]}"; do
    head -n 60 "$file"
done
[ "$failed" -eq 0 ] && [ "${#reports[@]}" -eq 0 ] || status=1
echo "$(tail -n 1 <<<"$rust"); $passed C and C++ programs passed, $failed failed, ${#reports[@]} reports"
exit "$status"
