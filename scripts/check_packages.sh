#!/usr/bin/env bash
# Builds the Debian packages, has lintian look at them, installs them in a fresh system in a folder, and there types what the
# README says: a C and a Python program that talk to each other, a CMake project, eshmctl. At the end they are removed.
# Needs a Debian with debootstrap and lintian, and root for the fresh system; says SKIPPED for what it cannot do.
#   DEBIAN_MIRROR   where the fresh system is fetched from (http://deb.debian.org/debian)
set -euo pipefail
cd "$(dirname "$0")/.."
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

if ! command -v dpkg-deb >/dev/null || ! command -v dpkg-shlibdeps >/dev/null; then
    echo "SKIPPED: no dpkg-dev here to build Debian packages with"
    exit 0
fi
scripts/make_packages.sh
packages=(build/packages/*.deb)

fail() {
    echo "FAILED: $*"
    exit 1
}
# What programs are linked to comes with all that it needs, and each of its symbols names the package to depend on.
runtime=$(ls build/packages/libeshm1_*.deb)
dpkg-deb -f "$runtime" Depends | grep -q 'libstdc++6' || fail "libeshm1 does not depend on libstdc++6"
for library in libeshm libeshm_data; do
    # shellcheck disable=SC2016
    dpkg-deb -I "$runtime" symbols | awk -v library="$library.so.1" '!/^ / { on = $1 == library } on && /^ / { sub(/@.*/, "", $1); print $1 }' |
        LC_ALL=C sort >build/packages/symbols
    sed -nE 's/^([A-Za-z_0-9]+) (FUNC|OBJECT)$/\1/p' "abi/$library.so.1.txt" | LC_ALL=C sort | diff - build/packages/symbols ||
        fail "the symbols file of libeshm1 lists other symbols of $library.so.1 than abi/$library.so.1.txt"
done

checked=unchecked
if command -v lintian >/dev/null; then
    # No bug of Debian's is closed by these.
    lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs --tag-display-limit 0 \
        "${packages[@]}"
    checked="without errors and warnings for lintian"
else
    echo "SKIPPED: no lintian to look at the packages"
fi

skip() {
    echo "SKIPPED: the packages ($checked) were not installed: $*"
    exit 0
}
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}") || skip "this is no Debian"
command -v debootstrap >/dev/null || skip "no debootstrap"
[ "$(id -u)" -eq 0 ] || skip "debootstrap needs root"
unshare --mount --pid --fork true 2>/dev/null || skip "this machine allows no mounts of our own"

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
system=$work/system
echo "making a fresh $suite ..."
debootstrap --variant=minbase "--include=gcc,g++,libc6-dev,cmake,make,pkgconf,python3" "$suite" "$system" "$mirror" >"$work/log" 2>&1 ||
    skip "no $suite from $mirror: $(tail -n 1 "$work/log")"

inside=$system/root/eshm
mkdir -p "$inside"
cp "${packages[@]}" scripts/try_packages.sh "$inside/"
cp -r examples "$inside/"
# A C++ program as releases 1.0 to 1.2 had them, linked to the record classes.
mkdir -p "$inside/cpp_tests/package"
cp cpp_tests/{check,leftovers}.h "$inside/cpp_tests/"
cp cpp_tests/package/released_records.{cpp,h} "$inside/cpp_tests/package/"
# The README's programs, as they are there: the first block of each language.
for language in cpp python; do
    awk -v fence="\`\`\`$language" '$0 == fence && !seen { on = seen = 1; next } /^```$/ { on = 0 } on' README.md >"$inside/readme.$language"
    [ -s "$inside/readme.$language" ] || fail "the README has no program in $language"
done
# Mounts and processes of the fresh system end with this command.
# shellcheck disable=SC2016
unshare --mount --pid --fork sh -c '
    mount -t proc proc "$1/proc" && mkdir -p "$1/dev/shm" && mount -t tmpfs tmpfs "$1/dev/shm" &&
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$1" /root/eshm/try_packages.sh' sh "$system"
echo "${#packages[@]} packages, $checked, installed and used in a fresh $suite, and removed"
