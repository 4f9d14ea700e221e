//! The functions for records, as [`exported`](crate::exported) has the others.

use crate::exported::{Exported, PANICKED, Pair};
use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
};

/// `ESHMRecordField`.
#[repr(C)]
struct Field {
    key: *const c_char,
    key_size: usize,
    data: *const c_void,
    size: usize,
    integer: i64,
    real: f64,
    children: u32,
    field_type: u8,
}

unsafe extern "C" {
    fn eshm_write_data(
        handle: *mut c_void,
        types: *const u8,
        keys: *const *const c_char,
        values: *const *const c_void,
        count: c_int,
    ) -> c_int;
    #[allow(clippy::too_many_arguments)] // the contract's
    fn eshm_read_data(
        handle: *mut c_void,
        types: *mut u8,
        keys: *const *mut c_char,
        max_key_len: c_int,
        values: *mut *mut c_void,
        max_items: c_int,
        count: *mut c_int,
        timeout_ms: u32,
    ) -> c_int;
    fn eshm_free_value(value: *mut c_void, kind: u8);
    fn eshm_data_free_value(kind: u8, value: *mut c_void);
    fn eshm_data_get_last_error() -> *const c_char;
    fn dh_create() -> *mut c_void;
    fn dh_destroy(handler: *mut c_void);
    fn dh_encode(
        handler: *mut c_void,
        types: *const u8,
        keys: *const *const c_char,
        values: *const *const c_void,
        count: c_int,
        out: *mut u8,
        out_size: c_int,
    ) -> c_int;
    #[allow(clippy::too_many_arguments)] // the contract's
    fn dh_decode(
        handler: *mut c_void,
        bytes: *const u8,
        size: c_int,
        types: *mut u8,
        keys: *const *mut c_char,
        max_key_len: c_int,
        values: *mut *mut c_void,
        max_items: c_int,
    ) -> c_int;
    fn dh_free_value(kind: u8, value: *mut c_void);
    fn dh_get_last_error() -> *const c_char;
    fn eshm_record_encode(fields: *const Field, count: usize, out: *mut c_void, out_size: usize, size: *mut usize) -> c_int;
    fn eshm_record_decode(message: *const c_void, size: usize, fields: *mut Field, max: usize, count: *mut usize) -> c_int;
    fn eshm_record_to_json(
        message: *const c_void,
        size: usize,
        out: *mut c_char,
        out_size: usize,
        length: *mut usize,
    ) -> c_int;
}

/// The record `{"a": "b"}`.
const RECORD: [u8; 33] =
    *b"\x30\x84\0\0\0\x1B\x30\x84\0\0\0\x03\x02\x01\x03\x30\x84\0\0\0\x03\x0C\x01a\x30\x84\0\0\0\x03\x0C\x01b";
const STRING: u8 = 3;

/// Reads that record through one of the two functions for it: its result, having freed what was handed out.
fn read(with: impl FnOnce(*mut u8, *const *mut c_char, *mut *mut c_void) -> c_int) -> i64 {
    let (mut kind, mut text, mut value) = (0, [0; 8], ptr::null_mut());
    let result = with(&mut kind, &text.as_mut_ptr(), &mut value);
    // SAFETY: nothing, or what was just handed out with this type; a text ends in NUL.
    unsafe {
        if !value.is_null() {
            assert_eq!((kind, CStr::from_ptr(text.as_ptr()), CStr::from_ptr(value.cast())), (STRING, c"a", c"b"));
            dh_free_value(kind, value);
        }
    }
    result.into()
}

/// Has a value handed out and freed by `free`.
fn freed(free: unsafe fn(*mut c_void)) -> i64 {
    let mut value = ptr::null_mut();
    let (mut kind, mut text) = (0, [0; 8]);
    // SAFETY: room for one item; the value is freed once. After a panic it is not, and is lost.
    unsafe {
        let (size, keys) = (RECORD.len() as c_int, [text.as_mut_ptr()]);
        assert_eq!(dh_decode(dh_create(), RECORD.as_ptr(), size, &mut kind, keys.as_ptr(), 8, &mut value, 1), 1);
        free(value);
    }
    0
}

/// Has a record function fail; the length of the reason that `reason` gives.
fn explained(reason: unsafe extern "C" fn() -> *const c_char) -> i64 {
    // SAFETY: NULL is an error; the text ends in NUL.
    unsafe {
        assert_eq!(dh_encode(ptr::null_mut(), ptr::null(), ptr::null(), ptr::null(), 0, ptr::null_mut(), 0), -1);
        CStr::from_ptr(reason()).count_bytes() as i64
    }
}

const REASON: i64 = "an argument is NULL or negative".len() as i64;

/// Writes that record through one of the two functions for it.
fn written(with: impl FnOnce(*const u8, *const *const c_char, *const *const c_void) -> c_int) -> i64 {
    with(&STRING, &c"a".as_ptr(), &c"b".as_ptr().cast()).into()
}

