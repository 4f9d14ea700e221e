#!/usr/bin/env bash
# Prints the instructions that one eshm_write and one eshm_read_ex that finds a message execute, counted by callgrind. Unlike
# times these are the same in every run of the same build, whatever else the machine does.
# usage: count_instructions.sh [BUILD_DIR]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-build}
[ "${build#/}" = "$build" ] && build=$root/$build
if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: valgrind is not installed"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gcc -O2 -I"$root/include" -I"$build/include" "$root/bench/instructions.c" -L"$build" -leshm -Wl,-rpath,"$build" -o "$work/calls"

# count SIZE CALLS: instructions of a function, its callees included, by the profile of a run with so many calls of each.
count() {
    valgrind --tool=callgrind --callgrind-out-file="$work/$2.$1" --toggle-collect="$3" "$work/calls" "$1" "$2" >/dev/null 2>&1
    sed -n 's/^summary: //p' "$work/$2.$1"
}
printf '%-24s%12s\n' '' instructions
for size in 8 32 256 4096; do
    for function in eshm_write eshm_read_ex; do
        # The difference of two runs: what only the first calls do is in both.
        few=$(count "$size" 100 "$function")
        many=$(count "$size" 1100 "$function")
        printf '%-24s%12d\n' "$function, $size bytes" $(((many - few) / 1000))
    done
done
