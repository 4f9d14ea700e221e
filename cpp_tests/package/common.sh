# For the scripts beside this one: sourced, with $work set to a folder of the script's own, which is removed at the end.
# shellcheck shell=sh
set -eu
: "${work:?}"
script=${0##*/}
channel=package_$$ # the name that the programs meet under
trap 'rm -rf "$work" "/dev/shm/eshm_$channel"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "$script: $*"
    exit 1
}

# Prints what a step said, if it failed.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "failed: $*"; }
}

# meet PROGRAM PROGRAM: two processes, each of which hears the other.
meet() {
    timeout 30 "$1" $channel >"$work/first" 2>&1 &
    first=$!
    timeout 30 "$2" $channel >"$work/second" 2>&1 || { cat "$work/second"; kill $first 2>/dev/null || :; fail "$2 did not hear $1"; }
    wait $first || { cat "$work/first"; fail "$1 did not hear $2"; }
}

# needs PROGRAM LIBRARY: the loader is told to look for it. needs PROGRAM: for none of ours.
needs() {
    readelf --dynamic --wide "$1" >"$work/dynamic"
    if [ $# -eq 1 ]; then
        ! grep NEEDED "$work/dynamic" | grep eshm || fail "$1 needs a library of ours"
    else
        grep NEEDED "$work/dynamic" | grep -qF "[$2]" || fail "$1 does not need $2"
    fi
}

# skip_without PROGRAM...: skips the check aloud (77 is ctest's code for that) unless all are there.
skip_without() {
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "SKIPPED: no $program"; exit 77; }
    done
}
