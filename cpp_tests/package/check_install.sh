#!/bin/sh
# Installs a build below DESTDIR and uninstalls it again; then installs it to a prefix and moves that to MOVED, for the checks
# that use it there.
#
#   check_install.sh CMAKE BUILD_DIR SOURCE_DIR VERSION MOVED
cmake=$1 build=$2 source=$3 version=$4 moved=$5
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"

# What the user of this build would uninstall stays known.
manifest=$build/install_manifest.txt
[ ! -f "$manifest" ] || cp -p "$manifest" "$work/manifest"
restore() {
    rm -f "$manifest"
    [ ! -f "$work/manifest" ] || cp -p "$work/manifest" "$manifest"
}
trap 'restore; rm -rf "$work"' EXIT

DESTDIR=$work/staged quietly "$cmake" --install "$build" --prefix /opt/eshm
[ -z "$(ls "$work/staged" | grep -vx opt)" ] || fail "something went beside DESTDIR/opt"
DESTDIR=$work/staged quietly "$cmake" "-DBUILD_DIR=$build" -P "$source/cmake/uninstall.cmake"
left=$(find "$work/staged" ! -type d)
[ -z "$left" ] || fail "uninstall left $left"
! DESTDIR=$work/staged "$cmake" "-DBUILD_DIR=$build" -P "$source/cmake/uninstall.cmake" >"$work/log" 2>&1 ||
    fail "uninstall said nothing about there being nothing"
[ -z "$(find "$work/staged" -name '*eshm*' ! -path "$work/staged/opt/eshm")" ] || fail "uninstall left folders of ours"

rm -rf "$moved"
mkdir -p "$(dirname "$moved")"
quietly "$cmake" --install "$build" --prefix "$work/prefix"
mv "$work/prefix" "$moved"
! grep -rIlF -e "$work" -e "$build" "$moved" || fail "these files know where they were built or installed"

libraries=$(dirname "$(find "$moved" -name libeshm.a)")
cd "$libraries"
# link NAME TARGET
link() {
    [ "$(readlink "$1")" = "$2" ] || fail "$1 is no link to $2"
}
[ -f "libeshm.so.$version" ] && [ ! -L "libeshm.so.$version" ] || fail "there is no file libeshm.so.$version"
link libeshm.so.1 "libeshm.so.$version"
link libeshm.so libeshm.so.1
link libeshm_data.so libeshm_data.so.1
link libeshm_data.so.1 "libeshm_data.so.$version"
# ldconfig lists a library by its soname, whatever the name of the file.
readelf --dynamic --wide libeshm_data.so.1 | grep -q 'SONAME.*\[libeshm_data\.so\.1\]' || fail "libeshm_data.so.1 is not its soname"
needs libeshm_data.so.1 libeshm.so.1
for header in "$source"/include/*.h "$source"/include/*.hpp eshm_config.h; do
    [ "$header" = "$source/include/*.hpp" ] || [ -f "$moved/include/${header##*/}" ] || fail "${header##*/} is not installed"
done
cmp "$source/cmake/tsan.supp" "$moved/share/eshm/tsan.supp" || fail "the suppressions for ThreadSanitizer are not installed"
cmp "$source/LICENSE" "$moved/share/doc/eshm/LICENSE" || fail "the licence is not installed"
# The demo finds the library of its prefix, wherever that is now.
if grep -q '^ESHM_BUILD_DEMO:BOOL=ON' "$build/CMakeCache.txt"; then
    "$source/cpp_tests/check_demo.sh" "$moved/bin/eshm_demo" || fail "the installed eshm_demo does not run"
    ldd "$moved/bin/eshm_demo" | grep -F libeshm.so.1 | grep -qF "$moved/" || fail "the installed eshm_demo takes another library"
fi
