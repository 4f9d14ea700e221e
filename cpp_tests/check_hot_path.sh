#!/bin/sh
# Fails if eshm_write or eshm_read_ex can panic outside of the panic guard: in an optimised x86-64 build they call nothing of
# the standard library but the function that ends a program whose panic would get past them.
#
#   check_hot_path.sh libeshm.so
set -eu
library=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $(readelf --file-header "$library") in
    *X86-64*) ;;
    *) echo "SKIPPED: the code of another processor than x86-64"; exit 0 ;;
esac
nm "$library" | sed 's/^0*//' >"$work/symbols"
# The slots that indirect calls go through, and where each leads.
readelf --relocs --wide "$library" | awk '{ sub(/^0*/, "", $1) }
    $3 == "R_X86_64_RELATIVE" { print $1, $4 }
    $3 ~ /GLOB_DAT|JUMP_SLOT/ { print $1, $5 }' >"$work/slots"

status=0
for function in eshm_write eshm_read_ex; do
    objdump --disassemble="$function" --no-show-raw-insn "$library" >"$work/code"
    grep -q 'cmpxchg' "$work/code" || { echo "$function: the hot path is not in it"; status=1; }
    # Direct calls by name, indirect ones by their slot.
    sed -nE 's/.*(call|jmp) +[0-9a-f]+ <([^>+]*)>.*/\2/p' "$work/code" >"$work/called"
    for slot in $(sed -nE 's/.*(call|jmp) +\*.*# ([0-9a-f]+) .*/\2/p' "$work/code"); do
        target=$(awk -v slot="$slot" '$1 == slot { print $2 }' "$work/slots")
        name=$(awk -v at="$target" '$1 == at { print $3; exit }' "$work/symbols")
        echo "${name:-${target:-slot $slot}}" >>"$work/called"
    done
    sort -u "$work/called" | while read -r called; do
        case $called in
            "$function" | *panic_cannot_unwind* | *write_guarded* | *read_guarded*) ;; # itself, the door, the guard
            *5write6attend* | *relieve* | *bring_reads* | *drop_kept* | *report_unsound* | *eshm4null*) ;; # of ours, rare, without panics
            *) echo "$function calls $called" ;;
        esac
    done >"$work/others"
    [ ! -s "$work/others" ] || { cat "$work/others"; status=1; }
done
exit $status
