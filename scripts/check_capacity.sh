#!/usr/bin/env bash
# Builds library, headers and C tests with other capacities, and runs the tests that depend on it.
# usage: check_capacity.sh BYTES...
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for capacity in "$@"; do
    echo "capacity $capacity"
    cmake -S "$root" -B "$work/$capacity" -DESHM_MAX_DATA_SIZE="$capacity" -DESHM_BUILD_DEMO=OFF >/dev/null
    cmake --build "$work/$capacity" --parallel 2 >/dev/null
    ctest --test-dir "$work/$capacity" --output-on-failure -R '^test_(basic|error_handling|master_slave|options|static_c|face)$'
    rm -rf "${work:?}/$capacity"
done
