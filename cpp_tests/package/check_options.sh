#!/bin/sh
# Builds and installs libeshm with the options of releases 1.1 and 1.2, and uses what they add.
#
#   check_options.sh CMAKE BUILD_DIR SOURCE_DIR PYTHON
#
# BUILD_DIR is a build of libeshm: what cargo made there is taken over.
cmake=$1 build=$2 source=$3 python=$4
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
made=$work/made
mkdir "$made"
cp -a "$build/cargo" "$made/cargo"
prefix=$work/prefix
unset ESHM_LIB PYTHONPATH ESHM_PYTHON_BACKEND

# refused VALUE TEXT: the configuration with this ESHM_ENABLE_CUDA fails, and says so.
refused() {
    ! "$cmake" -S "$source" -B "$work/refused" "-DESHM_ENABLE_CUDA=$1" >"$work/log" 2>&1 || fail "ESHM_ENABLE_CUDA=$1 was accepted"
    tr -s ' \n' ' ' <"$work/log" >"$work/text"
    grep -q "$2" "$work/text" || { cat "$work/log"; fail "ESHM_ENABLE_CUDA=$1 is refused without \"$2\""; }
}
refused ON "this libeshm has no part for CUDA.*-DESHM_ENABLE_CUDA=OFF"
refused maybe "expected AUTO, ON or OFF"

# configure OPTION...
configure() {
    quietly "$cmake" -S "$source" -B "$made" "-DCMAKE_INSTALL_PREFIX=$prefix" -DESHM_BUILD_TESTS=OFF -DESHM_ENABLE_CUDA=OFF "$@"
}
configure -DESHM_BUILD_EXAMPLES=ON -DESHM_INSTALL_PYTHON=ON -DESHM_ENABLE_CUDA=AUTO
! grep -q "Manually-specified variables were not used" "$work/log" || { cat "$work/log"; fail "an option is not known"; }
quietly "$cmake" --build "$made" --parallel 2
for example in "$source"/examples/*/*.cpp "$source"/examples/*/*.c; do
    folder=$(basename "$(dirname "$example")") program=$(basename "${example%.*}")
    [ -x "$made/examples/$folder/$program" ] || fail "the example $folder was not built"
done
meet "$made/examples/01_hello/hello" "$made/examples/05_integration/hello"

# python_works FOLDER: the package there is the one imported, and it takes the installed library.
python_works() {
    cd "$work"
    PYTHONPATH=$1 PYTHONPYCACHEPREFIX=$work/cache quietly "$python" - "$1" "$prefix" "$channel" <<'END'
import sys
from pathlib import Path
import data_handler, data_handler_native, eshm, eshm_data, rpc
for module in (data_handler, data_handler_native, eshm, eshm_data, rpc):
    assert module.__file__.startswith(sys.argv[1] + "/"), module.__file__
library = Path(eshm.library_path()).resolve()
assert str(library).startswith(sys.argv[2] + "/"), library
with eshm.ESHM(sys.argv[3], backend="ctypes") as channel:
    channel.write(b"alive")
END
}
# The folder is one below the prefix that this Python would look into.
quietly "$cmake" --install "$made"
place=$(dirname "$(find "$prefix" -path '*/eshm/__init__.py')")
place=${place%/eshm}
case $place in
"$prefix"/lib/python3*) ;;
*) fail "the Python package went to $place" ;;
esac
python_works "$place"
# All moves together.
mv "$prefix" "$work/moved"
prefix=$work/moved
python_works "$prefix${place#"$work/prefix"}"
prefix=$work/prefix

# A folder of the user's own, also below DESTDIR; all is uninstalled, with what Python left.
configure -DESHM_PYTHON_INSTALL_DIR=share/scripts
quietly "$cmake" --install "$made"
python_works "$prefix/share/scripts"
(cd "$work" && PYTHONPATH=$prefix/share/scripts "$python" -c 'import eshm, rpc')
quietly "$cmake" "-DBUILD_DIR=$made" -P "$source/cmake/uninstall.cmake"
left=$(find "$prefix" ! -type d)
[ -z "$left" ] || fail "uninstall left $left"
[ -z "$(find "$prefix" -name '*eshm*')" ] || fail "uninstall left folders: $(find "$prefix" -name '*eshm*')"
configure "-DESHM_PYTHON_INSTALL_DIR=$work/elsewhere"
DESTDIR=$work/staged quietly "$cmake" --install "$made"
[ -L "$work/staged$work/elsewhere/eshm/libeshm.so" ] && [ -e "$work/staged$work/elsewhere/eshm/libeshm.so" ] ||
    fail "the package below DESTDIR does not find the library"
[ ! -e "$work/elsewhere" ] || fail "something went beside DESTDIR"
