#!/bin/sh
# A program compiled with the released header and linked to released libraries of the same names finds ours and runs, without
# being linked again. The released libraries are played by stubs with their sonames and functions.
#
#   check_released.sh LIBRARY_DIR CC
libraries=$1 cc=$2
work=$(mktemp -d)
. "$(dirname "$0")/common.sh"
sources=$(cd "$(dirname "$0")" && pwd)

cd "$work"
for name in eshm eshm_data; do
    quietly "$cc" -shared -fPIC "-DSTUB_$name" -Wl,-soname,lib$name.so.1 -o lib$name.so.1 "$sources/released_stub.c"
done
quietly "$cc" -std=c11 -Wall -Wextra -Werror -Wl,--no-as-needed -o program "$sources/released.c" ./libeshm.so.1 ./libeshm_data.so.1
needs program libeshm.so.1
needs program libeshm_data.so.1
# With the stubs it gets nowhere, so what it does below is the work of ours.
! LD_LIBRARY_PATH=$work timeout 30 ./program $channel >log 2>&1 || fail "the program runs with the stubs"

LD_LIBRARY_PATH=$libraries
LD_BIND_NOW=1
export LD_LIBRARY_PATH LD_BIND_NOW
meet ./program ./program
