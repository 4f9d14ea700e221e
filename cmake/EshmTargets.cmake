# The libraries as targets to link against.

if(NOT TARGET Threads::Threads)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_package(Threads REQUIRED)
endif()

set(eshm_includes "${CMAKE_CURRENT_SOURCE_DIR}/include" "${ESHM_CONFIG_DIR}")

# eshm_shared_target(NAME FILE): the shared library by one of its names.
function(eshm_shared_target name file)
    add_library(${name} SHARED IMPORTED GLOBAL)
    add_dependencies(${name} eshm_cargo)
    set_target_properties(${name} PROPERTIES
        IMPORTED_LOCATION "${file}"
        IMPORTED_SONAME "${ESHM_SONAME}"
        INTERFACE_INCLUDE_DIRECTORIES "${eshm_includes}")
    add_library(ESHM::${name} ALIAS ${name})
endfunction()

eshm_shared_target(eshm "${ESHM_RUNTIME_LINK}")
eshm_shared_target(eshm_data "${ESHM_DATA_LINK}")

# libeshm_data.so.1, which the functions for records had as a library of their own: programs linked to it load ours by way of
# this empty library. No link, as ldconfig lists a link to libeshm.so.1.x.y under libeshm.so.1 alone.
set(eshm_data_soname "libeshm_data.so.${PROJECT_VERSION_MAJOR}")
add_library(eshm_data_loader MODULE cmake/eshm_data.c)
target_link_libraries(eshm_data_loader PRIVATE
    "-Wl,-soname,${eshm_data_soname},-z,nodelete,--no-as-needed" "${ESHM_RUNTIME_LINK}")
add_dependencies(eshm_data_loader eshm_cargo)
set_target_properties(eshm_data_loader PROPERTIES
    OUTPUT_NAME eshm_data SUFFIX ".so.${PROJECT_VERSION_MAJOR}" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN") # beside it, wherever both were moved to

add_library(eshm_static STATIC IMPORTED GLOBAL)
add_dependencies(eshm_static eshm_pack)
set_target_properties(eshm_static PROPERTIES
    IMPORTED_LOCATION "${ESHM_STATIC_FILE}"
    INTERFACE_INCLUDE_DIRECTORIES "${eshm_includes}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;rt;m;${CMAKE_DL_LIBS}")
add_library(ESHM::eshm_static ALIAS eshm_static)
