#!/usr/bin/env bash
# Builds libeshm.so for Python alone (cargo, no CMake) into <repository>/build, where the package looks for it.
# ESHM_MAX_DATA_SIZE and ESHM_HEARTBEAT_INTERVAL_MS in the environment are build settings.
set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)  # -P: `py` is a symbolic link
out=$root/build

fail() {
    echo "build_shared_lib.sh: $*" >&2
    exit 1
}

# In a CMake build directory the headers and programs were made for that build's settings: the library must match.
adopt_cmake_setting() {
    local name=$1 cached
    [[ -f $out/CMakeCache.txt ]] || return 0
    cached=$(sed -n "s/^$name:[A-Z]*=//p" "$out/CMakeCache.txt")
    [[ -n $cached ]] || return 0
    if [[ ${!name:-$cached} != "$cached" ]]; then
        fail "$out is a CMake build with $name=$cached; set it there: cmake -D$name=${!name} $out"
    fi
    export "$name=$cached"
}

command -v cargo >/dev/null || fail "cargo is not installed: see https://rustup.rs"
adopt_cmake_setting ESHM_MAX_DATA_SIZE
adopt_cmake_setting ESHM_HEARTBEAT_INTERVAL_MS

# cargo is asked where it put the file: environment and configuration can move its target directory.
messages=$(cd "$root" && cargo rustc --release --lib --crate-type cdylib --message-format=json-render-diagnostics)
library=$(grep -o '"[^"]*/libeshm\.so"' <<<"$messages" | tail -n 1 | tr -d '"') || true
[[ -f $library ]] || fail "cargo built no libeshm.so"

mkdir -p "$out"
file=libeshm.so.$(sed -nE 's/^version = "([0-9.]+)".*/\1/p' "$root/Cargo.toml" | head -n 1)
# Renamed into place: a process that has the old library mapped keeps it whole.
cp "$library" "$out/.libeshm.so.$$"
chmod 755 "$out/.libeshm.so.$$"
mv -f "$out/.libeshm.so.$$" "$out/$file"
ln -sfn "$file" "$out/libeshm.so.1"
ln -sfn libeshm.so.1 "$out/libeshm.so"

echo "Built $out/libeshm.so"
