# The two libraries as targets to link against.

if(NOT TARGET Threads::Threads)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_package(Threads REQUIRED)
endif()

set(eshm_includes "${CMAKE_CURRENT_SOURCE_DIR}/include" "${ESHM_CONFIG_DIR}")

add_library(eshm SHARED IMPORTED GLOBAL)
add_dependencies(eshm eshm_cargo)
set_target_properties(eshm PROPERTIES
    IMPORTED_LOCATION "${ESHM_SHARED_FILE}"
    IMPORTED_SONAME libeshm.so.1
    INTERFACE_INCLUDE_DIRECTORIES "${eshm_includes}")
add_library(ESHM::eshm ALIAS eshm)

add_library(eshm_static STATIC IMPORTED GLOBAL)
add_dependencies(eshm_static eshm_pack)
set_target_properties(eshm_static PROPERTIES
    IMPORTED_LOCATION "${ESHM_STATIC_FILE}"
    INTERFACE_INCLUDE_DIRECTORIES "${eshm_includes}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;rt;m;${CMAKE_DL_LIBS}")
add_library(ESHM::eshm_static ALIAS eshm_static)
