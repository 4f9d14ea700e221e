#!/bin/sh
# Compiles the tests of the C++ face with one compiler and standard, every warning an error, and runs them; then checks that
# what must not compile does not, as C++17, and that the compiler says why.
#
#   check_face.sh BUILD_DIR SOURCE_DIR CXX STANDARD
set -eu
build=$1 source=$2 cxx=$3 standard=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "check_face.sh: $*"
    exit 1
}

command -v "$cxx" >/dev/null || { echo "SKIPPED: no $cxx"; exit 77; } # ctest's code for that
compile() {
    "$cxx" "-std=$standard" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I "$source/include" -I "$build/include" "$@" \
        >"$work/log" 2>&1
}

# The headers are under these warnings one by one, and define no macro but their guards.
for header in "$source"/include/*.hpp; do
    name=${header##*/}
    printf '#include <%s>\n' "$name" >"$work/alone.cpp"
    compile -fsyntax-only "$work/alone.cpp" || { cat "$work/log"; fail "$name does not compile alone"; }
    "$cxx" "-std=$standard" -I "$source/include" -I "$build/include" -dD -E "$work/alone.cpp" >"$work/expanded"
    # shellcheck disable=SC2016
    leaked=$(awk '/^# [0-9]/ { ours = /\.hpp"/ } ours && /^#define/ && $2 !~ /^ESHM_[A-Z]+_HPP$|^ESHM_HPP$/ { print $2 }' "$work/expanded")
    [ -z "$leaked" ] || fail "$name defines the macros $leaked"
done

for test in test_face test_face_options test_face_peers test_face_rpc test_face_cancel; do
    # cpp_tests/*.h are C, and have casts and shadows that these two warnings are not for.
    compile -Wno-shadow -Wno-conversion "$source/cpp_tests/$test.cpp" -o "$work/$test" \
        -L "$build" -leshm "-Wl,-rpath,$build" -pthread || { cat "$work/log"; fail "$test does not compile"; }
    "$work/$test" || fail "$test failed"
done

# The program of docs/TRIGGERS.md, as it stands there but for the channel's name.
channel=t_triggers_$$
trap 'rm -rf "$work" "/dev/shm/eshm_${channel}_ctl"' EXIT
awk '$0 == "```cpp" { on = 1; next } /^```$/ { on = 0 } on' "$source/docs/TRIGGERS.md" | sed "s/\"demo\"/\"$channel\"/" >"$work/triggers.cpp"
compile "$work/triggers.cpp" -o "$work/triggers" -L "$build" -leshm "-Wl,-rpath,$build" -pthread ||
    { cat "$work/log"; fail "the program of docs/TRIGGERS.md does not compile"; }
[ "$(timeout 60 "$work/triggers")" = "halt failed: std::runtime_error: the brake is hot" ] || fail "the program of docs/TRIGGERS.md failed"

echo "check_face.sh: the tests passed with $cxx as $standard"
[ "$standard" = c++17 ] || exit 0

# program STATEMENT: a program that has an open Endpoint and does that.
program() {
    cat >"$work/program.cpp" <<END
#include <eshm.hpp>
#include <array>
#include <map>
struct Text { std::string text; };
struct Large { char bytes[ESHM_MAX_DATA_SIZE + 1]; };
struct NoDefault { explicit NoDefault(int n) : number(n) {} int number; };
void use(eshm::Endpoint& end);
void use(eshm::Endpoint& end) { $1; }
END
    compile -fsyntax-only "$work/program.cpp"
}

# refused STATEMENT REASON
refused() {
    ! program "$1" || fail "this compiles: $1"
    grep -qF "$2" "$work/log" || { cat "$work/log"; fail "the compiler does not say \"$2\" of: $1"; }
}

# What is refused below, is for its type alone.
program 'end.write(std::array<char, ESHM_MAX_DATA_SIZE>{}); end.read<int>(); end.write(Large()); end.read<Large>(); end.try_read<int>(); eshm::Endpoint other(std::move(end))' ||
    { cat "$work/log"; fail "a program that must compile does not"; }
refused 'end.write(Text{"no"})' 'only a trivially copyable type travels as its bytes'
refused 'end.write(std::map<int, int>())' 'only a trivially copyable type travels as its bytes'
refused 'end.write(std::vector<Text>())' 'only a trivially copyable type travels as its bytes'
refused 'end.read<Text>()' 'only a trivially copyable type travels as its bytes'
refused 'for (const Text& text : end.values<Text>()) (void)text' 'only a trivially copyable type travels as its bytes'
refused 'int number = 1; end.write(&number)' 'an address means nothing in the other process'
refused 'end.write(nullptr)' 'an address means nothing in the other process'
refused 'end.read<const char*>()' 'an address means nothing in the other process'
refused 'end.read<NoDefault>()' 'needs a default constructor'
refused 'end.read<int[4]>()' 'std::array for an array'
refused 'eshm::Endpoint copy(end)' 'delete'
echo "check_face.sh: what must not compile does not"
