#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks; where it may not, says what to install and stops.
set -euo pipefail

missing=()
command -v cmake >/dev/null || missing+=(cmake)
command -v make >/dev/null || missing+=(make)
command -v gcc >/dev/null || missing+=(gcc)
command -v g++ >/dev/null || missing+=(g++)
command -v python3 >/dev/null || missing+=(python3)
command -v readelf >/dev/null || missing+=(binutils)

if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(false); fi
    fi
    if [ "${as_root[0]:-}" = false ] || ! command -v apt-get >/dev/null; then
        echo "Missing: ${missing[*]}. Install them with your package manager, on Debian as root:" >&2
        echo "    apt-get update && apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
    echo "Installing ${missing[*]} ..."
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# too_old PROGRAM MINIMUM VERSION
too_old() {
    [ "$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)" = "$2" ] && return
    echo "$1 is too old: $3, and $2 or later is needed." >&2
    exit 1
}
too_old cmake 3.16 "$(cmake --version | sed -nE '1s/.* ([0-9.]+).*/\1/p')"
too_old python3 3.9 "$(python3 -c 'import platform; print(platform.python_version())')"

minor=$(rustc --version 2>/dev/null | sed -nE 's/^rustc 1\.([0-9]+).*/\1/p')
if ! command -v cargo >/dev/null || [ "${minor:-0}" -lt 88 ]; then
    echo "Missing: Rust 1.88 or later, with cargo. Install it as rust-lang.org says, for example with rustup." >&2
    exit 1
fi
