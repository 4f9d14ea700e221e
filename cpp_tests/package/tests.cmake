# The tests of what is installed, and of libeshm inside another project's build. The first of them installs to a prefix and
# moves that; the next ones use it from there.

set(eshm_package_scripts "${CMAKE_CURRENT_LIST_DIR}")
set(eshm_moved "${ESHM_BINARY_DIR}/test/moved")

# eshm_package_test(NAME SCRIPT ARGUMENT...): exit code 77 is "skipped".
function(eshm_package_test name script)
    add_test(NAME ${name} COMMAND "${eshm_package_scripts}/${script}" ${ARGN})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()

eshm_package_test(install check_install.sh
    "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}" "${ESHM_VERSION}" "${eshm_moved}")
eshm_package_test(install_gcc check_consumers.sh
    "${CMAKE_COMMAND}" "${eshm_moved}" "${ESHM_SOURCE_DIR}/examples/05_integration" gcc g++)
eshm_package_test(install_clang check_consumers.sh
    "${CMAKE_COMMAND}" "${eshm_moved}" "${ESHM_SOURCE_DIR}/examples/05_integration" clang clang++)
eshm_package_test(two_rust_libraries check_two_libraries.sh "${eshm_moved}" "${CMAKE_C_COMPILER}" "${ESHM_RUSTC}")
eshm_package_test(released_program check_released.sh "${ESHM_BINARY_DIR}" "${CMAKE_C_COMPILER}")
if(ESHM_HAS_CXX17)
    eshm_package_test(record_classes check_record_classes.sh
        "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}/abi/libeshm_data.so.1.txt" "${CMAKE_CXX_COMPILER}")
else()
    message(STATUS "SKIPPED: the test record_classes, as this build has no C++ record classes")
endif()
eshm_package_test(add_subdirectory check_subproject.sh
    "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}" subdirectory -DESHM_MAX_DATA_SIZE=512)
eshm_package_test(fetch_content check_subproject.sh "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}" fetch
    "-DESHM_MAX_DATA_SIZE=${ESHM_MAX_DATA_SIZE}" "-DESHM_HEARTBEAT_INTERVAL_MS=${ESHM_HEARTBEAT_INTERVAL_MS}")
foreach(variant IN ITEMS plain ninja configurations lto lld sanitizers)
    eshm_package_test(parent_${variant} check_parent.sh
        "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}" ${variant})
endforeach()
eshm_package_test(without_cxx check_without_cxx.sh "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}")
eshm_package_test(build_tree check_build_tree.sh "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}")
eshm_package_test(install_options check_options.sh
    "${CMAKE_COMMAND}" "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}" "${ESHM_PYTHON}")
eshm_package_test(one_build check_one_build.sh "${ESHM_BINARY_DIR}" "${ESHM_SOURCE_DIR}" "$<TARGET_FILE:ESHM::eshm_static>" ${eshm_size_limit})

set_tests_properties(install PROPERTIES FIXTURES_SETUP eshm_moved)
set_tests_properties(install_gcc install_clang two_rust_libraries PROPERTIES FIXTURES_REQUIRED eshm_moved)
