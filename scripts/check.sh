#!/usr/bin/env bash
# Runs every checker, two at a time, and prints one line for each as it ends and a table at the end. Each is a target of make,
# its result the last line that it prints, its whole log in build/check/NAME.log. Exits with 1 if any failed.
# usage: check.sh [NAME...]   the steps named, also those that take longer and are not in the whole: mutants
#   CHECK_LIMIT   seconds after which a step that has not ended has failed (600; of those that take longer none)
# How much the random ones do: FUZZ_SECONDS, TORTURE_KILLS, SOAK_SECONDS, SLAVE_KILLS, SLAVE_STOPS, MUTANTS.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export FUZZ_SECONDS=${FUZZ_SECONDS:-30} TORTURE_KILLS=${TORTURE_KILLS:-200} SOAK_SECONDS=${SOAK_SECONDS:-20}
export SLAVE_KILLS=${SLAVE_KILLS:-200} SLAVE_STOPS=${SLAVE_STOPS:-60}
export CARGO_TERM_COLOR=never
limit=${CHECK_LIMIT:-600}
logs=build/check

# Two lanes, one for each core. What goes by way of the same build folder is in one lane.
lanes=("tsan models panics races torture miri advisories" "asan valgrind fuzz soak slaves packages")
long=mutants
known=" ${lanes[*]} $long "
for name in "$@"; do
    [[ $known == *" $name "* ]] || { echo "there is no step '$name' in:$known"; exit 2; }
    [[ " $long " != *" $name "* ]] || lanes[1]+=" $name"
done

mkdir -p "$logs"
rm -f "$logs"/*.log "$logs"/*.result
start=$SECONDS

# step NAME: runs it, writes "NAME|RESULT|SECONDS|SKIPPED LINES|FIGURES" to its .result file, and prints its line.
step() {
    local name=$1 log=$logs/$1.log began=$SECONDS limit=$limit code result figures skipped
    if ! grep -q "^$name:" Makefile; then
        echo "SKIPPED: this tree has no make $name" >"$log"
        code=0
    else
        [[ " $long " != *" $name "* ]] || limit=${CHECK_LIMIT:-0} # 0 is no limit
        timeout --kill-after=10 "$limit" make "$name" >"$log" 2>&1
        code=$?
        [ "$code" -ne 124 ] || echo "FAILED: no end within $limit s" >>"$log"
    fi
    figures=$(grep -vE '^(make(\[[0-9]+\])?: .*|[[:space:]]*)$' "$log" | tail -n 1)
    skipped=$(grep -c '^SKIPPED' "$log")
    result=ok
    [[ $figures != SKIPPED* ]] || result=SKIPPED
    [ "$code" -eq 0 ] || result=FAILED
    figures=${figures#SKIPPED: } figures=${figures#FAILED: }
    echo "$name|$result|$((SECONDS - began))|$skipped|$figures" >"$logs/$name.result"
    printf '%-11s%-8s %s\n' "$name" "$result" "$figures"
}

lane() {
    local name
    for name in $1; do
        [ -z "$2" ] || [[ " $2 " == *" $name "* ]] || continue
        step "$name"
    done
}

# Both lanes use this: not built by both at once.
if ! make build >"$logs/build.log" 2>&1; then
    tail -n 40 "$logs/build.log"
    echo "FAILED: make build"
    exit 1
fi
pids=()
for list in "${lanes[@]}"; do
    lane "$list" "$*" &
    pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null' INT TERM
wait "${pids[@]}"

printf '\n%-11s%-8s%8s%9s  %s\n' step result seconds skipped figures
ok=0 failed=0 skipped=0 ran=0
for name in ${lanes[*]}; do
    [ -f "$logs/$name.result" ] || continue
    IFS='|' read -r name result seconds lines figures <"$logs/$name.result"
    printf '%-11s%-8s%8s%9s  %s\n' "$name" "$result" "$seconds" "$lines" "$figures"
    ran=$((ran + 1))
    case $result in
        ok) ok=$((ok + 1)) ;;
        SKIPPED) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
    esac
done
echo "$ok ok, $failed FAILED, $skipped SKIPPED, in $((SECONDS - start)) s"
for log in "$logs"/*.log; do
    grep -H '^SKIPPED' "$log"
done
if [ "$failed" -gt 0 ] || [ "$ran" -eq 0 ]; then
    echo "see $logs/NAME.log"
    exit 1
fi
