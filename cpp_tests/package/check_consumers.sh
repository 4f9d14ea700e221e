#!/bin/sh
# Builds programs against an installed libeshm with one compiler and runs them in pairs: C and C++, shared and static, by way
# of find_package(ESHM) and of pkg-config; also the README's program for C++17. EXAMPLE is the folder of the example that does
# the former.
#
#   check_consumers.sh CMAKE PREFIX EXAMPLE CC CXX
cmake=$1 prefix=$2 example=$3 cc=$4 cxx=$5
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
consumer=$(cd "$(dirname "$0")/consumer" && pwd)
readme=$(cd "$(dirname "$0")/../.." && pwd)/README.md

skip_without "$cc" "$cxx"
CC=$cc CXX=$cxx CMAKE_PREFIX_PATH=$prefix
export CC CXX CMAKE_PREFIX_PATH
quietly "$cmake" -S "$consumer" -B "$work/cmake"
grep -qF "ESHM_DIR:PATH=$prefix/" "$work/cmake/CMakeCache.txt" || fail "another ESHM was found: $(grep ^ESHM_DIR "$work/cmake/CMakeCache.txt")"
quietly "$cmake" --build "$work/cmake"
cd "$work/cmake"
for program in c_shared c_data cpp_shared; do
    needs "$program" libeshm.so.1
done
needs c_static
needs cpp_static
meet ./c_shared ./cpp_static
meet ./cpp_shared ./c_static
meet ./c_data ./c_data

quietly "$cmake" -S "$example" -B "$work/example"
quietly "$cmake" --build "$work/example"
meet "$work/example/hello" "$work/example/hello_static"

skip_without pkg-config
cd "$work"
libraries=$(dirname "$(find "$prefix" -name libeshm.a)")
PKG_CONFIG_PATH=$libraries/pkgconfig
export PKG_CONFIG_PATH
pkg-config --exact-version="$(basename "$libraries"/libeshm.so.1.*.* | cut -d . -f 3-)" eshm || fail "eshm.pc has another version"
for flag in -pthread -lrt; do
    pkg-config --libs eshm | grep -qw -e "$flag" || fail "eshm.pc does not bring $flag"
done
# shellcheck disable=SC2046
compile() {
    quietly "$1" $2 "$3" -o "$4" $(pkg-config --cflags eshm) $5
}
shared="$(pkg-config --libs eshm) -Wl,-rpath,$libraries"
# As a build would that wants everything of ours inside: the other libraries stay shared.
static="$(pkg-config --libs --static eshm | sed 's/-leshm/-l:libeshm.a/')"
compile "$cc" -std=c11 "$consumer/consumer.c" c_shared "$shared"
compile "$cc" -std=c11 "$consumer/consumer.c" c_static "$static"
compile "$cxx" -std=c++17 "$consumer/consumer.cpp" cpp_shared "$shared"
compile "$cxx" -std=c++17 "$consumer/consumer.cpp" cpp_static "$static"
# The README's program for C++17, as it stands there but for the channel's name.
awk '$0 == "```cpp" { on = ++block == 2; next } /^```$/ { on = 0 } on' "$readme" | sed "s/\"robot\"/\"$channel\"/" >readme.cpp
grep -q 'eshm\.hpp' readme.cpp && grep -q "\"$channel\"" readme.cpp || fail "the README has no second program in C++"
compile "$cxx" "-std=c++17 -Wall -Wextra -Werror" readme.cpp readme "$shared"
compile "$cxx" -std=c++17 "$consumer/pose.cpp" pose "$shared"
meet ./pose ./readme
meet ./readme ./pose
# Where there is a static C library: nothing shared at all.
echo 'int main(void) { return 0; }' >plain.c
if "$cc" -static plain.c -o plain >log 2>&1; then
    compile "$cc" -static "$consumer/consumer.c" c_alone "$(pkg-config --libs --static eshm)"
    meet ./c_alone ./c_shared
else
    echo "SKIPPED: $cc cannot link without shared libraries here"
fi
needs c_shared libeshm.so.1
needs cpp_shared libeshm.so.1
needs c_static
needs cpp_static
meet ./c_shared ./cpp_static
meet ./cpp_shared ./c_static
