# cmake --install: libraries, headers with the configured eshm_config.h, and the package that find_package(ESHM) reads. The
# result may be moved to another prefix.
include(CMakePackageConfigHelpers)

set(eshm_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ESHM")

install(PROGRAMS "${ESHM_SHARED_FILE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${ESHM_SHARED_LINK}" "${ESHM_STATIC_FILE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/eshm.h include/eshm_data.h "${ESHM_CONFIG_DIR}/eshm_config.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

configure_package_config_file(cmake/ESHMConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/ESHMConfig.cmake"
    INSTALL_DESTINATION "${eshm_package_dir}"
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
# Sources written for any earlier libeshm, the original's releases included, build with this one.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/ESHMConfigVersion.cmake"
    VERSION "${PROJECT_VERSION}" COMPATIBILITY AnyNewerVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ESHMConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/ESHMConfigVersion.cmake"
        DESTINATION "${eshm_package_dir}")
