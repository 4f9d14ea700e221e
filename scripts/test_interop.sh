#!/usr/bin/env bash
# C++ and Python programs talk to each other in all four pairings; the content is checked in both directions.
#
#     ./scripts/test_interop.sh
#
# BUILD_DIR   where eshm_demo and libeshm.so are (default: build)
# PYTHON      the interpreter (default: python3)
# TIMEOUT_S   how long to wait for any one event (default: 20)
#
# It ends only what it started, and uses and removes only channels of its own.
set -uo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "${BUILD_DIR:-$root/build}" 2>/dev/null && pwd) || build=${BUILD_DIR:-$root/build}
python=${PYTHON:-python3}
timeout_s=${TIMEOUT_S:-20}
prefix=interop_$$_$RANDOM
messages=10  # the C++ demo prints so many one by one

if [[ -z ${ESHM_LIB:-} && -f $build/libeshm.so ]]; then
    export ESHM_LIB=$build/libeshm.so  # both languages with the library under test
fi

declare -A ready=(  # the line that says "attached"
    [cpp-master]='^\[MASTER\] Initialized with role: MASTER'
    [cpp-slave]='^\[SLAVE\] (Initialized|Received)'
    [python-master]='^Initialized as MASTER$'
    [python-slave]='^Initialized as SLAVE$'
)
declare -A greeting=([cpp]='Hello from master' [python]='Hello from Python master')
declare -A answer=([cpp]='ACK from slave' [python]='ACK from Python slave')
declare -A counted=([cpp]=0 [python]=1)  # whether the printed size includes the NUL

logs=$(mktemp -d)
pids=()
reason=''
passed=0
failed=0

clean_up() {
    local pid
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$logs"
    rm -f "/dev/shm/eshm_${prefix}"_*
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# start KEY CHANNEL: runs a program with its output in a log; its pid is in $started.
start() {
    local -a command
    case $1 in
        cpp-*) command=("$build/eshm_demo" "${1#cpp-}") ;;
        python-*) command=(env "PYTHONPATH=$root/py" "$python" "$root/py/examples/simple_${1#python-}.py") ;;
    esac
    : >"$logs/$1"  # here, because the background process may come to it late
    "${command[@]}" "$2" >"$logs/$1" 2>&1 </dev/null &
    started=$!
    pids+=("$started")
}

forget() {
    local pid kept=()
    for pid in "${pids[@]}"; do
        [[ $pid == "$1" ]] || kept+=("$pid")
    done
    pids=("${kept[@]}")
}

# await WHAT PID COMMAND...: until the command succeeds; fails if the process ends before, or the time is up.
await() {
    local what=$1 pid=$2 deadline=$((SECONDS + timeout_s)) over=''
    shift 2
    until "$@"; do
        if [[ -n $over ]]; then
            reason="$what: $over"
            return 1
        fi
        kill -0 "$pid" 2>/dev/null || over='the program ended before'  # one more look: its last words count
        ((SECONDS < deadline)) || over="not within $timeout_s s"
        sleep 0.05
    done
}

has_lines() { # COUNT PATTERN LOG
    (($(grep -cE -- "$2" "$logs/$3") >= $1))
}

ended() {
    ! kill -0 "$1" 2>/dev/null
}

# stop WHO PID SIGNAL: the program must end by itself with exit code 0.
stop() {
    local code
    kill "-$3" "$2" 2>/dev/null
    await "$1 after SIG$3" $$ ended "$2" || return 1
    wait "$2"
    code=$?
    forget "$2"
    if ((code != 0)); then
        reason="$1 ended with exit code $code after SIG$3"
        return 1
    fi
}

# numbers_of PATTERN LOG: the numbers after "#" in the lines that match.
numbers_of() {
    grep -E -- "$1" "$logs/$2" | sed -E 's/.*#([0-9]+)$/\1/'
}

