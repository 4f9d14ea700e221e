#!/bin/sh
# Packs cargo's static library so that it defines the functions of the C headers and nothing else: any other symbol of it,
# and of the Rust standard library inside, becomes local. Two Rust static libraries then fit into one program.
#
#   pack_static.sh IN.a OUT.a
#
# Needs binutils; LD, READELF, OBJCOPY and AR choose others than the ones in PATH.
set -eu

[ $# -eq 2 ] || { echo "usage: $0 IN.a OUT.a" >&2; exit 2; }
in=$1 out=$2
: "${LD:=ld}" "${READELF:=readelf}" "${OBJCOPY:=objcopy}" "${AR:=ar}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The C functions are the names that Rust did not mangle and that begin with one of the headers' prefixes. readelf, as nm
# hands an object with LLVM bitcode in it to an installed LLVM plugin of another version, and then sees nothing.
"$READELF" --syms --wide "$in" |
    awk '$4 == "FUNC" && $5 == "GLOBAL" && $7 != "UND" && $8 ~ /^(eshm|dh)_/ { print $8 }' | sort -u >"$work/keep"
[ -s "$work/keep" ] || { echo "$0: no eshm_ functions in $in" >&2; exit 1; }

# One object of all that the functions reach. Section groups are dissolved: a linker would drop ours in favour of a group of
# the same name in another Rust library, together with the local symbols that we refer to. --strip-unneeded also drops the
# weak references of discarded code, which ld leaves as local ones and objcopy would make strong.
# shellcheck disable=SC2046
"$LD" -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$work/keep") -o "$work/eshm.o" "$in"
"$OBJCOPY" --keep-global-symbols="$work/keep" --strip-unneeded \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/eshm.o"

"$AR" rcsD "$work/out.a" "$work/eshm.o"
mkdir -p "$(dirname "$out")"
mv -f "$work/out.a" "$out"
