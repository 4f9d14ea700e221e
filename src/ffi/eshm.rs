//! `eshm.h`: what its functions share; they are in `eshm_open.rs`, `eshm_messages.rs` and `eshm_state.rs`.
//!
//! # Safety
//! What holds for each of them, as for any C function: a handle is one that [`eshm_init`] returned and [`eshm_destroy`]
//! has not ended; a pointer is NULL or valid for what the function does with it. NULL is an error, never undefined.

pub use super::{eshm_messages::*, eshm_open::*, eshm_state::*};

use super::last_error::{note, say, say_of};
use crate::endpoint::{Endpoint, core::Core};
use crate::error::Error;
use std::{ffi::c_int, mem::ManuallyDrop};

/// A handle; opaque to C.
#[repr(C)]
pub struct ESHMHandle {
    _opaque: [u8; 0],
}

pub(super) const SUCCESS: c_int = 0;
pub(super) const INVALID: c_int = -1;
pub(super) const NOT_INITIALIZED: c_int = -14;

pub(super) fn core_of(handle: *const ESHMHandle) -> *const Core {
    handle.cast()
}

/// The endpoint behind a handle, without ownership.
///
/// # Safety
/// See the module.
pub(super) unsafe fn endpoint_of(handle: *const ESHMHandle) -> ManuallyDrop<Endpoint> {
    // SAFETY: the caller's promise; never dropped, so it stays the handle's.
    ManuallyDrop::new(unsafe { Endpoint::from_raw(core_of(handle)) })
}

pub(super) fn code<T>(core: &Core, result: Result<T, Error>) -> c_int {
    result.map_or_else(|error| note(core.name.shown(), &error), |_| SUCCESS)
}

/// What is said of a handle, or another pointer, that is NULL.
///
/// # Safety
/// See the module.
#[cold]
#[inline(never)]
pub(super) unsafe fn null(handle: *const ESHMHandle) -> c_int {
    if handle.is_null() {
        return say(c"the handle is NULL: was it opened, and did that succeed?", INVALID);
    }
    // SAFETY: the caller's promise.
    say_of(unsafe { &*core_of(handle) }.name.shown(), c"an argument is NULL that has to point somewhere", INVALID)
}

/// The handle's inside, unless it is NULL or a child has it by `fork()`: then the error's code.
///
/// # Safety
/// See the module.
#[inline(never)]
pub(super) unsafe fn usable<'a>(handle: *const ESHMHandle) -> Result<&'a Core, c_int> {
    if handle.is_null() {
        // SAFETY: the caller's promise.
        return Err(unsafe { null(handle) });
    }
    // SAFETY: the caller's promise.
    let core = unsafe { &*core_of(handle) };
    if core.is_inherited() { Err(note(core.name.shown(), &Error::Inherited)) } else { Ok(core) }
}
