# Builds libeshm.so.1, libeshm.so and libeshm.a in this build folder, with cargo.

find_program(ESHM_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" DOC "The Rust build tool")
if(NOT ESHM_CARGO)
    message(FATAL_ERROR "libeshm is written in Rust and needs cargo, which is not in PATH. Install Rust, with "
                        "rustup or from your distribution, or set ESHM_CARGO to the program.")
endif()
# For pack_static.sh; CMake knows those that belong to the compiler.
foreach(tool CMAKE_LINKER CMAKE_READELF CMAKE_OBJCOPY CMAKE_AR)
    if(NOT ${tool})
        message(FATAL_ERROR "libeshm.a needs binutils: ${tool} is not set and was not found")
    endif()
endforeach()

# A folder of our own: builds with other settings, and cargo's own in the source folder, do not disturb each other.
set(eshm_cargo_dir "${CMAKE_CURRENT_BINARY_DIR}/cargo")
set(eshm_cargo_out "${eshm_cargo_dir}/release")
set(ESHM_SHARED_FILE "${CMAKE_CURRENT_BINARY_DIR}/libeshm.so.1")
set(ESHM_SHARED_LINK "${CMAKE_CURRENT_BINARY_DIR}/libeshm.so")
set(ESHM_STATIC_FILE "${CMAKE_CURRENT_BINARY_DIR}/libeshm.a")

# Runs at every build, as only cargo knows what the library depends on; copies only what changed, so that nothing is linked
# anew without need. make's job server is none of cargo's, and a target triple would move the results elsewhere.
add_custom_target(eshm_cargo
    COMMAND "${CMAKE_COMMAND}" -E env
            --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL --unset=CARGO_BUILD_TARGET
            "CARGO_TARGET_DIR=${eshm_cargo_dir}"
            "ESHM_MAX_DATA_SIZE=${ESHM_MAX_DATA_SIZE}"
            "ESHM_HEARTBEAT_INTERVAL_MS=${ESHM_HEARTBEAT_INTERVAL_MS}"
            "${ESHM_CARGO}" build --release --lib --package eshm
            --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml" ${ESHM_CARGO_FLAGS}
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${eshm_cargo_out}/libeshm.so" "${ESHM_SHARED_FILE}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink libeshm.so.1 "${ESHM_SHARED_LINK}"
    BYPRODUCTS "${ESHM_SHARED_FILE}" "${ESHM_SHARED_LINK}" "${eshm_cargo_out}/libeshm.a"
    COMMENT "Building libeshm with cargo"
    VERBATIM USES_TERMINAL)

add_custom_command(OUTPUT "${ESHM_STATIC_FILE}"
    COMMAND "${CMAKE_COMMAND}" -E env
            "LD=${CMAKE_LINKER}" "READELF=${CMAKE_READELF}" "OBJCOPY=${CMAKE_OBJCOPY}" "AR=${CMAKE_AR}"
            "${CMAKE_CURRENT_SOURCE_DIR}/scripts/pack_static.sh" "${eshm_cargo_out}/libeshm.a" "${ESHM_STATIC_FILE}"
    DEPENDS eshm_cargo "${eshm_cargo_out}/libeshm.a" "${CMAKE_CURRENT_SOURCE_DIR}/scripts/pack_static.sh"
    COMMENT "Packing libeshm.a"
    VERBATIM)
add_custom_target(eshm_pack ALL DEPENDS "${ESHM_STATIC_FILE}")
