#!/usr/bin/env bash
# The interpreters that the Python package is for: a line "VERSION FILE" for each one that is installed, in PATH or by pyenv, and
# "VERSION" alone where none is. The versions are those that py_compat/pyproject.toml names, and later ones where they are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

named=$(sed -nE 's/.*"Programming Language :: Python :: (3\.[0-9]+)".*/\1/p' py_compat/pyproject.toml)
newest=$(tail -n 1 <<<"$named")

# candidates VERSION: files that may be such an interpreter. A shim of pyenv is one of them, and may refuse to run.
candidates() {
    type -aP "python$1" || true
    command -v pyenv >/dev/null || return 0
    local installed
    for installed in $(pyenv versions --bare --skip-aliases 2>/dev/null || pyenv versions --bare); do
        [[ $installed != "$1".* ]] || echo "$(pyenv prefix "$installed")/bin/python$1"
    done
}

for version in $named $(seq -f '3.%g' "$((${newest#3.} + 1))" "$((${newest#3.} + 5))"); do
    found=$(for file in $(candidates "$version"); do
        # Each interpreter once, whatever links to it.
        "$file" -c 'import os, sys; sys.version_info >= (3, 9) and print(os.path.realpath(sys.executable))' 2>/dev/null || true
    done | sort -u)
    if [ -n "$found" ]; then
        sed "s/^/$version /" <<<"$found"
    elif grep -qx "$version" <<<"$named"; then
        echo "$version"
    fi
done
