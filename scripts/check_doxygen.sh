#!/usr/bin/env bash
# Writes the reference of the headers to BUILD_DIR/doxygen/html; a warning of doxygen's, such as a public name without a word
# about it, fails.
# usage: check_doxygen.sh [BUILD_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build}
if ! command -v doxygen >/dev/null; then
    echo "SKIPPED: doxygen is not installed"
    exit 0
fi
ESHM_VERSION=$(sed -nE '0,/^version/s/^version = "([^"]+)"/\1/p' Cargo.toml)
export ESHM_VERSION ESHM_CONFIG_DIR=$build/include ESHM_DOXYGEN_OUT=$build/doxygen
rm -rf "$ESHM_DOXYGEN_OUT"
mkdir -p "$ESHM_DOXYGEN_OUT"
doxygen docs/Doxyfile || { echo "FAILED: doxygen has warnings"; exit 1; }
pages=$(find "$ESHM_DOXYGEN_OUT/html" -name '*.html' | wc -l)
[ -f "$ESHM_DOXYGEN_OUT/html/classeshm_1_1Endpoint.html" ] || { echo "FAILED: there is no page of eshm::Endpoint"; exit 1; }
grep -q 'another master has taken' "$ESHM_DOXYGEN_OUT/html/eshm_8h.html" || { echo "FAILED: eshm_write() is without its text"; exit 1; }
echo "$pages pages in $ESHM_DOXYGEN_OUT/html, no warning"
