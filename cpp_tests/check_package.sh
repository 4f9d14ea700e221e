#!/bin/sh
# Installs a build, moves the result to another prefix, builds the example against it there, and runs it: shared and static.
# Then the same with the source folder inside the example's own build, at another capacity.
#
#   check_package.sh CMAKE BUILD_DIR SOURCE_DIR
set -eu
cmake=$1 build=$2 source=$3

work=$(mktemp -d)
name=package_check_$$
trap 'rm -rf "$work" "/dev/shm/eshm_$name"' EXIT
trap 'exit 1' HUP INT TERM

# Prints what a step said, if it failed.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; echo "check_package: failed: $*"; exit 1; }
}
# greet HELLO HELLO: two processes, each hears the other.
greet() {
    timeout 30 "$1" $name >"$work/first" &
    first=$!
    timeout 30 "$2" $name >"$work/second" || { echo "check_package: $2 heard nothing"; exit 1; }
    wait $first || { echo "check_package: $1 heard nothing"; exit 1; }
    grep -q 'says hello' "$work/first" && grep -q 'says hello' "$work/second"
}

quietly "$cmake" --install "$build" --prefix "$work/first-prefix"
mv "$work/first-prefix" "$work/prefix"
quietly "$cmake" -S "$source/examples/cmake" -B "$work/installed" "-DCMAKE_PREFIX_PATH=$work/prefix"
quietly "$cmake" --build "$work/installed"
greet "$work/installed/hello" "$work/installed/hello_static"

quietly "$cmake" -S "$source/examples/cmake" -B "$work/inside" "-DESHM_SOURCE=$source" -DESHM_MAX_DATA_SIZE=512
quietly "$cmake" --build "$work/inside"
greet "$work/inside/hello_static" "$work/inside/hello"
