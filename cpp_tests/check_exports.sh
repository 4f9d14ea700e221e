#!/bin/sh
# Fails unless the shared and the static library define the functions that the headers declare and nothing else, and the
# shared one is what the loader is to find.
#
#   check_exports.sh INCLUDE_DIR libeshm.so.1 libeshm.a [BYTES]
set -eu
include=$1 shared=$2 static=$3 limit=${4:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A declaration begins in the first column, unlike a call or a comment; `static inline` is no export.
grep -hE '^[A-Za-z]' "$include"/*.h | grep -vE '^(static|typedef) ' |
    grep -oE '\b(eshm|dh)_[a-z_]+\(' | tr -d '(' | sort -u >"$work/declared"
[ "$(wc -l <"$work/declared")" -ge 12 ] || { echo "only $(wc -l <"$work/declared") functions found in the headers"; exit 1; }

# Symbols that others can link to: defined, global or weak, and not hidden.
# shellcheck disable=SC2016
visible='$5 ~ /^(GLOBAL|WEAK|UNIQUE)$/ && $6 == "DEFAULT" && $7 != "UND" && $8 !~ /^DW\.ref\./ { sub(/@.*/, "", $8); print $8 }'
readelf --dyn-syms --wide "$shared" | awk "$visible" | sort -u >"$work/shared"
# The C++ record classes have a list of their own (check_record_classes.sh).
readelf --syms --wide "$static" | awk "$visible" | grep -v '^_Z' | sort -u >"$work/static"

status=0
for library in shared static; do
    diff -u --label headers --label "$library library" "$work/declared" "$work/$library" || status=1
done

# What the loader is told: the soname that programs are linked against, that it cannot be unloaded, and little else needed.
readelf --dynamic --wide "$shared" >"$work/dynamic"
grep -q 'SONAME.*\[libeshm.so.1\]' "$work/dynamic" || { echo "the soname is not libeshm.so.1"; status=1; }
grep -q 'FLAGS_1.*NODELETE' "$work/dynamic" || { echo "it can be unloaded (no NODELETE)"; status=1; }
if grep NEEDED "$work/dynamic" | grep -vE '\[(libc|libgcc_s|ld-linux-[a-z0-9_-]+)\.so\.[0-9]+\]'; then
    echo "it needs more than libc, libgcc_s and the loader"
    status=1
fi

grep -q 'BIND_NOW\|FLAGS_1.*NOW' "$work/dynamic" || { echo "its symbols are bound late (no BIND_NOW)"; status=1; }
readelf --program-headers --wide "$shared" >"$work/segments"
grep -q GNU_RELRO "$work/segments" || { echo "its table of addresses stays writable (no RELRO)"; status=1; }
grep -q 'GNU_STACK.* RW ' "$work/segments" || { echo "it asks for an executable stack"; status=1; }

# The packed object: no section group, or another Rust library's of the same name could take its place; functions with their names,
# for profilers.
member=$(ar t "$static" | grep -m 1 '^eshm\.o')
ar p "$static" "$member" >"$work/eshm.o"
readelf --section-groups --wide "$work/eshm.o" | grep -q 'COMDAT' && { echo "$member has section groups"; status=1; }
functions=$(readelf --syms --wide "$work/eshm.o" | awk '$4 == "FUNC" && $5 == "LOCAL" && $7 != "UND"' | wc -l)
[ "$functions" -gt 100 ] || { echo "the functions of $member have lost their names: $functions are left"; status=1; }

# Of an optimised build: its size once stripped.
if [ -n "$limit" ]; then
    size=$(wc -c <"$work/eshm.o")
    [ "$size" -le $((limit * 3)) ] || { echo "$member has $size bytes, over three times $limit"; status=1; }
    strip -o "$work/stripped" "$shared"
    size=$(wc -c <"$work/stripped")
    [ "$size" -le "$limit" ] || { echo "$size bytes stripped, over $limit"; status=1; }
fi
exit $status
