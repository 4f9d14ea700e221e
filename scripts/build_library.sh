#!/bin/sh
# Builds the library for C, C++ and Python, the same for all who ask: CMake, build_shared_lib.sh and the wheel. cargo makes a
# static library, which is packed into one object, which is linked.
#
#   build_library.sh OUT.o [CARGO_ARGUMENT...]     the object that CMake links libeshm.so and libeshm.a from
#   build_library.sh OUT.so [CARGO_ARGUMENT...]    the shared library, linked here
#
# A file that is there and would stay the same is left alone. ESHM_MAX_DATA_SIZE and ESHM_HEARTBEAT_INTERVAL_MS in the
# environment are build settings; CARGO, CC, LDFLAGS, and LD, READELF and OBJCOPY of binutils are as usual.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 OUT.o|OUT.so [CARGO_ARGUMENT...]" >&2; exit 2; }
out=$1
shift
case $out in
    *.o) kind=o ;;
    *.so | *.so.*) kind=so ;;
    *) echo "$0: $out is neither an .o nor an .so" >&2; exit 2 ;;
esac
root=$(cd -P "$(dirname "$0")/.." && pwd)
: "${CARGO:=cargo}" "${CC:=cc}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As a static library alone: the Rust library among the crate types would turn link-time optimisation off.
# What is on the path of a write or a read is inlined by attribute, and takes as many instructions with or without the options
# for LLVM (make instructions). Those take some 65 KB off the rest: calls instead of
# copies, no unrolled loops, no padding in front of functions and loops, no tables of jumps for a few cases.
# cargo is asked where it put the file: environment and configuration can move its target directory.
"$CARGO" rustc --release --lib --package eshm --crate-type staticlib --manifest-path "$root/Cargo.toml" \
    --message-format=json-render-diagnostics "$@" -- \
    -Cllvm-args=--inline-threshold=20 -Cllvm-args=--unroll-threshold=0 \
    -Cllvm-args=--unroll-runtime=0 -Cllvm-args=--tail-dup-placement=0 \
    -Cllvm-args=--align-all-functions=1 -Cllvm-args=--align-loops=1 \
    -Cllvm-args=--min-jump-table-entries=8 >"$work/messages"
archive=$(grep -o '"[^"]*/libeshm\.a"' "$work/messages" | tail -n 1 | tr -d '"') || archive=
[ -f "$archive" ] || { echo "$0: cargo built no libeshm.a" >&2; exit 1; }
"$root/scripts/pack_object.sh" "$archive" "$work/built.o"

if [ $kind = so ]; then
    # shellcheck disable=SC2046,SC2086
    "$CC" -shared -o "$work/built.so" "$work/built.o" -Wl,-soname,libeshm.so.1 $(cat "$root/cmake/link_options.txt") \
        -Wl,--version-script,"$root/cmake/eshm.map" ${LDFLAGS:-} -lgcc_s -lpthread -lrt -lm -ldl
fi
built=$work/built.$kind
mkdir -p "$(dirname "$out")"
# Renamed into place: a process that has the old library mapped keeps it whole.
cmp -s "$built" "$out" || { cp "$built" "$out.$$" && mv -f "$out.$$" "$out"; }
