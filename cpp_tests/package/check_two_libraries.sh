#!/bin/sh
# Links libeshm.a and another Rust static library into one program, all of both, in either order, and runs it.
#
#   check_two_libraries.sh PREFIX CC RUSTC
prefix=$1 cc=$2 rustc=$3
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
sources=$(cd "$(dirname "$0")" && pwd)

ours=$(find "$prefix" -name libeshm.a)
cd "$work"
quietly "$rustc" --edition 2024 --crate-type staticlib -C opt-level=1 -o libother.a "$sources/other.rs"
# The record classes of libeshm.a are C++: with all of it, a program needs that library too.
cxx_library=
! nm "$ours" 2>/dev/null | grep -q _ZN12shm_protocol11DataHandlerC1Ev || cxx_library=-lstdc++
for order in "$ours libother.a" "libother.a $ours"; do
    # All of both, not only what resolves a symbol: where both define one, the linker has to say so.
    # shellcheck disable=SC2086
    quietly "$cc" -std=c11 -I "$prefix/include" "$sources/two_libraries.c" -o program \
        -Wl,--whole-archive $order -Wl,--no-whole-archive $cxx_library -pthread -lrt -lm -ldl
    quietly timeout 30 ./program $channel
done
