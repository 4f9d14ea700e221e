#!/bin/sh
# Builds programs against a build folder of libeshm, without an installation: find_package(ESHM) with ESHM_DIR. They need not be
# told about threads.
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
