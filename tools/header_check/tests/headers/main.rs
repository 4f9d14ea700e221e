//! Holds the hand-written headers of `include/` against the C interface as the Rust side has it.
//!
//! Two views of one interface meet here. `cbindgen` writes C for the functions and structs of `src/ffi/`; the headers are
//! copied, with their template filled in. Both go through the C compiler's preprocessor and the same reader, and must say
//! the same: names, order, types, parameter names. Where they differ on purpose, a row of [`table`] says why. Sizes, offsets
//! and values are the C compiler's on the one side and the compiled crate's on the other. The C compiler also judges each
//! type once more, so that a mistake of the reader cannot hide one.
//!
//! [`doctored`] shows that each kind of difference is found.

mod compare;
mod compiler;
mod doctored;
mod facts;
mod folder;
mod headers;
mod measure;
mod pairs;
mod parse;
mod program;
mod rust;
mod segment;
mod table;
mod tokens;
mod values;
mod view;

use headers::Headers;

#[test]
fn headers_and_rust_agree() {
    let headers = Headers::copy(eshm::MAX_DATA_SIZE);
    let found = compare::differences(&headers, &rust::view(&rust::sources()), table::ROWS);
    assert!(found.is_empty(), "headers and src/ffi differ:\n  {}", found.join("\n  "));
}

/// The core of the interface, by name: nothing would differ if both views lacked it.
#[test]
fn both_views_are_complete() {
    let rust = rust::view(&rust::sources());
    let header = Headers::copy(eshm::MAX_DATA_SIZE).view().expect("the headers compile");
    let core = [
        "eshm_init",
        "eshm_init_ex",
        "eshm_capacity",
        "eshm_has_given_up",
        "eshm_last_error",
        "eshm_version",
        "eshm_destroy",
        "eshm_write",
        "eshm_read",
        "eshm_read_ex",
        "eshm_update_heartbeat",
        "eshm_check_remote_alive",
        "eshm_get_stats",
        "eshm_get_role",
        "eshm_error_string",
        "eshm_set_wakeup_mode",
        "eshm_get_wakeup_mode",
        "eshm_set_spin_us",
        "eshm_get_event_fd",
        "eshm_write_data",
        "eshm_read_data",
        "eshm_free_value",
        "eshm_data_free_value",
        "eshm_data_get_last_error",
        "dh_create",
        "dh_destroy",
        "dh_encode",
        "dh_decode",
        "dh_free_value",
        "dh_get_last_error",
        "eshm_record_encode",
        "eshm_record_decode",
        "eshm_record_to_json",
        "eshm_rpc_create",
        "eshm_rpc_destroy",
        "eshm_rpc_on_call",
        "eshm_rpc_on_event",
        "eshm_rpc_start",
        "eshm_rpc_stop",
        "eshm_rpc_call",
        "eshm_rpc_emit",
        "eshm_rpc_missed",
        "eshm_rpc_dispatched",
        "eshm_rpc_get_last_error",
    ];
    for view in [&rust, &header] {
        for name in core {
            assert!(view.function(name).is_some(), "{name} is missing from {view:#?}");
        }
        for (name, fields) in
            [("ESHMConfig", 9), ("ESHMOptions", 11), ("ESHMStats", 13), ("ESHMBinary", 2), ("ESHMRecordField", 8)]
        {
            let structure = view.structure(name).unwrap_or_else(|| panic!("{name} is missing from {view:#?}"));
            assert_eq!(structure.fields.as_deref().map_or(0, <[_]>::len), fields, "{name}");
        }
    }
}
