//! `eshm_record.h`: records of all eight types, without allocation.
//!
//! # Safety
//! As for `eshm_data_api.h`.

use super::eshm_data_api::{failed, refused};
use super::guard::guard;
use crate::records::{Error, Flat, Reason, ScalarRef, Type, Want, decode_flat, encode_flat, to_json_into};
use std::ffi::{c_char, c_int, c_void};
use std::{ptr, slice};

/// `ESHM_RECORD_NONE`: the type of the return value of a function call that has not returned.
pub const ESHM_RECORD_NONE: u8 = 255;

/// One field of a record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ESHMRecordField {
    /// UTF-8, not NUL-terminated.
    pub key: *const c_char,
    /// Its bytes.
    pub key_size: usize,
    /// STRING, BINARY; the name of an EVENT or FUNCTION_CALL.
    pub data: *const c_void,
    /// Its bytes.
    pub size: usize,
    /// INTEGER; BOOLEAN, where any number but 0 is true.
    pub integer: i64,
    /// REAL.
    pub real: f64,
    /// Fields after this one that belong to it.
    pub children: u32,
    /// 0 to 7, or [`ESHM_RECORD_NONE`].
    pub field_type: u8,
}

/// # Safety
/// `data` is NULL or valid for `size` bytes.
unsafe fn bytes<'a>(data: *const c_void, size: usize, at: usize) -> Result<&'a [u8], Error> {
    match size {
        0 => Ok(&[]),
        _ if data.is_null() || size > isize::MAX as usize => Err(Error { position: at, reason: Reason::Null }),
        // SAFETY: the caller's promise.
        _ => Ok(unsafe { slice::from_raw_parts(data.cast(), size) }),
    }
}

/// # Safety
/// What the field points to is valid.
unsafe fn flat<'a>(field: &ESHMRecordField, at: usize, want: Want) -> Result<Flat<'a>, Error> {
    let text = |data, size| {
        // SAFETY: the caller's promise.
        let text = unsafe { bytes(data, size, at) }?;
        std::str::from_utf8(text).map_err(|_| Error { position: at, reason: Reason::NotUtf8 })
    };
    let kind = match field.field_type {
        ESHM_RECORD_NONE => None,
        kind => Some(Type::of(kind.into()).ok_or(Error { position: at, reason: Reason::UnknownType })?),
    };
    let value = match kind {
        _ if matches!(want, Want::Kind | Want::Key) => ScalarRef::Integer(0),
        None | Some(Type::Integer | Type::ImageFrame) => ScalarRef::Integer(field.integer),
        Some(Type::Boolean) => ScalarRef::Boolean(field.integer != 0),
        Some(Type::Real) => ScalarRef::Real(field.real),
        Some(Type::String | Type::Event | Type::FunctionCall) => ScalarRef::String(text(field.data, field.size)?),
        // SAFETY: the caller's promise.
        Some(Type::Binary) => ScalarRef::Binary(unsafe { bytes(field.data, field.size, at) }?),
    };
    let key = if matches!(want, Want::Key | Want::All) { text(field.key.cast(), field.key_size)? } else { "" };
    Ok(Flat { kind, children: field.children as usize, key, value })
}

fn field_of(flat: &Flat<'_>) -> ESHMRecordField {
    let mut field = ESHMRecordField {
        key: flat.key.as_ptr().cast(),
        key_size: flat.key.len(),
        data: ptr::null(),
        size: 0,
        integer: 0,
        real: 0.0,
        children: u32::try_from(flat.children).unwrap_or(u32::MAX), // each takes two bytes of a message at least
        field_type: flat.kind.map_or(ESHM_RECORD_NONE, |kind| kind as u8),
    };
    match flat.value {
        ScalarRef::Integer(value) => field.integer = value,
        ScalarRef::Boolean(value) => field.integer = value.into(),
        ScalarRef::Real(value) => field.real = value,
        ScalarRef::String(text) => (field.data, field.size) = (text.as_ptr().cast(), text.len()),
        ScalarRef::Binary(octets) => (field.data, field.size) = (octets.as_ptr().cast(), octets.len()),
    }
    field
}

/// Tells the size, also the one needed by what does not fit; the code.
///
/// # Safety
/// `size` is not NULL.
unsafe fn finish(result: Result<usize, Error>, size: *mut usize) -> c_int {
    let (code, count) = match result {
        Ok(count) => (0, count),
        Err(error @ Error { reason: Reason::TooLarge { needed: count } | Reason::TooMany { items: count }, .. }) => {
            (failed(&error.into()), count)
        }
        Err(error) => (failed(&error.into()), 0),
    };
    // SAFETY: the caller's promise.
    unsafe { size.write(count) };
    code
}

/// Writes a record of these fields to `out`.
///
/// # Safety
/// See the module; `out` has room for `out_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_record_encode(
    fields: *const ESHMRecordField,
    count: usize,
    out: *mut c_void,
    out_size: usize,
    size: *mut usize,
) -> c_int {
    if size.is_null() {
        return refused();
    }
    // SAFETY: not NULL.
    unsafe { size.write(0) };
    if fields.is_null() && count > 0 || out.is_null() && out_size > 0 {
        return refused();
    }
    guard("eshm_record_encode", -1, || {
        // SAFETY: the caller's promises.
        unsafe {
            let out = if out_size == 0 { &mut [] } else { slice::from_raw_parts_mut(out.cast(), out_size) };
            finish(encode_flat(count, out, &|at, want| flat(&*fields.add(at), at, want)), size)
        }
    })
}

/// Reads a record into fields that point into `message`.
///
/// # Safety
/// See the module; `message` has `message_size` bytes, `fields` room for `max`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_record_decode(
    message: *const c_void,
    message_size: usize,
    fields: *mut ESHMRecordField,
    max: usize,
    count: *mut usize,
) -> c_int {
    if count.is_null() {
        return refused();
    }
    // SAFETY: not NULL.
    unsafe { count.write(0) };
    if message.is_null() || fields.is_null() && max > 0 {
        return refused();
    }
    guard("eshm_record_decode", -1, || {
        // SAFETY: the caller's promises.
        unsafe {
            let message = slice::from_raw_parts(message.cast(), message_size.min(isize::MAX as usize));
            let mut items = 0;
            let result = decode_flat(message, &mut |flat| {
                if items < max {
                    fields.add(items).write(field_of(&flat));
                }
                items += 1;
            });
            let too_many = Error { position: max, reason: Reason::TooMany { items } };
            finish(result.and(if items > max { Err(too_many) } else { Ok(items) }), count)
        }
    })
}

/// Shows a record as JSON in `out`, NUL-terminated.
///
/// # Safety
/// See the module; `message` has `message_size` bytes, `out` room for `out_size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_record_to_json(
    message: *const c_void,
    message_size: usize,
    out: *mut c_char,
    out_size: usize,
    length: *mut usize,
) -> c_int {
    if length.is_null() {
        return refused();
    }
    // SAFETY: not NULL.
    unsafe { length.write(0) };
    if message.is_null() || out.is_null() && out_size > 0 {
        return refused();
    }
    guard("eshm_record_to_json", -1, || {
        // SAFETY: the caller's promises.
        unsafe {
            let message = slice::from_raw_parts(message.cast(), message_size.min(isize::MAX as usize));
            if out_size == 0 {
                return finish(to_json_into(message, &mut []), length); // never fits: the shortest is {}
            }
            let written = to_json_into(message, slice::from_raw_parts_mut(out.cast::<u8>(), out_size - 1));
            out.add(written.unwrap_or(0)).write(0);
            finish(written, length)
        }
    })
}
