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

checked=unchecked
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error --tag-display-limit 0 "${packages[@]}"
    checked="without errors for lintian"
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
# The README's programs, as they are there: the first block of each language.
for language in cpp python; do
    awk -v fence="\`\`\`$language" '$0 == fence && !seen { on = seen = 1; next } /^```$/ { on = 0 } on' README.md >"$inside/readme.$language"
    [ -s "$inside/readme.$language" ] || { echo "FAILED: the README has no program in $language"; exit 1; }
done
# Mounts and processes of the fresh system end with this command.
# shellcheck disable=SC2016
unshare --mount --pid --fork sh -c '
    mount -t proc proc "$1/proc" && mkdir -p "$1/dev/shm" && mount -t tmpfs tmpfs "$1/dev/shm" &&
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$1" /root/eshm/try_packages.sh' sh "$system"
echo "${#packages[@]} packages, $checked, installed and used in a fresh $suite, and removed"
