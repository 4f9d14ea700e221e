#!/bin/sh
# Packs cargo's static library into one object that defines the functions of the C headers and nothing else: any other symbol
# of it, and of the Rust standard library inside, becomes local. Two Rust libraries then fit into one program.
#
#   pack_object.sh IN.a OUT.o
#
# Needs GNU binutils; LD, READELF and OBJCOPY choose others than the ones in PATH.
set -eu

[ $# -eq 2 ] || { echo "usage: $0 IN.a OUT.o" >&2; exit 2; }
in=$1 out=$2
: "${LD:=ld}" "${READELF:=readelf}" "${OBJCOPY:=objcopy}"
# Another linker may not know how to dissolve section groups.
case $("$LD" --version) in
    "GNU ld"*) ;;
    *) LD=ld.bfd ;;
esac
command -v "$LD" >/dev/null || { echo "$0: there is no GNU ld; on Debian: apt-get install binutils" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The C functions are the names that Rust did not mangle and that begin with one of the headers' prefixes. readelf, as nm
# hands an object with LLVM bitcode in it to an installed LLVM plugin of another version, and then sees nothing.
"$READELF" --syms --wide "$in" |
    awk '$4 == "FUNC" && $5 == "GLOBAL" && $7 != "UND" && $8 ~ /^(eshm|dh)_/ { print $8 }' | sort -u >"$work/keep"
[ -s "$work/keep" ] || { echo "$0: no eshm_ functions in $in" >&2; exit 1; }

# One object of all that the functions reach. Section groups are dissolved: a linker would drop ours in favour of a group of
# the same name in another Rust library, together with the local symbols that we refer to.
# shellcheck disable=SC2046
"$LD" -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$work/keep") -o "$work/eshm.o" "$in"

# Functions keep their names, for profilers and debuggers. --strip-unneeded also drops the weak references of discarded code,
# which ld leaves as local ones and objcopy would make strong.
"$READELF" --syms --wide "$work/eshm.o" | awk '$4 == "FUNC" && $7 != "UND" { print $8 }' | sort -u >"$work/functions"
"$OBJCOPY" --keep-global-symbols="$work/keep" --strip-unneeded --keep-symbols="$work/functions" \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/eshm.o"
mkdir -p "$(dirname "$out")"
mv -f "$work/eshm.o" "$out"
