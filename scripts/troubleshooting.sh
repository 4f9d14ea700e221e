#!/usr/bin/env bash
# Writes docs/TROUBLESHOOTING.md: a session at the terminal, as it is now. Runs the demo, kills it, and looks. Where it is permitted
# in a /dev/shm of its own: other segments would show too.
# usage: troubleshooting.sh [BUILD_DIR]; eshmctl is built if need be.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${ESHM_OWN_SHM:-}" ] && unshare --mount mount -t tmpfs tmpfs /dev/shm 2>/dev/null; then
    # shellcheck disable=SC2016
    ESHM_OWN_SHM=1 exec unshare --mount sh -c 'mount -t tmpfs tmpfs /dev/shm && exec "$0" "$@"' "scripts/${0##*/}" "$@"
fi

build=${1:-build}
cargo build --release --quiet --package eshmctl
ctl=target/release/eshmctl
export ESHM_LOG=off NO_COLOR=1 COLUMNS=100
out=docs/TROUBLESHOOTING.md
demo=()
trap 'kill -9 "${demo[@]}" 2>/dev/null || true; rm -f /dev/shm/eshm_robot_arm' EXIT

say() { printf '%s\n' "$@" >>"$out"; }
# Shows a command and what it prints.
session() {
    say '```console' "\$ $*"
    local words=("$@")
    [ "${words[0]}" = eshmctl ] && words[0]=$ctl
    { "${words[@]}" 2>&1 || true; } | sed -E "s|$PWD/||g" >>"$out"
    say '```' ''
}
start() {
    "$build/eshm_demo" "$1" robot_arm >/dev/null 2>&1 &
    demo+=($!)
}
await() {
    for _ in $(seq 100); do
        if { $ctl list --over 20 || true; } | grep -qE "$1"; then return; fi
        sleep 0.1
    done
    echo "in vain: $1" >&2
    exit 1
}

cat >"$out" <<'EOF'
# Troubleshooting

Written by `scripts/troubleshooting.sh` from what the commands print. `eshmctl` is in `tools/eshmctl` (`cargo install --path
tools/eshmctl`); its README lists all commands.

| instead of | type |
|---|---|
| `ls -la /dev/shm \| grep eshm` | `eshmctl list`, `eshmctl show NAME` |
| `rm -f /dev/shm/eshm_*` | `eshmctl clean`: it removes only what nobody uses |
| `ps aux \| grep eshm`, `killall -9` | `eshmctl list` names both processes of each segment |
| adding prints to either program | `eshmctl watch NAME`: takes no value from its reader |
| guessing | `eshmctl doctor NAME` |

## A slave does not find its master

Both sides must use the same name, letter by letter, and the master comes first.

EOF
start master
await 'robot_arm .*eshm_demo'
session eshmctl doctor robot-arm
say '## Who is there, and what do they exchange?' ''
start slave
await 'robot_arm .*eshm_demo.*eshm_demo'
session eshmctl list
session eshmctl show robot_arm
session eshmctl watch robot_arm --count 4
say '## One side was killed' '' '`kill -9` of the master; the slave waits for the next one by itself.' ''
kill -9 "${demo[0]}"
wait "${demo[0]}" 2>/dev/null || true
await 'robot_arm .*dead'
session eshmctl show robot_arm
say '## Both were killed' '' 'What they leave behind does no harm: a master that starts replaces it. It can be removed all the same.' ''
kill -9 "${demo[1]}"
wait "${demo[1]}" 2>/dev/null || true
await 'robot_arm .*orphan'
session eshmctl list
session eshmctl clean --yes robot_arm
say '## Where does the time go?' '' '`eshmctl top` shows rates, heartbeats, missed values and processor time of every pair, live:' ''
demo=()
start master
await 'robot_arm .*eshm_demo'
start slave
await 'robot_arm .*eshm_demo.*eshm_demo'
$ctl top --svg docs/top.svg
say '![eshmctl top](top.svg)' '' '`eshmctl bench` measures the machine and a pair on it; `ping` and `echo` measure one segment of yours.' ''
session eshmctl bench --for 4
kill -INT "${demo[@]}"
wait "${demo[@]}" 2>/dev/null || true
demo=()
sed -i -e :a -e '/^\n*$/{$d;N;ba' -e '}' "$out" # no empty lines at the end
echo "written: $out, docs/top.svg"
