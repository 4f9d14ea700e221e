//! `eshm_rpc.h`: named triggers.
//!
//! # Safety
//! What holds for each of them, as for any C function: an `EshmRpc` is one that [`eshm_rpc_create`] returned and
//! [`eshm_rpc_destroy`] has not ended; a name is NULL or NUL-terminated; a handler may be called with its `user` until then,
//! on another thread. NULL is an error, never undefined.

use super::{
    guard::{guard, open_in_pieces},
    last_error,
};
use crate::config::Role;
use crate::error::Error;
use crate::log;
use crate::triggers::{Kind, Rpc};
use std::{
    ffi::{CStr, c_char, c_int, c_void},
    mem::ManuallyDrop,
    ptr,
    sync::Arc,
};

/// One end of a trigger channel; opaque to C.
#[repr(C)]
pub struct EshmRpc {
    _opaque: [u8; 0],
}

/// Called on the dispatcher thread when a trigger comes.
#[allow(non_camel_case_types)] // C's name
pub type eshm_rpc_handler = Option<unsafe extern "C-unwind" fn(user: *mut c_void)>;

const SUCCESS: c_int = 0;
const NOT_INITIALIZED: c_int = -14;

/// Keeps the reason; the error's code.
#[cold]
fn failed(error: &Error) -> c_int {
    last_error::set_rpc(format_args!("{error}"));
    error.code()
}

/// Runs the body of a function that returns a code. Not generic: one guard for all of them.
fn run(function: &'static str, body: &mut dyn FnMut() -> Result<(), Error>) -> c_int {
    guard(function, NOT_INITIALIZED, || body().map_or_else(|error| failed(&error), |()| SUCCESS))
}

fn null(what: &str) -> Error {
    Error::InvalidParameter(format!("the {what} is NULL"))
}

/// # Safety
/// See the module; the handle outlives the result, but for its last call.
unsafe fn rpc_of(rpc: *const EshmRpc) -> Result<ManuallyDrop<Rpc>, Error> {
    if rpc.is_null() {
        return Err(null("handle"));
    }
    // SAFETY: from eshm_rpc_create by the caller's promise; never dropped, so it stays the handle's.
    Ok(ManuallyDrop::new(unsafe { Rpc::from_raw(rpc.cast()) }))
}

/// # Safety
/// See the module; the text outlives the result.
unsafe fn name_of<'a>(name: *const c_char) -> Result<&'a [u8], Error> {
    if name.is_null() {
        return Err(null("name"));
    }
    // SAFETY: NUL-terminated by the caller's promise.
    Ok(unsafe { CStr::from_ptr(name) }.to_bytes())
}

/// A C function and what it is called with.
struct Handler {
    function: unsafe extern "C-unwind" fn(user: *mut c_void),
    user: *mut c_void,
}

// SAFETY: the pointer is only ever handed to the function; that it may be used on the dispatcher's thread is the promise of who
// registers it.
unsafe impl Send for Handler {}
// SAFETY: as above; one dispatcher runs at a time.
unsafe impl Sync for Handler {}

impl Handler {
    fn new(function: eshm_rpc_handler, user: *mut c_void) -> Result<Handler, Error> {
        function.map(|function| Handler { function, user }).ok_or_else(|| null("handler"))
    }

    fn run(&self) {
        // SAFETY: callable with this argument by the promise of who registered it.
        unsafe { (self.function)(self.user) }
    }
}

/// Opens the trigger channel `<channel>_ctl`; NULL with a line on stderr if that cannot be done.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eshm_rpc_create(channel: *const c_char, role: i32) -> *mut EshmRpc {
    let mut end = 0;
    open_in_pieces("eshm_rpc_create", || {
        // SAFETY: the caller's promise.
        match unsafe { create(channel, role, &mut end) } {
            Ok(rpc) => rpc.map(|rpc| rpc.into_raw().cast_mut().cast()),
            Err(error) => {
                log::error!("cannot open a trigger channel: {error}");
                failed(&error);
                Some(ptr::null_mut())
            }
        }
    })
}

/// # Safety
/// See the module.
unsafe fn create(channel: *const c_char, role: i32, end: &mut u64) -> Result<Option<Rpc>, Error> {
    let role = match role {
        0 => Role::Master,
        1 => Role::Slave,
        2 => Role::Auto,
        other => return Err(Error::InvalidParameter(format!("there is no role {other}: 0 is master, 1 slave, 2 auto"))),
    };
    if channel.is_null() {
        return Err(null("name"));
    }
    // SAFETY: NUL-terminated by the caller's promise.
    Rpc::attempt(unsafe { CStr::from_ptr(channel) }.to_bytes(), role, end)
}

