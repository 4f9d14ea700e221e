# Checks the settings, and writes eshm_config.h from the two of the library.

function(eshm_check_setting name least most)
    set(value "${${name}}")
    # The length first: math on a number of any length would wrap.
    string(LENGTH "${value}" digits)
    if(NOT value MATCHES "^[1-9][0-9]*$" OR digits GREATER 10 OR value LESS least OR value GREATER most)
        message(FATAL_ERROR "${name} is \"${value}\": expected a whole number from ${least} to ${most}")
    endif()
endfunction()

eshm_check_setting(ESHM_MAX_DATA_SIZE 1 1073741824)
eshm_check_setting(ESHM_HEARTBEAT_INTERVAL_MS 1 1000)

string(TOUPPER "${ESHM_ENABLE_CUDA}" eshm_cuda)
if(eshm_cuda MATCHES "^(ON|TRUE|YES|Y|1)$")
    message(FATAL_ERROR "ESHM_ENABLE_CUDA is \"${ESHM_ENABLE_CUDA}\", but this libeshm has no part for CUDA: there is no "
        "eshm_cuda.h and no libeshm_cuda.so. Configure with -DESHM_ENABLE_CUDA=OFF if the project can do without. Data of "
        "a GPU can be sent once it is copied to memory of the host. A program that shares GPU memory itself needs "
        "libeshm_cuda.so of release 1.2, a library of its own.")
elseif(NOT eshm_cuda MATCHES "^(AUTO|OFF|FALSE|NO|N|0)$")
    message(FATAL_ERROR "ESHM_ENABLE_CUDA is \"${ESHM_ENABLE_CUDA}\": expected AUTO, ON or OFF")
endif()

# Written out as numbers, so that the total gets a type that holds it.
math(EXPR ESHM_CHANNEL_SIZE_APPROX "72 + ${ESHM_MAX_DATA_SIZE}")
math(EXPR ESHM_TOTAL_SIZE_APPROX "64 + 2 * ${ESHM_CHANNEL_SIZE_APPROX}")

set(ESHM_CONFIG_DIR "${CMAKE_CURRENT_BINARY_DIR}/include")
configure_file(include/eshm_config.h.in "${ESHM_CONFIG_DIR}/eshm_config.h" @ONLY)
