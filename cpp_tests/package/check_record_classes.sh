#!/bin/sh
# libeshm_data.so.1 exports the symbols of its list and no others, and a C++ program of an earlier release that uses each of them
# runs, all of them bound at its start; linked to libeshm.a too.
#
#   check_record_classes.sh LIBRARY_DIR ABI_LIST CXX
libraries=$1 list=$2 cxx=$3
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
sources=$(cd "$(dirname "$0")" && pwd)

export LC_ALL=C
grep -v '^#' "$list" | sort >"$work/listed"
grep ' FUNC$' "$work/listed" | cut -d' ' -f1 >"$work/functions"
[ "$(wc -l <"$work/functions")" -eq 65 ] || fail "$list has $(wc -l <"$work/functions") functions, not the 65 of releases 1.0 to 1.2"
# shellcheck disable=SC2016
readelf --dyn-syms --wide "$libraries/libeshm_data.so.1" |
    awk '$5 ~ /^(GLOBAL|WEAK|UNIQUE)$/ && $6 == "DEFAULT" && $7 ~ /^[0-9]/ { print $8, $4 }' | sort >"$work/exported"
diff -u "$work/listed" "$work/exported" >"$work/log" || { cat "$work/log"; fail "libeshm_data.so.1 exports other symbols than listed"; }
readelf --syms --wide "$libraries/libeshm.a" |
    awk '$4 == "FUNC" && $5 == "GLOBAL" && $7 ~ /^[0-9]/ && $8 ~ /^_Z/ { print $8 }' | sort >"$work/archived"
diff -u "$work/functions" "$work/archived" >"$work/log" || { cat "$work/log"; fail "libeshm.a has other C++ functions"; }

cd "$work"
quietly "$cxx" -std=c++17 -Wall -Wextra -Werror -c "$sources/released_records.cpp" -o program.o
nm -u program.o | awk '{ print $2 }' | sort >undefined
missing=$(comm -23 functions undefined)
[ -z "$missing" ] || fail "the program does not need $missing"
quietly "$cxx" program.o -o program -L "$libraries" -leshm_data
quietly "$cxx" program.o -o program_static "$libraries/libeshm.a" -pthread -lrt -ldl -lm
needs program libeshm_data.so.1
LD_LIBRARY_PATH=$libraries LD_BIND_NOW=1 quietly ./program
quietly ./program_static
# Whoever loads it finds the functions of C too.
python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1]).dh_create' "$libraries/libeshm_data.so.1" || fail "no dh_create by way of it"
