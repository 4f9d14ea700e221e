#!/bin/sh
# Inside the fresh system of check_packages.sh: installs the packages that are beside this file, uses them, removes them.
set -eu
cd "$(dirname "$0")"
names="libeshm1 libeshm-dev python3-eshm eshm-tools"

fail() {
    echo "FAILED: $*"
    exit 1
}
# within SECONDS COMMAND...: until the command succeeds.
within() {
    end=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$end" ] || fail "not in time: $*"
        sleep 0.05
    done
}

find / -xdev -path /root -prune -o -path /proc -prune -o -name '*eshm*' -print >before
[ ! -s before ] || fail "this system is not fresh: $(cat before)"
# No archive is asked: what they depend on is here, or they ask for too much.
DEBIAN_FRONTEND=noninteractive dpkg --install ./*.deb >log 2>&1 || { cat log; fail "dpkg --install"; }
dpkg --audit | grep . && fail "dpkg is not content"
dpkg --verify $names | grep . && fail "files differ from the packages"
ldconfig -p | grep -q 'libeshm\.so\.1 ' || fail "ldconfig does not know libeshm.so.1"
ldconfig -p | grep -q 'libeshm_data\.so\.1 ' || fail "ldconfig does not know libeshm_data.so.1"

echo "the README's programs in C and in Python"
mv readme.cpp readme.c
cc readme.c -o by_hand -leshm -pthread -lrt
cc readme.c -o by_pkg_config $(pkg-config --cflags --libs eshm)
for program in ./by_hand ./by_pkg_config; do
    timeout 90 $program >c.out 2>&1 &
    master=$!
    within 10 test -e /dev/shm/eshm_robot
    timeout 90 python3 readme.python >python.out 2>&1 || { cat python.out; fail "the Python program"; }
    wait $master || { cat c.out; fail "$program"; }
    grep -q seen c.out || { cat c.out; fail "$program heard nothing"; }
    grep -q 'position 1.5' python.out || { cat python.out; fail "the Python program heard nothing"; }
done

echo "a project with find_package(ESHM)"
cmake -S examples/05_integration -B example >log && cmake --build example >>log || { cat log; fail "the project"; }
timeout 30 example/hello greet >first &
master=$!
timeout 30 example/hello_static greet >second || fail "the static program heard nothing"
wait $master || fail "the shared program heard nothing"
grep -q 'says hello' first && grep -q 'says hello' second || fail "there was no greeting"

echo "a program linked to the C++ record classes"
c++ -std=c++17 cpp_tests/package/released_records.cpp -o records -leshm_data || fail "it cannot be linked"
readelf -d records | grep -q 'NEEDED.*\[libeshm_data\.so\.1\]' || fail "it does not need libeshm_data.so.1"
LD_BIND_NOW=1 ./records >log 2>&1 || { cat log; fail "it does not run"; }

echo "modules by the names of earlier releases"
PYTHONPATH=/usr/share/eshm/py python3 -c 'import data_handler, data_handler_native, eshm_data, rpc
data_handler_native.__file__.startswith("/usr/share/eshm/py/") or exit("from elsewhere")'

echo "eshm_demo and eshmctl"
timeout 90 eshm_demo master demo >master &
master=$!
within 10 test -e /dev/shm/eshm_demo
timeout 90 eshm_demo slave demo >slave &
slave=$!
within 10 grep -q 'Received .*Hello from master' slave
kill $slave $master
wait $slave || fail "the demo's slave"
wait $master || fail "the demo's master"
timeout 30 example/hello look >/dev/null &
master=$!
within 10 test -e /dev/shm/eshm_look
within 10 sh -c 'eshmctl show look | grep -q alive'
eshmctl record look -o look.cap --for 1 >/dev/null
PYTHONPATH=/usr/share/eshm python3 -c 'import capture; capture.Capture(open("look.cap", "rb")).name == b"look" or exit("another name")'
kill $master
[ "$(eshmctl --version)" = "eshmctl $(dpkg-query -W -f '${source:Upstream-Version}' eshm-tools)" ] || fail "eshmctl is of another version"
for page in eshmctl eshm_demo; do
    zcat /usr/share/man/man1/$page.1.gz | grep -q '^\.TH' || fail "there is no manual page of $page"
done

dpkg --purge $names >log 2>&1 || { cat log; fail "dpkg --purge"; }
find / -xdev -path /root -prune -o -path /proc -prune -o -name '*eshm*' -print | grep -v '^/dev/shm/' >after || true
[ ! -s after ] || fail "left behind: $(cat after)"
