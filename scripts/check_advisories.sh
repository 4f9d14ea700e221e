#!/usr/bin/env bash
# Looks for known faults in the dependencies of each Cargo.lock: the RustSec advisories, by cargo-deny, as deny.toml says, and
# their licences and sources. Where the advisories cannot be had, or cargo-deny is not there and cannot be built, it says SKIPPED.
# The last line is the result.
#   ADVISORY_BUILD   seconds that building cargo-deny may take (500); it stays in build/tools, and so does what was built of it
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export PATH="$PATH:$HOME/.cargo/bin:$PWD/build/tools/bin"
export GIT_TERMINAL_PROMPT=0

database=$(sed -nE 's/^db-urls = \["(.*)"\]$/\1/p' deny.toml)
# Asked first: without it there is no need of the tool.
if ! timeout 30 git ls-remote --exit-code "$database" HEAD >/dev/null 2>&1; then
    echo "SKIPPED: the advisories at $database are not to be had from here"
    exit 0
fi
if ! cargo deny --version >/dev/null 2>&1; then
    log=build/cargo-deny.log
    mkdir -p build
    if ! timeout "${ADVISORY_BUILD:-500}" env CARGO_TARGET_DIR=build/tools/target cargo install cargo-deny --locked --root build/tools >"$log" 2>&1; then
        echo "SKIPPED: there is no cargo-deny, and it does not build here in time; see $log"
        exit 0
    fi
fi

if ! timeout 300 cargo deny fetch db; then
    echo "FAILED: cargo-deny does not get the advisories at $database, but git does"
    exit 1
fi
count=0 failed=()
while read -r lock; do
    echo "--- $lock"
    cargo deny --config deny.toml --manifest-path "$(dirname "$lock")/Cargo.toml" --workspace check || failed+=("$lock")
    count=$((count + $(grep -c '^\[\[package\]\]' "$lock")))
done < <(git ls-files 'Cargo.lock' '*/Cargo.lock')

if [ "${#failed[@]}" -gt 0 ]; then
    echo "FAILED: update what is named above (cargo update -p NAME), or accept it with its reason in deny.toml: ${failed[*]}"
    exit 1
fi
[ "$count" -gt 0 ] || { echo "FAILED: there is no Cargo.lock"; exit 1; }
echo "advisories: ok, $count packages"
