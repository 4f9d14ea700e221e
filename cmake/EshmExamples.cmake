# The examples in C and C++, in this build folder's examples/. Each is also a project of its own, which is how a user builds one.

include(CheckLanguage)
check_language(CXX)
if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
endif()

file(GLOB eshm_examples CONFIGURE_DEPENDS examples/*/*.c examples/*/*.cpp)
foreach(source IN LISTS eshm_examples)
    get_filename_component(folder "${source}" DIRECTORY)
    get_filename_component(folder "${folder}" NAME)
    get_filename_component(program "${source}" NAME_WE)
    if(source MATCHES "\\.cpp$" AND NOT "cxx_std_17" IN_LIST CMAKE_CXX_COMPILE_FEATURES)
        message(WARNING "ESHM: the example ${folder} is not built: it needs a compiler for C++17")
        continue()
    endif()
    # Names that cannot meet those of another project.
    set(target "eshm_example_${folder}")
    add_executable(${target} "${source}")
    if(source MATCHES "\\.cpp$")
        target_compile_features(${target} PRIVATE cxx_std_17)
    endif()
    target_link_libraries(${target} PRIVATE ESHM::eshm)
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME "${program}" RUNTIME_OUTPUT_DIRECTORY "${ESHM_BINARY_DIR}/examples/${folder}")
endforeach()
