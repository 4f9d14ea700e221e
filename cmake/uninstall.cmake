# Removes what the last install of this build put in place, and the folders of ours that are then empty. DESTDIR in the
# environment is the one that was installed to.
#
#   cmake -DBUILD_DIR=... -P uninstall.cmake

file(GLOB manifests "${BUILD_DIR}/install_manifest.txt" "${BUILD_DIR}/install_manifest_*.txt")
if(NOT manifests)
    message(FATAL_ERROR "Nothing was installed from here: there is no install_manifest.txt in ${BUILD_DIR}")
endif()

function(remove_if_empty folder)
    file(GLOB left "${folder}/*")
    if(IS_DIRECTORY "${folder}" AND NOT left)
        file(REMOVE_RECURSE "${folder}")
    endif()
endfunction()

foreach(manifest IN LISTS manifests)
    file(STRINGS "${manifest}" files)
    foreach(file IN LISTS files)
        set(file "$ENV{DESTDIR}${file}")
        if(EXISTS "${file}" OR IS_SYMLINK "${file}")
            file(REMOVE "${file}")
            if(EXISTS "${file}" OR IS_SYMLINK "${file}")
                message(FATAL_ERROR "Could not remove ${file}")
            endif()
            message(STATUS "Removed ${file}")
        else()
            message(STATUS "Not there: ${file}")
        endif()
        get_filename_component(folder "${file}" DIRECTORY)
        # What Python made of it when it was imported.
        if(file MATCHES "/([^/]*)\\.py$")
            file(GLOB compiled "${folder}/__pycache__/${CMAKE_MATCH_1}.*.pyc")
            if(compiled)
                file(REMOVE ${compiled})
            endif()
            remove_if_empty("${folder}/__pycache__")
        endif()
        if(folder MATCHES "^(.*/eshm)/_[a-z]+$") # a part of the Python package
            remove_if_empty("${folder}")
            set(folder "${CMAKE_MATCH_1}")
        endif()
        if(folder MATCHES "/(cmake/ESHM|doc/eshm|eshm)$")
            remove_if_empty("${folder}")
        endif()
    endforeach()
    file(REMOVE "${manifest}")
endforeach()
