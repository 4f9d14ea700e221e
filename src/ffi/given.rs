//! Items that a caller gives in C's arrays of types, keys and values, of the five scalar types.

use super::eshm_data_api::ESHMBinary;
use crate::records::{Error, Loose, Reason, Type, encode_parts};
use std::ffi::{CStr, c_char, c_void};
use std::slice;

/// The arrays that a caller gives.
pub(super) struct Given {
    pub(super) types: *const u8,
    pub(super) keys: *mut *const c_char,
    pub(super) values: *mut *const c_void,
    pub(super) count: usize,
}

impl Given {
    /// The arrays, unless one is NULL where there are items.
    pub(super) fn new(types: *const u8, keys: *mut *const c_char, values: *mut *const c_void, count: i32) -> Option<Given> {
        let count = usize::try_from(count).ok()?;
        let whole = count == 0 || !types.is_null() && !keys.is_null() && !values.is_null();
        whole.then_some(Given { types, keys, values, count })
    }

    /// Writes them as a record.
    ///
    /// # Safety
    /// The arrays have `count` elements, and those that are not NULL point to what their type says.
    pub(super) unsafe fn encode(&self, out: &mut [u8]) -> Result<usize, Error> {
        encode_parts(self.count, out, &mut |at, part| {
            // SAFETY: `at` is less than `count`.
            unsafe {
                match part {
                    0 => Ok(Loose::Integer((*self.types.add(at)).into())),
                    1 => text(*self.keys.add(at), at),
                    _ => self.value(at),
                }
            }
        })
    }

    /// # Safety
    /// As for [`Given::encode`].
    unsafe fn value(&self, at: usize) -> Result<Loose<'_>, Error> {
        // SAFETY: the caller's promises. Only a byte is read of a bool, as any may be in it; nothing of C's need be aligned.
        unsafe {
            let value = *self.values.add(at);
            if value.is_null() {
                return Err(Error { position: at, reason: Reason::Null });
            }
            Ok(match Type::of((*self.types.add(at)).into()) {
                Some(Type::Integer) => Loose::Integer(value.cast::<i64>().read_unaligned()),
                Some(Type::Boolean) => Loose::Boolean(value.cast::<u8>().read() != 0),
                Some(Type::Real) => Loose::Real(value.cast::<f64>().read_unaligned()),
                Some(Type::String) => return text(value.cast(), at),
                Some(Type::Binary) => {
                    let ESHMBinary { data, len } = value.cast::<ESHMBinary>().read_unaligned();
                    match len {
                        0 => Loose::Binary(&[]),
                        _ if data.is_null() => return Err(Error { position: at, reason: Reason::Null }),
                        _ if len > isize::MAX as usize => {
                            return Err(Error { position: at, reason: Reason::TooLarge { needed: len } });
                        }
                        _ => Loose::Binary(slice::from_raw_parts(data, len)),
                    }
                }
                Some(_) => return Err(Error { position: at, reason: Reason::Unsupported }),
                None => return Err(Error { position: at, reason: Reason::UnknownType }),
            })
        }
    }
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn text<'a>(text: *const c_char, at: usize) -> Result<Loose<'a>, Error> {
    if text.is_null() {
        return Err(Error { position: at, reason: Reason::Null });
    }
    // SAFETY: the caller's promise.
    Ok(Loose::String(unsafe { CStr::from_ptr(text) }.to_bytes()))
}
