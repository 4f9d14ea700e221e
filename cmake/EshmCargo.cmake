# Has cargo build the Rust of libeshm into one object, from which EshmTargets.cmake links the libraries.

find_program(ESHM_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" DOC "The Rust build tool")
if(NOT ESHM_CARGO)
    message(FATAL_ERROR "libeshm is written in Rust and needs cargo, which is not in PATH. Install Rust, with "
                        "rustup or from your distribution, or set ESHM_CARGO to the program.")
endif()
get_filename_component(eshm_rust_dir "${ESHM_CARGO}" DIRECTORY)
find_program(ESHM_RUSTC rustc HINTS "${eshm_rust_dir}" DOC "The Rust compiler, which the tests use too")
# For pack_object.sh; CMake knows those that belong to the compiler.
foreach(tool CMAKE_LINKER CMAKE_READELF CMAKE_OBJCOPY)
    if(NOT ${tool})
        message(FATAL_ERROR "libeshm needs binutils: ${tool} is not set and was not found")
    endif()
endforeach()
if(CMAKE_CROSSCOMPILING AND NOT ESHM_CARGO_FLAGS MATCHES "--target")
    message(FATAL_ERROR "ESHM: this build is for another system (${CMAKE_SYSTEM_NAME} on ${CMAKE_SYSTEM_PROCESSOR}), and cargo "
                        "is to be told which: rustup target add NAME, and set ESHM_CARGO_FLAGS to --target=NAME, for "
                        "example --target=aarch64-unknown-linux-gnu.")
endif()

# A folder of our own: builds with other settings, and cargo's own in the source folder, do not disturb each other.
set(eshm_cargo_dir "${CMAKE_CURRENT_BINARY_DIR}/cargo")
set(ESHM_OBJECT "${eshm_cargo_dir}/eshm.o")

# make's job server is none of cargo's.
set(eshm_cargo_environment "${CMAKE_COMMAND}" -E env
    --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL --unset=CARGO_BUILD_TARGET
    "ESHM_MAX_DATA_SIZE=${ESHM_MAX_DATA_SIZE}"
    "ESHM_HEARTBEAT_INTERVAL_MS=${ESHM_HEARTBEAT_INTERVAL_MS}")
# Runs at every build, as only cargo knows what the library depends on; the object is written if it changed, so that nothing is
# linked anew without need.
add_custom_target(eshm_cargo
    COMMAND ${eshm_cargo_environment} "CARGO_TARGET_DIR=${eshm_cargo_dir}" "CARGO=${ESHM_CARGO}"
            "LD=${CMAKE_LINKER}" "READELF=${CMAKE_READELF}" "OBJCOPY=${CMAKE_OBJCOPY}"
            "${CMAKE_CURRENT_SOURCE_DIR}/scripts/build_library.sh" "${ESHM_OBJECT}" ${ESHM_CARGO_FLAGS}
    BYPRODUCTS "${ESHM_OBJECT}"
    COMMENT "Building libeshm with cargo"
    VERBATIM USES_TERMINAL)
