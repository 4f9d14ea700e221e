#!/bin/sh
# A C++ program under ThreadSanitizer that uses libeshm.so: no report with the suppressions that are installed, some without
# them, and a race of the program's own with them.
#
#   check_under_tsan.sh BUILD_DIR SOURCE_DIR COMPILER
build=$1 source=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
    echo "SKIPPED: $1"
    [ -z "$CI" ] || [ "$compiler" != g++ ] || exit 1 # a machine that tests for all has it
    exit 77
}
fail() {
    cat "$work/log"
    echo "check_under_tsan.sh: $1"
    exit 1
}
command -v "$compiler" >/dev/null || skip "there is no $compiler"
echo 'int main() {}' >"$work/empty.cpp"
"$compiler" -fsanitize=thread "$work/empty.cpp" -o "$work/empty" >/dev/null 2>&1 || skip "$compiler has no ThreadSanitizer here"
# Where addresses are more random than the sanitizer bears.
fixed=
"$work/empty" 2>/dev/null || fixed="setarch -R"
$fixed "$work/empty" || skip "a program under ThreadSanitizer does not start here"

"$compiler" -std=c++17 -g -O1 -Wall -Wextra -Werror -fsanitize=thread -I"$source/include" -I"$build/include" \
    "$source/cpp_tests/test_under_tsan.cpp" -o "$work/program" -L"$build" -leshm -pthread "-Wl,-rpath,$build" >"$work/log" 2>&1 ||
    fail "it does not compile"

# run OPTIONS ARGUMENT...: the program's reports are in $work/log; the exit status is 66 if there are any.
run() {
    options=$1
    shift
    TSAN_OPTIONS="exitcode=66:$options" $fixed "$work/program" "$@" >"$work/log" 2>&1
}
supp=suppressions=$source/cmake/tsan.supp
run "$supp" || fail "there are reports in spite of the suppressions"
run ""
[ $? -eq 66 ] || fail "there are none without them: they are not needed"
grep -q "libeshm.so" "$work/log" || fail "the reports without them are not of libeshm.so"
run "$supp" race
[ $? -eq 66 ] || fail "a race of the program's own is not reported"
grep -q "SUMMARY: ThreadSanitizer: data race.*in main" "$work/log" || grep -q "main::" "$work/log" || fail "the report is another one"
