#!/usr/bin/env bash
# Builds libeshm.so for Python alone (no CMake needed) into <repository>/build, where the package
# looks for it, or into FOLDER.
# In a CMake build folder it is that build's library.
# usage: build_shared_lib.sh [FOLDER]
# ESHM_MAX_DATA_SIZE and ESHM_HEARTBEAT_INTERVAL_MS in the environment are build settings.
set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)  # -P: `py` is a symbolic link
out=${1:-$root/build}

fail() {
    echo "build_shared_lib.sh: $*" >&2
    exit 1
}

# In a CMake build folder the headers and programs were made for that build's settings: the library
# must match.
require_cmake_setting() {
    local name=$1 cached
    cached=$(sed -n "s/^$name:[A-Z]*=//p" "$out/CMakeCache.txt")
    if [[ -n $cached && ${!name:-$cached} != "$cached" ]]; then
        fail "$out is a CMake build with $name=$cached; set it there: cmake -D$name=${!name} $out"
    fi
}

if [[ -f $out/CMakeCache.txt ]]; then
    require_cmake_setting ESHM_MAX_DATA_SIZE
    require_cmake_setting ESHM_HEARTBEAT_INTERVAL_MS
    command -v cmake >/dev/null ||
        fail "$out is a CMake build, and cmake is not in PATH; remove $out to build without"
    cmake --build "$out" --target eshm >&2 ||
        fail "$out is a CMake build that cannot be built; see above, or remove it"
else
    command -v cargo >/dev/null || fail "cargo is not installed: see https://rustup.rs"
    file=libeshm.so.$(sed -nE 's/^version = "([0-9.]+)".*/\1/p' "$root/Cargo.toml" | head -n 1)
    "$root/scripts/build_library.sh" "$out/$file"
    ln -sfn "$file" "$out/libeshm.so.1"
    ln -sfn libeshm.so.1 "$out/libeshm.so"
fi
echo "Built $out/libeshm.so"
