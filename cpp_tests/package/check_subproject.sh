#!/bin/sh
# Builds programs with the source folder of libeshm inside their own build, and runs them in pairs.
#
#   check_subproject.sh CMAKE BUILD_DIR SOURCE_DIR subdirectory|fetch [-DOPTION=VALUE...]
#
# BUILD_DIR is a build of libeshm: what cargo made there is taken over, so that only what the options change is built.
cmake=$1 build=$2 source=$3 how=$4
shift 4
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
consumer=$(cd "$(dirname "$0")/consumer" && pwd)

case $how in
subdirectory) fetch=OFF inner=$work/build/eshm ;;
fetch) fetch=ON inner=$work/build/_deps/eshm-build ;;
*) fail "$how is neither subdirectory nor fetch" ;;
esac
mkdir -p "$inner"
cp -a "$build/cargo" "$inner/cargo"

quietly "$cmake" -S "$consumer" -B "$work/build" "-DESHM_SOURCE=$source" "-DFETCH=$fetch" "$@"
quietly "$cmake" --build "$work/build"
cd "$work/build"
tests=$(ctest -N | sed -n 's/^Total Tests: //p')
[ "$tests" = 0 ] || fail "$tests tests of ours are in the other project's build"
needs c_shared libeshm.so.1
needs cpp_static
meet ./c_shared ./cpp_static
meet ./c_static ./cpp_shared
meet ./c_data ./c_data

# What is installed with the other project is usable.
quietly "$cmake" --install . --prefix "$work/prefix"
[ -n "$(find "$work/prefix" -name libeshm.so.1)" ] || fail "libeshm was not installed with the other project"
for option in "$@"; do
    case $option in
    -DESHM_MAX_DATA_SIZE=*)
        grep -qxF "#define ESHM_MAX_DATA_SIZE ${option#*=}" "$work/prefix/include/eshm_config.h" || fail "$option did not arrive"
        ;;
    esac
done
