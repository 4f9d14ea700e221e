# cmake --install: libraries, headers with the configured eshm_config.h, eshm.pc for pkg-config, and the package that
# find_package(ESHM) reads. The result may be moved to another prefix. Components: runtime, development (and tools).
include(CMakePackageConfigHelpers)

set(eshm_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ESHM")

install(PROGRAMS "${ESHM_SHARED_FILE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
install(FILES "${ESHM_RUNTIME_LINK}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
install(FILES "${ESHM_SHARED_LINK}" "${ESHM_STATIC_FILE}"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)

file(GLOB eshm_headers CONFIGURE_DEPENDS include/*.h include/*.hpp)
install(FILES ${eshm_headers} "${ESHM_CONFIG_DIR}/eshm_config.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)

configure_package_config_file(cmake/ESHMConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/ESHMConfig.cmake"
    INSTALL_DESTINATION "${eshm_package_dir}"
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/ESHMConfigVersion.cmake"
    VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ESHMConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/ESHMConfigVersion.cmake"
        DESTINATION "${eshm_package_dir}" COMPONENT development)

# eshm.pc finds its prefix from where it lies itself, if the folders of libraries and headers are inside the prefix.
set(eshm_pc_prefix "${CMAKE_INSTALL_PREFIX}")
set(eshm_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
set(eshm_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH eshm_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" eshm_pc_prefix "\${pcfiledir}/${eshm_pc_prefix}")
    set(eshm_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(eshm_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/eshm.pc.in "${CMAKE_CURRENT_BINARY_DIR}/eshm.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/eshm.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)

# Another project's uninstall is its own business.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    add_custom_target(uninstall
        COMMAND "${CMAKE_COMMAND}" "-DBUILD_DIR=${CMAKE_BINARY_DIR}" -P "${CMAKE_CURRENT_SOURCE_DIR}/cmake/uninstall.cmake"
        VERBATIM)
endif()
