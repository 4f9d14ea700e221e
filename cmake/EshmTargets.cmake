# The libraries as targets, linked from the object that cargo's part of the build makes.

if(NOT TARGET Threads::Threads)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_package(Threads REQUIRED)
    # A project around this one links to it by way of ours.
    set_target_properties(Threads::Threads PROPERTIES IMPORTED_GLOBAL TRUE)
endif()

# The compiler hides warnings of our headers in another project's build, as it does with an installed libeshm.
set(eshm_system SYSTEM)
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    set(eshm_system "")
endif()

set_source_files_properties("${ESHM_OBJECT}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

# eshm_library(NAME SHARED|STATIC): libeshm of this kind.
function(eshm_library name kind)
    add_library(${name} ${kind} "${ESHM_OBJECT}")
    add_library(ESHM::${name} ALIAS ${name})
    add_dependencies(${name} eshm_cargo)
    set_target_properties(${name} PROPERTIES OUTPUT_NAME eshm LINKER_LANGUAGE C)
    target_include_directories(${name} ${eshm_system} INTERFACE
        "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include;${ESHM_CONFIG_DIR}>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
endfunction()

eshm_library(eshm SHARED)
file(STRINGS cmake/link_options.txt eshm_link_options)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/link_options.txt)
set(eshm_map "${CMAKE_CURRENT_SOURCE_DIR}/cmake/eshm.map")
target_link_options(eshm PRIVATE ${eshm_link_options} "SHELL:-Xlinker \"--version-script=${eshm_map}\"")
target_link_libraries(eshm PRIVATE gcc_s m ${CMAKE_DL_LIBS} PUBLIC Threads::Threads rt)
set_target_properties(eshm PROPERTIES
    VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}" LINK_DEPENDS "${eshm_map}")

eshm_library(eshm_static STATIC)
target_link_libraries(eshm_static INTERFACE Threads::Threads rt m ${CMAKE_DL_LIBS})
