# cmake --install: libraries, headers with the configured eshm_config.h, eshm.pc for pkg-config, and the package that
# find_package(ESHM) reads. The result may be moved to another prefix. Components: runtime, development, tools, python.
install(TARGETS eshm EXPORT ESHMTargets
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS eshm_static EXPORT ESHMTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/eshm" COMPONENT runtime)

file(GLOB eshm_headers CONFIGURE_DEPENDS include/*.h include/*.hpp)
install(FILES ${eshm_headers} "${ESHM_CONFIG_DIR}/eshm_config.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
install(FILES cmake/tsan.supp DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/eshm" COMPONENT development)

install(EXPORT ESHMTargets NAMESPACE ESHM:: DESTINATION "${eshm_package_dir}" COMPONENT development)
install(FILES "${eshm_package_files}/ESHMConfig.cmake" "${eshm_package_files}/ESHMConfigVersion.cmake"
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
