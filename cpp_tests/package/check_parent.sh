#!/bin/sh
# Builds a project that treats eshm as a target of its own, in one of the ways that projects build, and runs its programs.
#
#   check_parent.sh CMAKE BUILD_DIR SOURCE_DIR VARIANT
#
# BUILD_DIR is a build of libeshm: what cargo made there is taken over.
cmake=$1 build=$2 source=$3 variant=$4
shift 4
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
project=$(cd "$(dirname "$0")/parent" && pwd)
made="$work/a build" configuration=Release
sanitizer="-fsanitize=address,undefined"
case $variant in
plain) configuration=Debug; set -- ;;
ninja) skip_without ninja; configuration=RelWithDebInfo; set -- -G Ninja -DBUILD_SHARED_LIBS=ON ;;
configurations) skip_without ninja; configuration=Debug; set -- -G "Ninja Multi-Config" ;;
lto) set -- "-DCMAKE_C_FLAGS=-flto -fvisibility=hidden" "-DCMAKE_CXX_FLAGS=-flto -ffunction-sections" \
         "-DCMAKE_SHARED_LINKER_FLAGS=-Wl,--gc-sections -Wl,--no-undefined -static-libgcc" "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--gc-sections" ;;
lld) skip_without ld.lld; set -- "-DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld" "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld" ;;
sanitizers) configuration=Debug; set -- "-DCMAKE_C_FLAGS=$sanitizer" "-DCMAKE_CXX_FLAGS=$sanitizer" ;;
*) fail "$variant is none of the ways" ;;
esac
[ "$variant" = configurations ] || set -- "$@" "-DCMAKE_BUILD_TYPE=$configuration"

mkdir -p "$made/eshm"
cp -a "$build/cargo" "$made/eshm/cargo"
quietly "$cmake" -S "$project" -B "$made" "-DESHM_SOURCE=$source" "$@"
# The library alone is a target, whatever else there is.
quietly "$cmake" --build "$made" --target eshm --config "$configuration"
library=$(find "$made/eshm" -name libeshm.so.1)
[ -e "$library" ] || fail "the target eshm built no library"
[ -z "$(find "$made" -name app -type f)" ] || fail "the target eshm built more"
quietly "$cmake" --build "$made" --parallel 2 --config "$configuration"

programs=$(dirname "$(find "$made" -name app -type f)")
needs "$programs/app" libeshm.so.1
needs "$programs/app_static"
meet "$programs/app" "$programs/app_static"
meet "$programs/app" "$programs/app"

# What it exports, whatever the project adds, and what it is called are its own, whatever flags the project has.
readelf --dynamic --wide "$library" | grep -q 'SONAME.*\[libeshm\.so\.1\]' || fail "the soname is not libeshm.so.1"
readelf --dynamic --wide "$library" | grep -q 'FLAGS_1.*NODELETE' || fail "it can be unloaded"
readelf --dyn-syms --wide "$library" | awk '$7 != "UND" && $5 != "LOCAL" && $8 != "" && $8 !~ /^(eshm|dh)_/ && NR > 3 { print $8 }' >"$work/more"
[ ! -s "$work/more" ] || fail "it exports $(tr '\n' ' ' <"$work/more")"

# Installed where the project says, and found with the project's own package.
quietly "$cmake" --install "$made" --prefix "$work/prefix" --config "$configuration"
[ -e "$work/prefix/chosen/libeshm.so.1" ] || fail "install(TARGETS eshm) installed nothing"
mkdir "$work/user"
cat >"$work/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user CXX)
find_package(ESHM REQUIRED)
find_package(wrapper REQUIRED)
add_executable(app app.cpp)
target_link_libraries(app PRIVATE parent::wrapper)
END
cp "$project/app.cpp" "$work/user/"
quietly "$cmake" -S "$work/user" -B "$work/user/build" "-DCMAKE_PREFIX_PATH=$work/prefix" "$@"
quietly "$cmake" --build "$work/user/build" --config "$configuration"
installed=$(find "$work/user/build" -name app -type f)
meet "$installed" "$programs/app"
