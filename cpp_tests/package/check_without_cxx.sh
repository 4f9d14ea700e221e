#!/bin/sh
# Builds libeshm where there is no C++ compiler: CMake says what is missing, the rest is built and works, and an install does not
# replace a library that has the C++ record classes by the one without.
#
#   check_without_cxx.sh CMAKE BUILD_DIR SOURCE_DIR
#
# BUILD_DIR is a build of libeshm: what cargo made there is taken over.
cmake=$1 build=$2 source=$3
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"

# configure BUILD OPTION...: and looks for what CMake says.
configure() {
    folder=$1
    shift
    mkdir -p "$folder"
    [ -d "$folder/cargo" ] || cp -a "$build/cargo" "$folder/cargo"
    env -u CXX "$cmake" -S "$source" -B "$folder" -DCMAKE_CXX_COMPILER=CMAKE_CXX_COMPILER-NOTFOUND -DESHM_BUILD_TOOLS=OFF "$@" \
        >"$work/log" 2>&1 || { cat "$work/log"; fail "it cannot be configured without a C++ compiler"; }
    tr -s ' \n' ' ' <"$work/log" >"$work/text"
    for text in "libeshm_data.so.1 and libeshm.a are built without the C++ record classes" "Install g++" \
        "no C++ compiler, so neither eshm_demo nor the C and C++ tests are built"; do
        grep -qF "$text" "$work/text" || { cat "$work/log"; fail "CMake does not say: $text"; }
    done
    quietly "$cmake" --build "$folder" --parallel 2
}
has_classes() { readelf --dyn-syms --wide "$1" | grep -q '_ZN12shm_protocol11DataHandlerC1Ev'; }

# What is built works: for a program in C, by the installed package, and for who looks for dh_* in libeshm_data.so.1.
made=$work/made
configure "$made" "-DCMAKE_INSTALL_PREFIX=$work/prefix" -DCMAKE_INSTALL_LIBDIR=lib
for file in libeshm.so.1 libeshm.a libeshm_data.so.1; do
    [ -f "$made/$file" ] || fail "there is no $file"
done
! readelf --dynamic --wide "$made/libeshm_data.so.1" | grep -q 'libstdc++' || fail "libeshm_data.so.1 needs libstdc++"
quietly "$cmake" --install "$made"
! has_classes "$work/prefix/lib/libeshm_data.so.1" || fail "there were classes to be found without a compiler for them"
python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1]).dh_create' "$work/prefix/lib/libeshm_data.so.1" || fail "no dh_create by way of it"
mkdir "$work/user"
cat >"$work/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user C)
find_package(ESHM REQUIRED)
foreach(library IN ITEMS eshm eshm_static eshm_data)
    add_executable(app_${library} consumer.c)
    target_link_libraries(app_${library} PRIVATE ESHM::${library})
endforeach()
END
cp "$(dirname "$0")/consumer/consumer.c" "$work/user/"
quietly "$cmake" -S "$work/user" -B "$work/user/build" "-DCMAKE_PREFIX_PATH=$work/prefix"
quietly "$cmake" --build "$work/user/build"
meet "$work/user/build/app_eshm" "$work/user/build/app_eshm_static"
meet "$work/user/build/app_eshm_data" "$work/user/build/app_eshm"

# kept FOLDER COMMAND...: the library with the classes, put there as an earlier release's, is left alone, and that is said; one
# without is replaced.
kept() {
    folder=$1
    shift
    mkdir -p "$folder"
    rm -f "$folder"/libeshm_data.so*
    cp "$build/libeshm_data.so.1" "$folder/libeshm_data.so.1"
    quietly "$@"
    cmp -s "$build/libeshm_data.so.1" "$folder/libeshm_data.so.1" || fail "an install replaced $folder/libeshm_data.so.1 by less"
    tr -s ' \n' ' ' <"$work/log" | grep -q "has the C++ record classes, and this build has not: it is left as it is" ||
        { cat "$work/log"; fail "the install does not say that it left the library"; }
    [ -e "$folder/libeshm.so.1" ] || fail "the install left out libeshm.so.1"
    rm "$folder"/libeshm_data.so.1
    echo "none" >"$folder/libeshm_data.so.1"
    quietly "$@"
    readelf -h "$folder/libeshm_data.so.1" >/dev/null 2>&1 || fail "an install left what is no library as $folder/libeshm_data.so.1"
}
if has_classes "$build/libeshm_data.so.1"; then
    kept "$work/prefix/lib" "$cmake" --install "$made"
    kept "$work/moved/lib" "$cmake" --install "$made" --prefix "$work/moved"
    kept "$work/staged$work/prefix/lib" env "DESTDIR=$work/staged" "$cmake" --install "$made"
    # A folder of libraries outside the prefix.
    configure "$made" "-DCMAKE_INSTALL_LIBDIR=$work/apart"
    kept "$work/apart" "$cmake" --install "$made"
    rm -rf "$work/apart"
    kept "$work/staged$work/apart" env "DESTDIR=$work/staged" "$cmake" --install "$made"
    [ ! -e "$work/apart" ] || fail "something went beside DESTDIR"
else
    echo "SKIPPED: $build has no C++ record classes that an install could replace"
fi

# A project around ours in C alone, with no C++ compiler on this machine's path.
mkdir "$work/bin" "$work/parent"
for program in $(IFS=:; for folder in $PATH; do ls "$folder" 2>/dev/null; done | sort -u); do
    case $program in
    c++* | g++* | clang++* | *-c++* | *-g++* | *-clang++* | icpc | icpx | CC | aCC | xlC) continue ;;
    esac
    found=$(command -v "$program") || continue
    case $found in /*) ln -sf "$found" "$work/bin/$program" ;; esac
done
cat >"$work/parent/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(parent C)
add_subdirectory("$source" eshm)
END
mkdir -p "$work/parent/build/eshm"
cp -a "$build/cargo" "$work/parent/build/eshm/cargo"
quietly env -u CXX "PATH=$work/bin" "$cmake" -S "$work/parent" -B "$work/parent/build"
tr -s ' \n' ' ' <"$work/log" | grep -q "built without the C++ record classes" || { cat "$work/log"; fail "a parent in C is not told"; }
quietly env "PATH=$work/bin" "$cmake" --build "$work/parent/build" --parallel 2
[ -e "$(find "$work/parent/build" -name libeshm_data.so.1)" ] || fail "a parent in C has no libeshm_data.so.1"
