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

add_library(eshm_static STATIC IMPORTED GLOBAL)
add_dependencies(eshm_static eshm_pack)
set_target_properties(eshm_static PROPERTIES
    IMPORTED_LOCATION "${ESHM_STATIC_FILE}"
    INTERFACE_INCLUDE_DIRECTORIES "${eshm_includes}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;rt;m;${CMAKE_DL_LIBS}")
add_library(ESHM::eshm_static ALIAS eshm_static)
