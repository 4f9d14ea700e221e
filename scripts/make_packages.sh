#!/usr/bin/env bash
# Builds the Debian packages libeshm1, libeshm-dev, python3-eshm and eshm-tools into build/packages, for this machine's
# architecture and release.
# usage: make_packages.sh
#   DEBFULLNAME, DEBEMAIL   whom the packages name as their maintainer
#   ESHM_DEB_REVISION       the last part of their version (1)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$PATH:$HOME/.cargo/bin"

for tool in cmake cargo c++ dpkg-deb dpkg-shlibdeps dpkg-gensymbols dpkg-architecture gzip strip; do
    command -v "$tool" >/dev/null || { echo "make_packages: there is no $tool; on Debian: apt-get install dpkg-dev g++ cmake" >&2; exit 1; }
done

upstream=$(sed -nE 's/^version = "([0-9.]+)".*/\1/p' Cargo.toml | head -n 1)
version=$upstream-${ESHM_DEB_REVISION:-1}
arch=$(dpkg --print-architecture)
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
out=$root/build/packages
tree=$out/tree
# The same source gives the same packages: the time in them is that of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

rm -rf "$tree" "$out"/*.deb
mkdir -p "$tree/debian"
cp packaging/debian/* "$tree/debian/"
maintainer=$(sed -n 's/^Maintainer: //p' packaging/debian/control)
if [ -n "${DEBEMAIL:-}" ]; then
    maintainer="${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>"
else
    echo "make_packages: the packages name no maintainer that can be reached; set DEBEMAIL and DEBFULLNAME" >&2
fi
sed -i "s|^Maintainer: .*|Maintainer: $maintainer|" "$tree/debian/control"
{
    echo "eshm ($version) unstable; urgency=medium"
    printf '\n  * Release %s: see CHANGELOG.md.\n\n' "$upstream"
    echo " -- $maintainer  $(LC_ALL=C date --utc --date="@$SOURCE_DATE_EPOCH" +'%a, %d %b %Y %H:%M:%S +0000')"
} >"$tree/debian/changelog"

cmake -S . -B "$out/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr "-DCMAKE_INSTALL_LIBDIR=lib/$multiarch" \
    -DCMAKE_SKIP_INSTALL_RPATH=ON -DESHM_BUILD_TESTS=OFF -DESHM_BUILD_DEMO=ON -DESHM_BUILD_TOOLS=ON >/dev/null
cmake --build "$out/build" --parallel 2

# stage PACKAGE COMPONENT: what CMake installs.
stage() {
    DESTDIR=$tree/debian/$1 cmake --install "$out/build" --component "$2" >/dev/null
}
stage libeshm1 runtime
stage libeshm-dev development
stage eshm-tools tools
rm -r "$tree/debian/libeshm1/usr/share/doc/eshm" # Debian's place for the licence is the file copyright

python=$tree/debian/python3-eshm/usr
mkdir -p "$python/lib/python3/dist-packages/eshm" "$python/share/eshm/py"
cp py_compat/eshm/*.py py_compat/eshm/py.typed "$python/lib/python3/dist-packages/eshm/"
# `rpc` and the like are no names for modules that all programs of a system see, so these are in a folder to be asked for.
cp py_compat/*.py "$python/share/eshm/py/"
mkdir -p "$tree/debian/libeshm-dev/usr/share/doc/libeshm-dev" "$tree/debian/eshm-tools/usr/share/doc/eshm-tools"
cp -r README.md SECURITY.md CHANGELOG.md docs "$tree/debian/libeshm-dev/usr/share/doc/libeshm-dev/"
rm "$tree/debian/libeshm-dev/usr/share/doc/libeshm-dev/docs"/{Doxyfile,doxygen.sed}
cp tools/eshmctl/README.md docs/CAPTURES.md "$tree/debian/eshm-tools/usr/share/doc/eshm-tools/"
# Where Debian's zsh looks.
zsh=$tree/debian/eshm-tools/usr/share/zsh
mv "$zsh/site-functions" "$zsh/vendor-completions"

cd "$tree"
strip --strip-unneeded --remove-section=.comment debian/libeshm1/usr/lib/"$multiarch"/*.so.* debian/eshm-tools/usr/bin/*
strip --strip-debug debian/libeshm-dev/usr/lib/"$multiarch"/*.a
find debian/*/usr -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
chmod 755 debian/*/usr/bin/*
gzip -9n debian/eshm-tools/usr/share/man/man1/*

for package in libeshm1 libeshm-dev python3-eshm eshm-tools; do
    folder=debian/$package
    mkdir -p "$folder/DEBIAN" "$folder/usr/share/doc/$package"
    cp debian/copyright "$folder/usr/share/doc/$package/"
    gzip -9nc debian/changelog >"$folder/usr/share/doc/$package/changelog.Debian.gz"
    gzip -9nc "$root/CHANGELOG.md" >"$folder/usr/share/doc/$package/changelog.gz"
    for script in postinst prerm; do
        [ ! -f "debian/$package.$script" ] || install -m 755 "debian/$package.$script" "$folder/DEBIAN/$script"
    done
    [ ! -f "debian/$package.triggers" ] || cp "debian/$package.triggers" "$folder/DEBIAN/triggers"
    : >"debian/$package.substvars"
done

# Programs that are linked to the library come to depend on this package, at a version that has the functions they use.
dpkg-gensymbols -q -plibeshm1 "-v$upstream" -Pdebian/libeshm1 -Odebian/libeshm1/DEBIAN/symbols
printf '%s 1 libeshm1 (>= %s)\n' libeshm "$upstream" libeshm_data "$upstream" >debian/libeshm1/DEBIAN/shlibs
dpkg-shlibdeps --warnings=0 -xlibeshm1 -Tdebian/libeshm1.substvars debian/libeshm1/usr/lib/"$multiarch"/*.so.1
dpkg-shlibdeps --warnings=0 -Tdebian/eshm-tools.substvars debian/eshm-tools/usr/bin/*
echo 'misc:Depends=' >>debian/python3-eshm.substvars

for package in libeshm1 libeshm-dev python3-eshm eshm-tools; do
    folder=debian/$package
    (cd "$folder" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-gencontrol "-p$package" -ldebian/changelog "-Tdebian/$package.substvars" "-P$folder" -fdebian/files
    dpkg-deb --root-owner-group --build "$folder" "$out" >/dev/null
done
cd "$root"
for package in libeshm1 libeshm-dev python3-eshm eshm-tools; do
    architecture=$arch
    [ "$package" != python3-eshm ] || architecture=all
    [ -f "$out/${package}_${version}_$architecture.deb" ] || { echo "make_packages: $package was not built" >&2; exit 1; }
done
ls -l "$out"/*.deb
