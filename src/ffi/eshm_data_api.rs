//! `eshm_data_api.h`: records over a handle.
//!
//! # Safety
//! What holds for each of them, as for any C function: a handle is one that `eshm_init` returned and `eshm_destroy` has not
//! ended; a pointer is NULL or valid for what the function does with it, and arrays have as many elements as they are said
//! to. NULL is an error, never undefined.

use super::eshm::{ESHMHandle, core_of, endpoint_of};
use super::given::Given;
use super::guard::{guard, in_pieces};
use super::last_error;
use super::wanted::{self, Wanted};
use crate::endpoint::{core::Core, record::Room};
use crate::error::Error;
use crate::records::{self, Reason};
use std::ffi::{c_char, c_int, c_void};

const NOT_INITIALIZED: c_int = -14;

/// What the value of a BINARY points to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ESHMBinary {
    /// The octets.
    pub data: *mut u8,
    /// How many there are.
    pub len: usize,
}

/// The error for a NULL or a negative number among the arguments.
pub(super) fn refused() -> c_int {
    last_error::set(format_args!("an argument is NULL or negative"));
    -1
}

/// Keeps the text; the code.
#[cold]
pub(super) fn failed(error: &Error) -> c_int {
    last_error::set(format_args!("{error}"));
    code_of(error)
}

/// The same of a handle: what `eshm_last_error` tells names its channel.
#[cold]
fn failed_on(channel: &str, error: &Error) -> c_int {
    last_error::note_record(channel, error);
    code_of(error)
}

fn code_of(error: &Error) -> c_int {
    match error {
        Error::Record(records::Error { reason: Reason::TooMany { .. } | Reason::TooLarge { .. }, .. }) => -13,
        error => error.code(),
    }
}

/// Writes a record of these items as the newest message; its size in bytes, or an error.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_write_data(
    handle: *mut ESHMHandle,
    types: *const u8,
    keys: *mut *const c_char,
    values: *mut *const c_void,
    count: c_int,
) -> c_int {
    let Some(given) = (!handle.is_null()).then(|| Given::new(types, keys, values, count)).flatten() else {
        return refused();
    };
    guard("eshm_write_data", NOT_INITIALIZED, || {
        // SAFETY: the caller's promises.
        let endpoint = unsafe { endpoint_of(handle) };
        // SAFETY: the caller's promises.
        let written = endpoint.write_encoded(&mut Room::new(), &mut |out| unsafe { given.encode(out) });
        // The capacity is at most 2^30.
        written.map_or_else(|error| failed_on(endpoint.core().name.shown(), &error), |size| size as c_int)
    })
}

/// Reads the newest message as a record of scalars, waiting for it up to `timeout_ms`.
///
/// # Safety
/// See the module; each of the keys has room for `max_key_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eshm_read_data(
    handle: *mut ESHMHandle,
    out_types: *mut u8,
    out_keys: *mut *mut c_char,
    max_key_len: c_int,
    out_values: *mut *mut c_void,
    max_items: c_int,
    item_count: *mut c_int,
    timeout_ms: u32,
) -> c_int {
    if item_count.is_null() {
        return refused();
    }
    // SAFETY: not NULL.
    unsafe { item_count.write(0) };
    let wanted = Wanted::new(out_types, out_keys, max_key_len, out_values, max_items);
    let Some(wanted) = wanted.filter(|_| !handle.is_null()) else { return refused() };
    let piece = |timeout| {
        guard("eshm_read_data", NOT_INITIALIZED, || {
            let mut room = Room::new();
            // SAFETY: the caller's promise. Another thread may close the handle while this one waits.
            let channel = unsafe { &*core_of(handle) }.name.shown().clone();
            // SAFETY: the caller's promises.
            let result = unsafe {
                Core::read_judged(core_of(handle), &mut room, timeout, &mut |message| {
                    wanted.check(message, &mut |_, _| ())?;
                    Ok(())
                })
                .and_then(|message| Ok(wanted.fill(message)?))
            };
            let (code, count) = match result {
                Ok(count) => (0, count),
                Err(ref error @ Error::Record(records::Error { reason: Reason::TooMany { items }, .. })) => {
                    (failed_on(&channel, error), items)
                }
                Err(ref error) => (failed_on(&channel, error), 0),
            };
            // SAFETY: not NULL.
            unsafe { item_count.write(count as c_int) }; // a record of 2^31 items does not fit into any segment
            code
        })
    };
    in_pieces(timeout_ms, piece)
}

/// Frees a value of [`eshm_read_data`].
///
/// # Safety
/// `value` is NULL, or a value that was handed out with this type and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_free_value(value: *mut c_void, r#type: u8) {
    // SAFETY: the caller's promise.
    guard("eshm_free_value", (), || unsafe { wanted::free_value(r#type, value) });
}

/// [`eshm_free_value`] with its arguments the other way round.
///
/// # Safety
/// As for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_data_free_value(r#type: u8, value: *mut c_void) {
    // SAFETY: the caller's promise.
    guard("eshm_data_free_value", (), || unsafe { wanted::free_value(r#type, value) });
}

/// Why the last record function that failed in this thread did so.
#[unsafe(no_mangle)]
pub extern "C" fn eshm_data_get_last_error() -> *const c_char {
    guard("eshm_data_get_last_error", c"".as_ptr(), last_error::get)
}