/// Stops and ends it; from a handler, it is freed once that handler has returned.
///
/// # Safety
/// See the module. No other call may begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_destroy(rpc: *mut EshmRpc) {
    if !rpc.is_null() {
        // SAFETY: the caller gives it up; it came from eshm_rpc_create.
        guard("eshm_rpc_destroy", (), || drop(unsafe { Rpc::from_raw(rpc.cast()) }));
    }
}

/// Registers the one handler of a call.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_on_call(
    rpc: *mut EshmRpc,
    name: *const c_char,
    handler: eshm_rpc_handler,
    user: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    run("eshm_rpc_on_call", &mut || unsafe { register(rpc, name, handler, user, false) })
}

/// Adds a handler of an event.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_on_event(
    rpc: *mut EshmRpc,
    name: *const c_char,
    handler: eshm_rpc_handler,
    user: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    run("eshm_rpc_on_event", &mut || unsafe { register(rpc, name, handler, user, true) })
}

/// # Safety
/// See the module.
unsafe fn register(
    rpc: *mut EshmRpc,
    name: *const c_char,
    handler: eshm_rpc_handler,
    user: *mut c_void,
    event: bool,
) -> Result<(), Error> {
    // SAFETY: the caller's promises.
    let (rpc, name) = unsafe { (rpc_of(rpc)?, name_of(name)?) };
    rpc.check_usable()?;
    let handler = Handler::new(handler, user)?;
    rpc.register(name, event, Arc::new(move |_| handler.run()));
    Ok(())
}

/// Starts the dispatcher thread.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_start(rpc: *mut EshmRpc) -> c_int {
    // SAFETY: the caller's promise.
    run("eshm_rpc_start", &mut || unsafe { rpc_of(rpc) }?.start())
}

/// Stops it.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_stop(rpc: *mut EshmRpc) -> c_int {
    // SAFETY: the caller's promise.
    run("eshm_rpc_stop", &mut || unsafe { rpc_of(rpc) }?.stop())
}

/// # Safety
/// See the module.
unsafe fn fire(function: &'static str, rpc: *mut EshmRpc, kind: Kind, name: *const c_char) -> c_int {
    let mut over = None;
    let code = run(function, &mut || {
        // SAFETY: the caller's promises.
        let (rpc, name) = unsafe { (rpc_of(rpc)?, name_of(name)?) };
        let fired = rpc.fire(kind, name);
        if let Err(Error::BufferTooSmall { size: most, .. }) = fired {
            over = Some((name.len(), most));
        }
        fired
    });
    if let Some((size, most)) = over {
        last_error::set_rpc(format_args!(
            "Buffer too small: the name has {size} bytes, a whole trigger here {most} at most"
        ));
    }
    code
}

/// Has the other side run its handler of a call.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_call(rpc: *mut EshmRpc, name: *const c_char) -> c_int {
    // SAFETY: the caller's promises.
    unsafe { fire("eshm_rpc_call", rpc, Kind::Call, name) }
}

/// Has the other side run its handlers of an event.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_emit(rpc: *mut EshmRpc, name: *const c_char) -> c_int {
    // SAFETY: the caller's promises.
    unsafe { fire("eshm_rpc_emit", rpc, Kind::Event, name) }
}

/// Triggers that a newer one replaced before they were taken; 0 for NULL.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_missed(rpc: *const EshmRpc) -> u64 {
    // SAFETY: NULL, or from eshm_rpc_create by the caller's promise.
    guard("eshm_rpc_missed", 0, || unsafe { rpc_of(rpc) }.map_or(0, |rpc| rpc.missed()))
}

/// Handlers run, the running one included; 0 for NULL.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_rpc_dispatched(rpc: *const EshmRpc) -> u64 {
    // SAFETY: NULL, or from eshm_rpc_create by the caller's promise.
    guard("eshm_rpc_dispatched", 0, || unsafe { rpc_of(rpc) }.map_or(0, |rpc| rpc.dispatched()))
}

/// Why the last of these functions that failed on this thread did; never NULL, and valid until the next one fails.
#[unsafe(no_mangle)]
pub extern "C" fn eshm_rpc_get_last_error() -> *const c_char {
    guard("eshm_rpc_get_last_error", c"".as_ptr(), last_error::get_rpc)
}
