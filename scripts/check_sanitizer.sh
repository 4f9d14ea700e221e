#!/usr/bin/env bash
# Runs the two-process tests, and the unit tests of the library, with everything, the Rust standard library too, built for a
# sanitizer. Any report of any process fails: they are collected in files, so that no test and no killed peer can hide one.
# usage: check_sanitizer.sh address|thread [TEST...]
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
sanitizer=$1
shift
target=$(rustc -vV | sed -n 's/^host: //p')
folder=$root/target/sanitize-$sanitizer

no_memory="it leaves the sanitizer no memory" own_calls="it has the sanitizer's own calls fail"
case $sanitizer in
    address)
        symbol=__asan_init
        unleaked=(
            # Their child ends by exit(3), where the leak check runs without the threads that held what it finds.
            a_childs_exit_neither_marks_the_peer_dead_nor_unlinks
            a_forked_childs_exit_does_not_drop_its_parents_lock
            a_child_that_closes_what_it_inherited_lets_its_parent_keep_all_locks
            # What stands in the way of a handle's end keeps its memory, as these see.
            endpoint::close::tests::a_read_that_does_not_return_in_time_finds_all_as_it_was
            endpoint::close::tests::a_thread_that_holds_the_handle_for_ever_keeps_its_memory_and_not_its_side
            endpoint::close::tests::who_has_lost_its_side_to_another_does_not_end_that_ones_when_its_lock_is_held_for_ever
        )
        never=(
            "a_failing_system_call_is_a_refusal_or_is_done_without: $own_calls"
            "where_nothing_can_be_mapped_in_its_place_the_file_stays: $no_memory"
            "addresses_that_a_failed_move_has_unmapped_are_kept_from_others: the sanitizer maps memory at addresses that are free"
            "a_message_that_memory_does_not_suffice_for_does_not_end_the_dispatcher: $no_memory"
            "what_is_mapped_unfilled_is_locked_as_it_is_used: the sanitizer locks no memory"
            "what_is_detached_is_locked_no_more: the sanitizer locks no memory"
        )
        ;;
    thread)
        symbol=__tsan_init
        counts="it counts the threads of its process, and the sanitizer has one of its own"
        never=(
            "nothing_over_many_handles_opened_and_closed: $counts"
            "there_is_one_for_any_number_of_handles_and_it_goes_with_the_last: $counts"
            "a_thread_that_reads_flat_out_beats_for_it_and_lets_it_sleep: $counts"
            "a_failing_system_call_is_a_refusal_or_is_done_without: $own_calls"
            "closed_handles_keep_neither_addresses_nor_locked_memory_of_their_messages: it counts mappings, and the sanitizer adds some"
            "where_nothing_can_be_mapped_in_its_place_the_file_stays: $no_memory"
            "a_message_that_memory_does_not_suffice_for_does_not_end_the_dispatcher: $no_memory"
            "no_memory_for_the_mapping_is_a_refusal: $no_memory"
            "no_memory_for_the_service_thread_is_a_refusal: $no_memory"
            "what_is_mapped_unfilled_is_locked_as_it_is_used: the sanitizer locks no memory"
            "what_is_detached_is_locked_no_more: the sanitizer locks no memory"
        )
        unleaked=()
        ;;
    *) echo "FAILED: no sanitizer '$sanitizer'"; exit 2 ;;
esac
case $target in
    x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
    *) echo "SKIPPED: no $sanitizer sanitizer for $target"; exit 0 ;;
esac
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED: no nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi
if ! [ -d "$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library" ]; then
    echo "SKIPPED: no source of the standard library (rustup component add --toolchain nightly rust-src)"
    exit 0
fi

# Without optimisation the processes are so slow that the tests' bounds would say more about that than about the library.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 RUSTFLAGS="-Zsanitizer=$sanitizer --cfg eshm_sanitize"
if ! built=$(cd "$root" && cargo +nightly test --no-run -p eshm -p eshm-processes --lib --bins --tests -Zbuild-std \
    --target "$target" --target-dir "$folder" 2>&1); then
    echo "$built"
    echo "FAILED: the build with the $sanitizer sanitizer"
    exit 1
fi
mapfile -t programs < <(sed -nE 's|.*Executable .*\((.*)\)$|\1|p' <<<"$built" | grep -v '/c_programs-')
[ "${#programs[@]}" -gt 0 ] || { echo "FAILED: cargo built no tests"; exit 1; }
for program in "${programs[@]}" "$folder/$target/debug/peer"; do
    if ! nm "$(cd "$root" && realpath "$program")" | grep " T $symbol\$" >/dev/null; then
        echo "FAILED: $symbol is not in $program"
        exit 1
    fi
done

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# A file that is cut under its users ends them by SIGBUS: tests look for that.
common="log_path=$reports/report:color=never:handle_sigbus=0"
export ASAN_OPTIONS="$common:detect_stack_use_after_return=1:strict_string_checks=1"
export LSAN_OPTIONS="$common"
# A child of a process with threads may start a service thread of its own: tests do that.
export TSAN_OPTIONS="$common:die_after_fork=0:second_deadlock_stack=1:suppressions=$root/scripts/tsan.supp"

passed=0 failed=0 skipped=0
# run PROGRAM ARGUMENT...: runs tests and adds up what became of them.
run() {
    local output code name counts
    name=$(basename "$1" | sed 's/-[0-9a-f]*$//')
    output=$(cd "$root" && "$@" --test-threads=2 2>&1)
    code=$?
    counts=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored.*/\1 \2 \3/p' <<<"$output")
    read -r good bad left <<<"${counts:-0 1 0}" # no result is a failure too
    if [ "$code" -ne 0 ]; then
        echo "FAILED $name (exit $code)"
        tail -n 60 <<<"$output"
        [ "$bad" -gt 0 ] || bad=1
    fi
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
}

printf "SKIPPED: %s\n" "${never[@]}"
never=("${never[@]%%:*}")
skipped=${#never[@]}
for program in "${programs[@]}"; do
    name=$(basename "$program" | sed 's/-[0-9a-f]*$//')
    [ "$#" -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    run "$program" "${never[@]/#/--skip=}" "${unleaked[@]/#/--skip=}"
    [ "${#unleaked[@]}" -gt 0 ] || continue
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 run "$program" "${unleaked[@]}" --exact
done
shopt -s nullglob
files=("$reports"/*)
for file in "${files[@]}"; do
    echo "--- $(basename "$file")"
    head -n 80 "$file"
done
echo "$passed tests passed, $failed failed, $skipped skipped, ${#files[@]} processes with reports; $symbol in ${#programs[@]} test programs and the peer"
[ "$failed" -eq 0 ] && [ "${#files[@]}" -eq 0 ] && [ "$passed" -gt 0 ]