/// All of them.
pub(crate) const ALL: &[Exported] = &[
    Exported {
        name: "eshm_write_data",
        // SAFETY: a live handle and one item, as in all below.
        call: |pair, _| written(|types, keys, values| unsafe { eshm_write_data(pair.master.0, types, keys, values, 1) }),
        good: RECORD.len() as i64,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_read_data",
        call: |pair: Pair, _| {
            // SAFETY: as many bytes as said.
            assert_eq!(pair.slave.write_bytes(&RECORD), 0);
            let mut count = 77;
            // SAFETY: one item, and as much room as said.
            let result = read(|types, keys, values| unsafe {
                eshm_read_data(pair.master.0, types, keys, 8, values, 1, &mut count, 1000)
            });
            assert_eq!(count, c_int::from(result == 0));
            result
        },
        good: 0,
        bad: PANICKED,
    },
    // The value is lost after a panic; there is nothing to tell it by.
    Exported {
        name: "eshm_free_value",
        // SAFETY: one item, and as much room as said.
        call: |_, _| freed(|value| unsafe { eshm_free_value(value, STRING) }),
        good: 0,
        bad: 0,
    },
    Exported {
        name: "eshm_data_free_value",
        // SAFETY: one item, and as much room as said.
        call: |_, _| freed(|value| unsafe { eshm_data_free_value(STRING, value) }),
        good: 0,
        bad: 0,
    },
    // SAFETY: one item, and as much room as said.
    Exported { name: "dh_free_value", call: |_, _| freed(|value| unsafe { dh_free_value(STRING, value) }), good: 0, bad: 0 },
    Exported { name: "eshm_data_get_last_error", call: |_, _| explained(eshm_data_get_last_error), good: REASON, bad: 0 },
    Exported { name: "dh_get_last_error", call: |_, _| explained(dh_get_last_error), good: REASON, bad: 0 },
    // It cannot fail, by contract.
    // SAFETY: one item, and as much room as said.
    Exported { name: "dh_create", call: |_, _| unsafe { dh_create() }.is_null().into(), good: 0, bad: 0 },
    Exported {
        name: "dh_destroy",
        call: |_, _| {
            // SAFETY: one item, and as much room as said.
            unsafe { dh_destroy(dh_create()) };
            0
        },
        good: 0,
        bad: 0,
    },
    Exported {
        name: "dh_encode",
        call: |_, _| {
            let mut out = [0; 64];
            // SAFETY: one item, and as much room as said.
            written(|types, keys, values| unsafe { dh_encode(dh_create(), types, keys, values, 1, out.as_mut_ptr(), 64) })
        },
        good: RECORD.len() as i64,
        bad: -1,
    },
    Exported {
        name: "dh_decode",
        call: |_, _| {
            let size = RECORD.len() as c_int;
            // SAFETY: one item, and as much room as said.
            read(|types, keys, values| unsafe { dh_decode(dh_create(), RECORD.as_ptr(), size, types, keys, 8, values, 1) })
        },
        good: 1,
        bad: -1,
    },
    Exported {
        name: "eshm_record_encode",
        call: |_, _| {
            let (key, data) = (c"a".as_ptr(), c"b".as_ptr().cast());
            let field = Field { key, key_size: 1, data, size: 1, integer: 0, real: 0.0, children: 0, field_type: STRING };
            let (mut out, mut size) = ([0_u8; 64], 77);
            // SAFETY: one item, and as much room as said.
            let result = unsafe { eshm_record_encode(&field, 1, out.as_mut_ptr().cast(), 64, &mut size) };
            assert_eq!(size, if result == 0 { RECORD.len() } else { 0 });
            result.into()
        },
        good: 0,
        bad: -1,
    },
    Exported {
        name: "eshm_record_decode",
        call: |_, _| {
            let mut count = 77;
            let (data, size) = (RECORD.as_ptr().cast(), RECORD.len());
            // Without room, so that it tells how much it needs.
            // SAFETY: one item, and as much room as said.
            let result = unsafe { eshm_record_decode(data, size, ptr::null_mut(), 0, &mut count) };
            assert_eq!(count, usize::from(result == -13));
            result.into()
        },
        good: -13,
        bad: -1,
    },
    Exported {
        name: "eshm_record_to_json",
        call: |_, _| {
            let (mut out, mut length) = ([0; 64], 77);
            let (data, size) = (RECORD.as_ptr().cast(), RECORD.len());
            // SAFETY: one item, and as much room as said.
            let result = unsafe { eshm_record_to_json(data, size, out.as_mut_ptr(), 64, &mut length) };
            assert_eq!(length, if result == 0 { r#"{"a": "b"}"#.len() } else { 0 });
            result.into()
        },
        good: 0,
        bad: -1,
    },
];
