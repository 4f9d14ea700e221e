# The package that find_package(ESHM) reads: of this build folder, for ESHM_DIR, and of an install.
include(CMakePackageConfigHelpers)

set(eshm_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ESHM")
# For an install, where find_package() does not come upon it before.
set(eshm_package_files "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/ESHM")

# eshm_package(FOLDER PREFIX INSTALLED_FOLDER INCLUDE_DIR LIBRARY_DIR): writes ESHMConfig.cmake into the folder.
function(eshm_package folder prefix destination eshm_include_dir eshm_library_dir)
    configure_package_config_file(cmake/ESHMConfig.cmake.in "${folder}/ESHMConfig.cmake"
        INSTALL_PREFIX "${prefix}" INSTALL_DESTINATION "${destination}" PATH_VARS eshm_include_dir eshm_library_dir
        NO_SET_AND_CHECK_MACRO)
    write_basic_package_version_file("${folder}/ESHMConfigVersion.cmake"
        VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMajorVersion)
endfunction()

set(eshm_built "${CMAKE_CURRENT_BINARY_DIR}")
if(CMAKE_LIBRARY_OUTPUT_DIRECTORY)
    set(eshm_built "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
endif()
eshm_package("${CMAKE_CURRENT_BINARY_DIR}" "${CMAKE_CURRENT_BINARY_DIR}" "${CMAKE_CURRENT_BINARY_DIR}"
    "${CMAKE_CURRENT_SOURCE_DIR}/include;${ESHM_CONFIG_DIR}" "${eshm_built}")
export(TARGETS eshm eshm_static eshm_data NAMESPACE ESHM:: FILE "${CMAKE_CURRENT_BINARY_DIR}/ESHMTargets.cmake")

eshm_package("${eshm_package_files}" "${CMAKE_INSTALL_PREFIX}" "${eshm_package_dir}"
    "${CMAKE_INSTALL_INCLUDEDIR}" "${CMAKE_INSTALL_LIBDIR}")
