#!/bin/sh
# Builds programs against a build folder of libeshm, without an installation: find_package(ESHM) with ESHM_DIR. They need not be
# told about threads. Also the command line that README and INSTALL.md give for it, as it stands there, with the README's program.
#
#   check_build_tree.sh CMAKE BUILD_DIR
cmake=$1 build=$2
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
consumer=$(cd "$(dirname "$0")/consumer" && pwd)

quietly "$cmake" -S "$consumer" -B "$work/build" "-DESHM_DIR=$build"
grep -qF "ESHM_DIR:PATH=$build" "$work/build/CMakeCache.txt" || grep -qF "ESHM_DIR:UNINITIALIZED=$build" "$work/build/CMakeCache.txt" ||
    fail "another ESHM was found: $(grep ^ESHM_DIR "$work/build/CMakeCache.txt")"
quietly "$cmake" --build "$work/build"
cd "$work/build"
needs c_shared libeshm.so.1
needs cpp_static
meet ./c_shared ./cpp_static
meet ./c_static ./cpp_shared
meet ./c_data ./c_data

root=$(cd "$consumer/../../.." && pwd)
mkdir "$work/by_hand"
cd "$work/by_hand"
ln -s "$root/include" include
ln -s "$build" build
awk '/^```cpp$/ { on = 1; next } /^```$/ { if (on) exit } on' "$root/README.md" >app.c
by_hand() { sed -n 's/.*\(cc app\.c -Iinclude [^`#]*-lrt\).*/\1/p' "$1"; }
command=$(by_hand "$root/README.md")
[ -n "$command" ] || fail "the README says no command line for the build tree"
[ "$command" = "$(by_hand "$root/docs/INSTALL.md")" ] || fail "INSTALL.md has another command line than the README"
quietly sh -c "$command -o app"
ldd app | grep -qF "$PWD/build/libeshm.so.1" || fail "made by hand it does not find the library: $(ldd app)"
