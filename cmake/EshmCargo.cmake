# Builds libeshm.so.VERSION with its links and libeshm.a in this build folder, with cargo.

find_program(ESHM_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" DOC "The Rust build tool")
if(NOT ESHM_CARGO)
    message(FATAL_ERROR "libeshm is written in Rust and needs cargo, which is not in PATH. Install Rust, with "
                        "rustup or from your distribution, or set ESHM_CARGO to the program.")
endif()
get_filename_component(eshm_rust_dir "${ESHM_CARGO}" DIRECTORY)
find_program(ESHM_RUSTC rustc HINTS "${eshm_rust_dir}" DOC "The Rust compiler, which the tests use too")
# For pack_static.sh; CMake knows those that belong to the compiler.
foreach(tool CMAKE_LINKER CMAKE_READELF CMAKE_OBJCOPY CMAKE_AR)
    if(NOT ${tool})
        message(FATAL_ERROR "libeshm.a needs binutils: ${tool} is not set and was not found")
    endif()
endforeach()

# A folder of our own: builds with other settings, and cargo's own in the source folder, do not disturb each other.
set(eshm_cargo_dir "${CMAKE_CURRENT_BINARY_DIR}/cargo")
set(eshm_cargo_out "${eshm_cargo_dir}/release")
set(ESHM_SONAME "libeshm.so.${PROJECT_VERSION_MAJOR}")
set(ESHM_SHARED_FILE "${CMAKE_CURRENT_BINARY_DIR}/libeshm.so.${PROJECT_VERSION}")
set(ESHM_RUNTIME_LINK "${CMAKE_CURRENT_BINARY_DIR}/${ESHM_SONAME}")
set(ESHM_SHARED_LINK "${CMAKE_CURRENT_BINARY_DIR}/libeshm.so")
set(ESHM_STATIC_FILE "${CMAKE_CURRENT_BINARY_DIR}/libeshm.a")

# Runs at every build, as only cargo knows what the library depends on; copies only what changed, so that nothing is linked
# anew without need. Without the Rust library among the crate types, which would turn link-time optimisation off: 50 KB less.
# The inlining threshold of LLVM (225 otherwise) takes 30 KB more off what is not inlined by attribute anyway; a read and a write
# stay as many instructions (make instructions).
# make's job server is none of cargo's, and a target triple would move the results elsewhere.
set(eshm_cargo_environment "${CMAKE_COMMAND}" -E env
    --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL --unset=CARGO_BUILD_TARGET
    "ESHM_MAX_DATA_SIZE=${ESHM_MAX_DATA_SIZE}"
    "ESHM_HEARTBEAT_INTERVAL_MS=${ESHM_HEARTBEAT_INTERVAL_MS}")
add_custom_target(eshm_cargo
    COMMAND ${eshm_cargo_environment} "CARGO_TARGET_DIR=${eshm_cargo_dir}"
            "${ESHM_CARGO}" rustc --release --lib --package eshm --crate-type cdylib,staticlib
            --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml" ${ESHM_CARGO_FLAGS}
            -- -Cllvm-args=--inline-threshold=50
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${eshm_cargo_out}/libeshm.so" "${ESHM_SHARED_FILE}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "libeshm.so.${PROJECT_VERSION}" "${ESHM_RUNTIME_LINK}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "${ESHM_SONAME}" "${ESHM_SHARED_LINK}"
    BYPRODUCTS "${ESHM_SHARED_FILE}" "${ESHM_RUNTIME_LINK}" "${ESHM_SHARED_LINK}"
               "${eshm_cargo_out}/libeshm.a"
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
