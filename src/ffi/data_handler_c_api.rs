//! `data_handler_c_api.h`: records without a handle.
//!
//! # Safety
//! As for `eshm_data_api.h`.

use super::eshm_data_api::{failed, refused};
use super::given::Given;
use super::guard::guard;
use super::last_error;
use super::wanted::{self, Wanted};
use std::ffi::{c_char, c_int, c_void};
use std::{ptr, slice};

/// What every data handler is: it has no state.
static HANDLER: u8 = 0;

/// A data handler, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn dh_create() -> *mut c_void {
    let handler = ptr::from_ref(&HANDLER).cast_mut().cast();
    guard("dh_create", handler, || handler)
}

/// Ends it.
#[unsafe(no_mangle)]
pub extern "C" fn dh_destroy(handler: *mut c_void) {
    guard("dh_destroy", (), || {
        let _ = handler; // it has no state
    });
}

/// Writes a record of these items to `out`; its size, or -1.
///
/// # Safety
/// See the module; `out` has room for `out_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dh_encode(
    handler: *mut c_void,
    types: *const u8,
    keys: *mut *const c_char,
    values: *mut *const c_void,
    count: c_int,
    out: *mut u8,
    out_size: c_int,
) -> c_int {
    let given = Given::new(types, keys, values, count).filter(|_| !handler.is_null() && !out.is_null());
    let (Some(given), Ok(room)) = (given, usize::try_from(out_size)) else { return refused() };
    guard("dh_encode", -1, || {
        // SAFETY: the caller's promises; only ever written to.
        let written = unsafe { given.encode(slice::from_raw_parts_mut(out, room)) };
        written.map_or_else(
            |error| {
                failed(&error.into());
                -1
            },
            |size| size as c_int, // not more than the room
        )
    })
}

/// Reads a record of scalars; the number of items, or -1.
///
/// # Safety
/// See the module; `buf` has `size` bytes, each of the keys room for `max_key_len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dh_decode(
    handler: *mut c_void,
    buf: *const u8,
    size: c_int,
    out_types: *mut u8,
    out_keys: *mut *mut c_char,
    max_key_len: c_int,
    out_values: *mut *mut c_void,
    max_items: c_int,
) -> c_int {
    let wanted = Wanted::new(out_types, out_keys, max_key_len, out_values, max_items);
    let wanted = wanted.filter(|_| !handler.is_null() && !buf.is_null());
    let (Some(wanted), Ok(size)) = (wanted, usize::try_from(size)) else { return refused() };
    guard("dh_decode", -1, || {
        // SAFETY: the caller's promises.
        let filled = unsafe {
            let message = slice::from_raw_parts(buf, size);
            wanted.check_and_fill(message)
        };
        filled.map_or_else(
            |error| {
                failed(&error.into());
                -1
            },
            |count| count as c_int, // not more than max_items
        )
    })
}

/// Frees a value of [`dh_decode`].
///
/// # Safety
/// `value` is NULL, or a value that was handed out with this type and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dh_free_value(r#type: u8, value: *mut c_void) {
    // SAFETY: the caller's promise.
    guard("dh_free_value", (), || unsafe { wanted::free_value(r#type, value) });
}

/// Why the last record function that failed in this thread did so.
#[unsafe(no_mangle)]
pub extern "C" fn dh_get_last_error() -> *const c_char {
    guard("dh_get_last_error", c"".as_ptr(), last_error::get)
}
