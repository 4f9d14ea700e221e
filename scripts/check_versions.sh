#!/bin/sh
# One version everywhere: that of Cargo.toml.
cd "$(dirname "$0")/.." || exit 1
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
status=0
# expect FILE PATTERN: the first version behind PATTERN in FILE is that one.
expect() {
    found=$(sed -n "s/.*$2\([0-9][0-9.]*[0-9]\).*/\1/p" "$1" | head -1)
    [ "$found" = "$version" ] || { echo "$1 says '$found', Cargo.toml says $version"; status=1; }
}
expect tools/eshmctl/Cargo.toml 'version = "'
expect py_compat/native/Cargo.toml 'version = "'
expect CHANGELOG.md '## '
expect docs/INSTALL.md 'libeshm\.so\.'
expect docs/ARCHITECTURE.md '| version '
[ $status -eq 0 ] && echo "versions: $version everywhere"
exit $status
