//! Writing and reading.
//!
//! # Safety
//! As in `eshm.rs`.

use super::eshm::{ESHMHandle, NOT_INITIALIZED, SUCCESS, code, core_of, null};
use super::guard::{guard, in_pieces, is_to_panic};
use crate::channel::Dispute;
use crate::endpoint::{self, core::Core, write::Attempt};
use crate::error::Error;
use std::{
    ffi::{c_int, c_void},
    mem::MaybeUninit,
    slice,
};

/// How long [`eshm_read`] waits, in milliseconds.
const READ_TIMEOUT_MS: u32 = 1000;

/// Makes `size` bytes the newest message.
///
/// # Safety
/// See the module; `data` is valid for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_write(handle: *mut ESHMHandle, data: *const c_void, size: usize) -> c_int {
    if handle.is_null() || data.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
    }
    // The common case has nothing in it that can panic, so it needs no guard and no stack frame.
    let mut lock = None;
    if size <= isize::MAX as usize && !is_to_panic("eshm_write") {
        // SAFETY: the caller's promises; a size that no object has was refused, and whether the bytes are initialised does
        // not matter to MaybeUninit.
        match unsafe { (*core_of(handle)).write_now(slice::from_raw_parts(data.cast::<MaybeUninit<u8>>(), size)) } {
            Attempt::Done => return SUCCESS,
            Attempt::Failed(dispute) => lock = dispute,
        }
    }
    // SAFETY: as above.
    unsafe { write_guarded(handle, data, size, lock) }
}

/// # Safety
/// As for [`eshm_write`], with no NULL.
#[cold]
unsafe fn write_guarded(handle: *mut ESHMHandle, message: *const c_void, size: usize, dispute: Option<Dispute>) -> c_int {
    guard("eshm_write", NOT_INITIALIZED, || {
        // SAFETY: as in eshm_write.
        let core = unsafe { &*core_of(handle) };
        let result = if size > isize::MAX as usize {
            Err(Error::BufferTooSmall { size: isize::MAX as usize, given: size })
        } else {
            // SAFETY: as in eshm_write.
            core.write_slow(unsafe { slice::from_raw_parts(message.cast::<MaybeUninit<u8>>(), size) }, dispute)
        };
        code(core, result)
    })
}

/// Reads the newest message, waiting for it up to a second; its size or an error.
///
/// # Safety
/// See the module; `buffer` is valid for `buffer_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eshm_read(handle: *mut ESHMHandle, buffer: *mut c_void, buffer_size: usize) -> c_int {
    if handle.is_null() || buffer.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
    }
    if is_to_panic("eshm_read") {
        return guard("eshm_read", NOT_INITIALIZED, || SUCCESS);
    }
    let mut got = 0;
    // SAFETY: the caller's promises.
    match unsafe { read(handle, buffer, buffer_size, &mut got, READ_TIMEOUT_MS) } {
        SUCCESS => c_int::try_from(got).unwrap_or(c_int::MAX), // the capacity is at most 2^30
        error => error,
    }
}

/// Reads the newest message, waiting for it up to `timeout_ms`.
///
/// # Safety
/// See the module; `buffer` is valid for `buffer_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eshm_read_ex(
    handle: *mut ESHMHandle,
    buffer: *mut c_void,
    buffer_size: usize,
    bytes_read: *mut usize,
    timeout_ms: u32,
) -> c_int {
    if handle.is_null() || buffer.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
    }
    // SAFETY: the caller's promises.
    unsafe { read(handle, buffer, buffer_size, bytes_read, timeout_ms) }
}

/// The caller's buffer; no object is larger than `isize::MAX`.
///
/// # Safety
/// `buffer` is valid for `size` bytes.
#[inline(always)]
unsafe fn buffer_of<'a>(buffer: *mut c_void, size: usize) -> &'a mut [MaybeUninit<u8>] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), size.min(isize::MAX as usize)) }
}

/// # Safety
/// As for [`eshm_read_ex`], with no NULL but for `bytes_read`.
#[inline(always)]
unsafe fn read(handle: *mut ESHMHandle, buffer: *mut c_void, size: usize, bytes_read: *mut usize, timeout_ms: u32) -> c_int {
    if is_to_panic("eshm_read_ex") {
        // SAFETY: the caller's promises.
        return unsafe { read_guarded(handle, buffer, size, bytes_read, timeout_ms) };
    }
    // As in eshm_write, the common case has nothing in it that can panic.
    // SAFETY: the caller's promises.
    unsafe {
        let Some(got) = (*core_of(handle)).read_now(buffer_of(buffer, size)) else {
            return read_guarded(handle, buffer, size, bytes_read, timeout_ms);
        };
        if !bytes_read.is_null() {
            bytes_read.write(got);
        }
    }
    SUCCESS
}

/// # Safety
/// As for [`read`].
#[inline(never)]
unsafe fn read_guarded(
    handle: *mut ESHMHandle,
    buffer: *mut c_void,
    size: usize,
    bytes_read: *mut usize,
    timeout_ms: u32,
) -> c_int {
    let piece = |timeout| {
        guard("eshm_read_ex", NOT_INITIALIZED, || {
            let read = |core: &Core, result| {
                if let Ok(size) | Err(Error::BufferTooSmall { size, .. }) = result
                    && !bytes_read.is_null()
                {
                    // SAFETY: not NULL, so valid by the caller's promise.
                    unsafe { bytes_read.write(size) };
                }
                code(core, result)
            };
            // SAFETY: the caller's promises.
            unsafe { endpoint::read_rest_then(core_of(handle), buffer_of(buffer, size), timeout, read) }
        })
    };
    in_pieces(timeout_ms, piece)
}
