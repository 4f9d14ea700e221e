#!/bin/sh
# build_shared_lib.sh leaves a CMake build's library as it is, and elsewhere makes the same one.
#
#   check_one_build.sh BUILD_DIR SOURCE_DIR CHECK_EXPORTS_ARGUMENT...
#
# BUILD_DIR is a build of libeshm: what cargo made there is taken over.
build=$1 source=$2
shift 2
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
unset ESHM_MAX_DATA_SIZE ESHM_HEARTBEAT_INTERVAL_MS

sum() { cksum <"$build/libeshm.so"; }
before=$(sum)
quietly "$source/py_compat/build_shared_lib.sh" "$build"
[ "$(sum)" = "$before" ] || fail "another library is in $build than before"
! ESHM_MAX_DATA_SIZE=77 "$source/py_compat/build_shared_lib.sh" "$build" >"$work/log" 2>&1 || fail "another capacity was accepted"
grep -q "set it there: cmake -DESHM_MAX_DATA_SIZE=77" "$work/log" || { cat "$work/log"; fail "the way to another capacity is not named"; }

# setting NAME: as the build has it.
setting() { sed -n "s/^$1:STRING=//p" "$build/CMakeCache.txt"; }
cp -a "$build/cargo" "$work/cargo"
for round in first second; do
    quietly env "CARGO_TARGET_DIR=$work/cargo" "ESHM_MAX_DATA_SIZE=$(setting ESHM_MAX_DATA_SIZE)" \
        "ESHM_HEARTBEAT_INTERVAL_MS=$(setting ESHM_HEARTBEAT_INTERVAL_MS)" "$source/py_compat/build_shared_lib.sh" "$work/a folder"
    [ -f "$work/a folder/libeshm.so" ] && [ -L "$work/a folder/libeshm.so" ] || fail "the $round run made no library"
done
"$source/cpp_tests/check_exports.sh" "$source/include" "$work/a folder/libeshm.so" "$@" || fail "the two libraries differ"
# The same code, to the byte.
for library in "$build/libeshm.so" "$work/a folder/libeshm.so"; do
    objcopy --dump-section .text="$work/text.$(basename "$(dirname "$library")" | tr -d ' ')" "$library" /dev/null
done
set -- "$work"/text.*
cmp "$@" || fail "the code of the two libraries differs"

# What a compiler's or a linker's own files bring along is not exported.
echo 'int brought_along(void) { return 1; }' >"$work/more.c"
quietly cc -fPIC -c -o "$work/more.o" "$work/more.c"
quietly env "LDFLAGS=$work/more.o" "CARGO_TARGET_DIR=$work/cargo" "ESHM_MAX_DATA_SIZE=$(setting ESHM_MAX_DATA_SIZE)" \
    "ESHM_HEARTBEAT_INTERVAL_MS=$(setting ESHM_HEARTBEAT_INTERVAL_MS)" "$source/scripts/build_library.sh" "$work/more.so"
readelf --syms --wide "$work/more.so" | grep -q 'LOCAL.* brought_along$' || fail "what is linked along is exported, or missing"