# ascending WHO PATTERN LOG: no value comes twice or out of order.
ascending() {
    local number previous=-1
    for number in $(numbers_of "$2" "$3"); do
        if ((number <= previous)); then
            reason="$1 got #$number after #$previous"
            return 1
        fi
        previous=$number
    done
}

# sizes_fit SLAVE_LANGUAGE LOG: the printed size is that of the printed text.
sizes_fit() {
    local line size text
    while IFS= read -r line; do
        size=${line#*(} size=${size%% *} text=${line#*: }
        if ((size != ${#text} + ${counted[$1]})); then
            reason="wrong size in: $line"
            return 1
        fi
    done < <(grep -E '^\[SLAVE\] Received \(' "$logs/$2")
}

converse() { # MASTER_LANGUAGE SLAVE_LANGUAGE CHANNEL
    local master=$1-master slave=$2-slave master_pid slave_pid
    local heard="^\\[SLAVE\\] Received \\([0-9]+ bytes\\): ${greeting[$1]} #[0-9]+$"
    local sent="^\\[MASTER\\] Sent: ${greeting[$1]}"
    local replied="^\\[MASTER\\] Received: ${answer[$2]} #[0-9]+$"

    start "$master" "$3"
    master_pid=$started
    await "master's start" "$master_pid" has_lines 1 "${ready[$master]}" "$master" || return 1
    start "$slave" "$3"
    slave_pid=$started
    await "slave's start" "$slave_pid" has_lines 1 "${ready[$slave]}" "$slave" || return 1

    await "master's first message" "$master_pid" has_lines 1 "$sent #0$" "$master" || return 1
    await "messages at the slave" "$slave_pid" has_lines $messages "$heard" "$slave" || return 1
    await "slave's first answer" "$slave_pid" has_lines 1 "^\\[SLAVE\\] Sent: ${answer[$2]} #0$" "$slave" || return 1
    await "answers at the master" "$master_pid" has_lines $messages "$replied" "$master" || return 1

    ascending slave "$heard" "$slave" && ascending master "$replied" "$master" && sizes_fit "$2" "$slave" || return 1

    stop slave "$slave_pid" INT && stop master "$master_pid" TERM || return 1
    if [[ -e /dev/shm/eshm_$3 ]]; then
        reason="the master left /dev/shm/eshm_$3 behind"
        return 1
    fi
}

show() { # LOG
    [[ -f $logs/$1 ]] || return 0  # not started
    echo "    --- $1 (first 30 lines)"
    head -n 30 "$logs/$1" | sed 's/^/    | /'
}

run() { # TITLE MASTER_LANGUAGE SLAVE_LANGUAGE
    printf '%-32s ' "$1"
    if converse "$2" "$3" "${prefix}_$2_$3"; then
        echo "ok    $(grep -cE '^\[SLAVE\] Received \(' "$logs/$3-slave") messages and" \
            "$(grep -c '^\[MASTER\] Received: ' "$logs/$2-master") answers checked"
        passed=$((passed + 1))
    else
        echo "FAIL  $reason"
        show "$2-master"
        show "$3-slave"
        failed=$((failed + 1))
        local pid
        for pid in "${pids[@]}"; do
            kill -KILL "$pid" 2>/dev/null
            wait "$pid" 2>/dev/null
        done
        pids=()
    fi
    rm -f "$logs"/*
}

missing() {
    echo "test_interop.sh: $*" >&2
    exit 2
}
[[ -x $build/eshm_demo ]] || missing "no $build/eshm_demo: build it with CMake, or set BUILD_DIR"
[[ -f ${ESHM_LIB:-} ]] || missing "no libeshm.so in $build: build it, or set BUILD_DIR or ESHM_LIB"
command -v "$python" >/dev/null || missing "no $python: set PYTHON"

echo "Interoperability of C++ and Python over ESHM"
run "C++ master, Python slave" cpp python
run "Python master, C++ slave" python cpp
run "C++ master, C++ slave" cpp cpp
run "Python master, Python slave" python python
echo "$passed passed, $failed failed"
((failed == 0))
