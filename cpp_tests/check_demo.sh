#!/bin/sh
# Runs eshm_demo as the testing guide does: a master, then a slave; checks the lines of both, that they end at once and
# cleanly on SIGTERM and SIGINT, and that nothing stays behind.
#
#   check_demo.sh EXECUTABLE
set -eu
demo=$1
name=demo_check_$$
work=$(mktemp -d)
master='' slave=''

clean_up() {
    [ -z "$master" ] || kill -KILL "$master" 2>/dev/null || true
    [ -z "$slave" ] || kill -KILL "$slave" 2>/dev/null || true
    rm -rf "$work" "/dev/shm/eshm_$name"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "check_demo: $1"
    for log in "$work"/*; do echo "--- $(basename "$log")" && head -n 40 "$log"; done
    exit 1
}
# until_line FILE TEXT: the line turns up within 20 s.
until_line() {
    tries=0
    until grep -qs "$2" "$work/$1"; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || fail "no line '$2' in $1"
        sleep 0.05
    done
}
# ends_well PID WHO: it ends with status 0; ctest's time limit is for one that does not end.
ends_well() {
    wait "$1" || fail "$2 ended with status $?"
}

status=0
"$demo" nonsense 2>"$work/usage" || status=$?
[ $status -eq 2 ] || fail "status $status for a wrong argument"
status=0
"$demo" slave "$name" >"$work/alone" 2>&1 || status=$?
[ $status -eq 1 ] || fail "status $status for a slave without a master"

"$demo" master "$name" >"$work/master" 2>&1 &
master=$!
until_line master '^\[MASTER\] Sent: Hello from master #0$'
"$demo" slave "$name" >"$work/slave" 2>&1 &
slave=$!
until_line slave '^\[SLAVE\] Received ([0-9]* bytes): Hello from master #[0-9]*$'
until_line slave '^\[SLAVE\] Sent: ACK from slave #9$'
until_line master '^\[MASTER\] Received: ACK from slave #[0-9]*$'
until_line master '^\[MASTER\] Total: '
until_line master '^\[MASTER\] Slave is there$'
for line in '[MASTER] Starting high-performance master process...' '[MASTER] Initialized with role: MASTER'; do
    grep -qFx "$line" "$work/master" || fail "no line '$line' in master"
done
grep -qFx '[SLAVE] Starting high-performance slave process...' "$work/slave" || fail 'no first line in slave'
[ "$(grep -c Sent: "$work/master")" -eq 10 ] || fail 'not just the first ten messages'

# The master crashes; the slave says so, and finds the next one.
kill -KILL $master
wait $master 2>/dev/null || true
until_line slave '^\[SLAVE\] Master is lost$'
"$demo" auto "$name" >"$work/auto" 2>&1 &
master=$!
until_line auto '^\[MASTER\] Initialized with role: MASTER$'
until_line slave '^\[SLAVE\] Master is back$'
until_line auto '^\[MASTER\] Slave is there$'

kill -INT $slave
ends_well $slave slave
slave=''
until_line auto '^\[MASTER\] Slave is lost$'
kill -TERM $master
ends_well $master master
master=''
[ ! -e "/dev/shm/eshm_$name" ] || fail 'the segment is still there'
