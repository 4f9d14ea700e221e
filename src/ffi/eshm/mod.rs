//! `eshm.h`: the core functions, by what they are for.
//!
//! # Safety
//! What holds for each of them, as for any C function: a handle is one that [`eshm_init`] returned and [`eshm_destroy`]
//! has not ended; a pointer is NULL or valid for what the function does with it. NULL is an error, never undefined.

mod messages;
mod open;
mod state;

pub use self::{messages::*, open::*, state::*};

use super::last_error::{note, say};
use crate::endpoint::{Endpoint, core::Core};
use crate::error::{Error, text_c};
use std::{ffi::c_int, mem::ManuallyDrop};

/// A handle; opaque to C.
#[repr(C)]
pub struct ESHMHandle {
    _opaque: [u8; 0],
}

const SUCCESS: c_int = 0;
const INVALID: c_int = -1;
const NOT_INITIALIZED: c_int = -14;

pub(in crate::ffi) fn core_of(handle: *const ESHMHandle) -> *const Core {
    handle.cast()
}

/// The endpoint behind a handle, without ownership.
///
/// # Safety
/// See the module.
pub(in crate::ffi) unsafe fn endpoint_of(handle: *const ESHMHandle) -> ManuallyDrop<Endpoint> {
    // SAFETY: the caller's promise; never dropped, so it stays the handle's.
    ManuallyDrop::new(unsafe { Endpoint::from_raw(core_of(handle)) })
}

fn code<T>(result: Result<T, Error>) -> c_int {
    result.map_or_else(|error| note(&error), |_| SUCCESS)
}

#[cold]
#[inline(never)]
fn null() -> c_int {
    say(c"the handle, or a pointer that is needed, is NULL", INVALID)
}

/// The handle's inside, unless it is NULL or a child has it by `fork()`: then the error's code.
///
/// # Safety
/// See the module.
#[inline(never)]
unsafe fn usable<'a>(handle: *const ESHMHandle) -> Result<&'a Core, c_int> {
    if handle.is_null() {
        return Err(null());
    }
    // SAFETY: the caller's promise.
    let core = unsafe { &*core_of(handle) };
    if core.is_inherited() { Err(say(text_c(NOT_INITIALIZED), NOT_INITIALIZED)) } else { Ok(core) }
}
