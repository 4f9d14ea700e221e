# cmake --install also puts the Python package and the modules by their earlier names where python3 looks for them. The package
# works over ctypes, with the library that is installed with it.

find_program(ESHM_PYTHON python3)
set(eshm_python_dir "${ESHM_PYTHON_INSTALL_DIR}")
if(NOT eshm_python_dir)
    if(NOT ESHM_PYTHON)
        message(FATAL_ERROR "ESHM_INSTALL_PYTHON: there is no python3 to ask where packages go; set ESHM_PYTHON_INSTALL_DIR")
    endif()
    # A folder of the prefix that the interpreter looks into, or would look into if it was installed there. Below /usr,
    # /usr/local is another prefix.
    execute_process(COMMAND "${ESHM_PYTHON}" -c "
import os, site, sys
prefix = sys.argv[1].rstrip('/')
inside = [os.path.relpath(path, prefix) for path in site.getsitepackages() if path.startswith(prefix + '/')]
inside = [path for path in inside if not path.startswith('local/')]
print(inside[0] if inside else 'lib/python%d.%d/site-packages' % sys.version_info[:2])" "${CMAKE_INSTALL_PREFIX}"
        OUTPUT_VARIABLE eshm_python_dir OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE eshm_python_failed)
    if(eshm_python_failed OR NOT eshm_python_dir)
        message(FATAL_ERROR "ESHM_INSTALL_PYTHON: ${ESHM_PYTHON} does not say where packages go (${eshm_python_failed}); set "
                            "ESHM_PYTHON_INSTALL_DIR")
    endif()
endif()
message(STATUS "ESHM: the Python package is installed to ${eshm_python_dir}")

install(DIRECTORY py_compat/eshm DESTINATION "${eshm_python_dir}" COMPONENT python
        FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
file(GLOB eshm_python_modules CONFIGURE_DEPENDS py_compat/*.py)
install(FILES ${eshm_python_modules} DESTINATION "${eshm_python_dir}" COMPONENT python)

# The package looks for the library within itself first: a link from there to the installed one. Made at install, when the
# prefix is known.
install(CODE "
    set(package \"${eshm_python_dir}/eshm\")
    set(libraries \"${CMAKE_INSTALL_LIBDIR}\")
    foreach(folder IN ITEMS package libraries)
        get_filename_component(\${folder} \"\${\${folder}}\" ABSOLUTE BASE_DIR \"\${CMAKE_INSTALL_PREFIX}\")
    endforeach()
    file(RELATIVE_PATH library \"\${package}\" \"\${libraries}/$<TARGET_SONAME_FILE_NAME:eshm>\")
    set(link \"\${package}/libeshm.so\")
    message(STATUS \"Installing: \$ENV{DESTDIR}\${link}\")
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${package}\")
    file(CREATE_LINK \"\${library}\" \"\$ENV{DESTDIR}\${link}\" SYMBOLIC)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${link}\")" COMPONENT python)
