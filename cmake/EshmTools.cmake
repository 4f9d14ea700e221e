# eshmctl, with its manual pages and completions, in this build folder's tools/.

set(eshm_tools_dir "${CMAKE_CURRENT_BINARY_DIR}/tools")
# Not the library's folder: cargo would put the library built as a part of eshmctl in the place of the one for C.
set(eshm_tools_cargo_dir "${CMAKE_CURRENT_BINARY_DIR}/cargo-tools")
set(ESHM_CTL_FILE "${eshm_tools_dir}/eshmctl")

add_custom_target(eshm_tools ALL
    COMMAND ${eshm_cargo_environment} "CARGO_TARGET_DIR=${eshm_tools_cargo_dir}"
            "${ESHM_CARGO}" build --release --package eshmctl
            --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml" ${ESHM_CARGO_FLAGS}
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${eshm_tools_dir}/man" "${eshm_tools_dir}/completions"
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${eshm_tools_cargo_dir}/release/eshmctl" "${ESHM_CTL_FILE}"
    COMMAND "${ESHM_CTL_FILE}" man "${eshm_tools_dir}/man"
    COMMAND "${ESHM_CTL_FILE}" completions bash > "${eshm_tools_dir}/completions/eshmctl"
    COMMAND "${ESHM_CTL_FILE}" completions zsh > "${eshm_tools_dir}/completions/_eshmctl"
    COMMAND "${ESHM_CTL_FILE}" completions fish > "${eshm_tools_dir}/completions/eshmctl.fish"
    COMMENT "Building eshmctl with cargo"
    VERBATIM USES_TERMINAL)

if(ESHM_INSTALL)
    install(PROGRAMS "${ESHM_CTL_FILE}" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
    install(DIRECTORY "${eshm_tools_dir}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT tools)
    install(FILES "${eshm_tools_dir}/completions/eshmctl"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT tools)
    install(FILES "${eshm_tools_dir}/completions/_eshmctl"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT tools)
    install(FILES "${eshm_tools_dir}/completions/eshmctl.fish"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" COMPONENT tools)
    # Reads what `eshmctl record` wrote; in a folder to be asked for, as its name is a common one.
    install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/tools/eshmctl/capture.py"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/eshm" COMPONENT tools)
endif()
