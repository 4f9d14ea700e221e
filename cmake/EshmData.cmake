# libeshm_data.so.1: the C++ record classes for programs that were linked to releases 1.0 to 1.2; the same object is a member of
# libeshm.a. Programs that are compiled with our headers have the classes in themselves. It also brings the functions dh_*, as it
# needs libeshm.so.1, where they are.

include(CheckLanguage)
include(CheckCXXSourceCompiles)

set(eshm_data_abi "${CMAKE_CURRENT_SOURCE_DIR}/abi/libeshm_data.so.1.txt")
set(eshm_data_file "libeshm_data.so.${PROJECT_VERSION_MAJOR}")

check_language(CXX)
if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
    set(CMAKE_REQUIRED_FLAGS "-std=c++17")
    check_cxx_source_compiles("
        #include <string>
        #include <variant>
        #if !defined(__GLIBCXX__) || !_GLIBCXX_USE_CXX11_ABI || defined(_GLIBCXX_DEBUG) || !defined(__LP64__)
        #error other classes than those programs hold
        #endif
        int main() { return static_cast<int>(std::variant<int, std::string>(0).index()); }" ESHM_HAS_CXX17)
    unset(CMAKE_REQUIRED_FLAGS)
endif()

if(ESHM_HAS_CXX17)
    add_library(eshm_data_objects OBJECT cmake/eshm_data.cpp)
    target_include_directories(eshm_data_objects PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/include")
    target_compile_options(eshm_data_objects PRIVATE -fexceptions -frtti) # whatever the flags of the program around it are
    set_target_properties(eshm_data_objects PROPERTIES POSITION_INDEPENDENT_CODE ON INTERPROCEDURAL_OPTIMIZATION OFF
        CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET default)
    add_library(eshm_data SHARED $<TARGET_OBJECTS:eshm_data_objects>)
    set_target_properties(eshm_data PROPERTIES LINKER_LANGUAGE CXX)

    # It exports the listed names and no other.
    file(STRINGS "${eshm_data_abi}" eshm_data_names REGEX "^_Z")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${eshm_data_abi}")
    string(REGEX REPLACE " [A-Z]+(;|$)" ";\n    " eshm_data_names "${eshm_data_names}")
    set(eshm_data_map "${CMAKE_CURRENT_BINARY_DIR}/eshm_data.map")
    file(GENERATE OUTPUT "${eshm_data_map}" CONTENT "{\nglobal:\n    ${eshm_data_names}\nlocal: *;\n};\n")
    # Its own calls stay in it, whatever a program around it has of the same name.
    target_link_options(eshm_data PRIVATE "SHELL:-Xlinker \"--version-script=${eshm_data_map}\"" "LINKER:-Bsymbolic-functions")

    # Into libeshm.a.
    target_sources(eshm_static PRIVATE $<TARGET_OBJECTS:eshm_data_objects>)
else()
    message(WARNING
        "ESHM: there is no C++17 compiler with libstdc++ here (CMAKE_CXX_COMPILER is \"${CMAKE_CXX_COMPILER}\"). "
        "${eshm_data_file} and libeshm.a are built without the C++ record classes: C++ programs that were linked to releases 1.0 "
        "to 1.2 will fail in the loader with an undefined symbol such as _ZN12shm_protocol11DataHandlerC1Ev. All else is built. "
        "Install g++ (or set CMAKE_CXX_COMPILER), remove this build folder, and configure again.")
    add_library(eshm_data_loader SHARED cmake/eshm_data.c)
    set_target_properties(eshm_data_loader PROPERTIES OUTPUT_NAME eshm_data)
    add_library(eshm_data INTERFACE)
endif()

set(eshm_data_real eshm_data)
if(NOT ESHM_HAS_CXX17)
    set(eshm_data_real eshm_data_loader)
endif()
set_target_properties(${eshm_data_real} PROPERTIES
    VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}"
    LIBRARY_OUTPUT_DIRECTORY "$<TARGET_FILE_DIR:eshm>"
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN") # beside it, wherever both were moved to
add_dependencies(${eshm_data_real} eshm)
target_link_options(${eshm_data_real} PRIVATE "LINKER:-z,nodelete" "LINKER:--no-as-needed")
# By its file, as eshm brings eshm_data along, which would then be linked to itself.
target_link_libraries(${eshm_data_real} PRIVATE "$<TARGET_FILE:eshm>")
target_link_libraries(eshm_data INTERFACE eshm)
add_library(ESHM::eshm_data ALIAS eshm_data)
# Only to C++: a C program has no use for the classes, and would come to need libstdc++.
if(NOT CMAKE_VERSION VERSION_LESS 3.18)
    target_link_libraries(eshm INTERFACE "$<$<LINK_LANGUAGE:CXX>:ESHM::eshm_data>")
endif()

if(NOT ESHM_INSTALL)
    return()
endif()
if(ESHM_HAS_CXX17)
    install(TARGETS eshm_data EXPORT ESHMTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT development)
else()
    # The library in place may have the classes, as that of releases 1.0 to 1.2 has: it is worth more than this one.
    set(eshm_data_install [[
        set(folder "@CMAKE_INSTALL_LIBDIR@")
        if(NOT IS_ABSOLUTE "${folder}")
            set(folder "${CMAKE_INSTALL_PREFIX}/${folder}")
        endif()
        set(place "$ENV{DESTDIR}${folder}")
        set(classes "")
        if(EXISTS "${place}/@eshm_data_file@")
            file(STRINGS "${place}/@eshm_data_file@" classes LIMIT_COUNT 1 REGEX "_ZN12shm_protocol11DataHandlerC1Ev")
        endif()
        if(classes)
            message(WARNING "${place}/@eshm_data_file@ has the C++ record classes, and this build has not: it is left as it is. "
                            "Configure libeshm with a C++17 compiler to replace it.")
        else()
            # file(INSTALL) puts DESTDIR in front.
            file(INSTALL DESTINATION "${folder}" TYPE SHARED_LIBRARY
                 FILES "$<TARGET_FILE:eshm_data_loader>" "$<TARGET_SONAME_FILE:eshm_data_loader>")
        endif()]])
    string(CONFIGURE "${eshm_data_install}" eshm_data_install @ONLY)
    install(CODE "${eshm_data_install}" COMPONENT runtime)
    install(TARGETS eshm_data EXPORT ESHMTargets)
    install(FILES "$<TARGET_LINKER_FILE:eshm_data_loader>" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
endif()
