//! `eshm.h`: the core functions.
//!
//! # Safety
//! What holds for each of them, as for any C function: a handle is one that [`eshm_init`] returned and [`eshm_destroy`]
//! has not ended; a pointer is NULL or valid for what the function does with it. NULL is an error, never undefined.

use super::eshm_data::{ESHM_SPIN_ADAPTIVE, ESHMConfig, ESHMOptions, ESHMStats};
use super::guard::{guard, is_to_panic};
use super::last_error::{self, note, say};
use super::options;
use crate::config::{DisconnectBehavior, Role, Settings, WakeupMode};
use crate::endpoint::{self, Endpoint, Timeout, core::Core, write::Attempt};
use crate::error::{Error, text_c};
use crate::log;
use std::{
    ffi::{CStr, c_char, c_int, c_void},
    mem::{ManuallyDrop, MaybeUninit},
    os::fd::AsRawFd,
    ptr, slice,
};

/// A handle; opaque to C.
#[repr(C)]
pub struct ESHMHandle {
    _opaque: [u8; 0],
}

const SUCCESS: c_int = 0;
const INVALID: c_int = -1;
const NOT_INITIALIZED: c_int = -14;
/// How long [`eshm_read`] waits, in milliseconds.
const READ_TIMEOUT_MS: u32 = 1000;

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

fn settings(config: &ESHMConfig) -> Result<Settings, Error> {
    let role = match config.role {
        0 => Role::Master,
        1 => Role::Slave,
        2 => Role::Auto,
        other => return Err(Error::InvalidParameter(format!("there is no role {other}"))),
    };
    let behavior = match config.disconnect_behavior {
        0 => DisconnectBehavior::Immediately,
        1 => DisconnectBehavior::OnTimeout,
        2 => DisconnectBehavior::Never,
        other => return Err(Error::InvalidParameter(format!("there is no disconnect behavior {other}"))),
    };
    Ok(Settings {
        role,
        behavior,
        stale_threshold_ms: config.stale_threshold_ms,
        reconnect_wait_ms: config.reconnect_wait_ms,
        retry_interval_ms: config.reconnect_retry_interval_ms,
        max_attempts: config.max_reconnect_attempts,
        auto_cleanup: config.auto_cleanup != 0,
        threads: config.use_threads != 0,
        ..Settings::default()
    })
}

/// Opens an endpoint; NULL with a line on stderr if that cannot be done.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_init(config: *const ESHMConfig) -> *mut ESHMHandle {
    // SAFETY: the caller's promise.
    guard("eshm_init", ptr::null_mut(), || unsafe { open(config, ptr::null()) })
}

/// Opens an endpoint with options; NULL options are the defaults.
///
/// # Safety
/// See the module; `options` is NULL or valid for as many bytes as its member `size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_init_ex(config: *const ESHMConfig, options: *const ESHMOptions) -> *mut ESHMHandle {
    // SAFETY: the caller's promise.
    guard("eshm_init_ex", ptr::null_mut(), || unsafe { open(config, options) })
}

/// # Safety
/// As for [`eshm_init_ex`].
unsafe fn open(config: *const ESHMConfig, options: *const ESHMOptions) -> *mut ESHMHandle {
    // SAFETY: valid unless NULL, by the caller's promise; copied, so that nothing changes under the checks.
    let config = unsafe { config.as_ref() }.copied();
    let name = config.map(|config| config.shm_name).filter(|name| !name.is_null());
    // SAFETY: NUL-terminated by the caller's promise.
    let name = name.map(|name| unsafe { CStr::from_ptr(name) }.to_bytes());
    let opened = match (config, name) {
        (Some(config), Some(name)) => settings(&config).and_then(|mut settings| {
            if !options.is_null() {
                // SAFETY: the caller's promise.
                unsafe { options::apply(options, &mut settings)? };
            }
            Endpoint::open(name, settings)
        }),
        (config, _) => {
            let which = if config.is_none() { "the configuration is NULL" } else { "the name is NULL" };
            Err(Error::InvalidParameter(which.to_owned()))
        }
    };
    match opened {
        Ok(endpoint) => endpoint.into_raw().cast_mut().cast(),
        Err(error) => {
            let name = name.map_or_else(
                || "a segment".to_owned(),
                |name| format!("'{}'", String::from_utf8_lossy(name).escape_debug()),
            );
            log::error!("cannot open {name}: {error}");
            note(&error);
            ptr::null_mut()
        }
    }
}

/// Ends an endpoint.
///
/// # Safety
/// See the module. No other call may use the handle, but for reads that already wait: they return an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_destroy(handle: *mut ESHMHandle) -> c_int {
    if handle.is_null() {
        return null();
    }
    guard("eshm_destroy", NOT_INITIALIZED, || {
        // SAFETY: the caller gives the handle up.
        drop(unsafe { Endpoint::from_raw(core_of(handle)) });
        SUCCESS
    })
}

/// Makes `size` bytes the newest message.
///
/// # Safety
/// See the module; `data` is valid for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_write(handle: *mut ESHMHandle, data: *const c_void, size: usize) -> c_int {
    if handle.is_null() || data.is_null() {
        return null();
    }
    // The common case has nothing in it that can panic, so it needs no guard and no stack frame.
    let mut lock = 0;
    if size <= isize::MAX as usize && !is_to_panic("eshm_write") {
        // SAFETY: the caller's promises; a size that no object has was refused, and whether the bytes are initialised does
        // not matter to MaybeUninit.
        match unsafe { (*core_of(handle)).write_now(slice::from_raw_parts(data.cast::<MaybeUninit<u8>>(), size)) } {
            Attempt::Done => return SUCCESS,
            Attempt::Failed { disputed } => lock = disputed,
        }
    }
    // SAFETY: as above.
    unsafe { write_guarded(handle, data, size, lock) }
}

/// # Safety
/// As for [`eshm_write`], with no NULL.
#[cold]
unsafe fn write_guarded(handle: *mut ESHMHandle, message: *const c_void, size: usize, disputed: u32) -> c_int {
    guard("eshm_write", NOT_INITIALIZED, || {
        if size > isize::MAX as usize {
            return note(&Error::BufferTooSmall { size: isize::MAX as usize });
        }
        // SAFETY: as in eshm_write.
        unsafe {
            code((*core_of(handle)).write_slow(slice::from_raw_parts(message.cast::<MaybeUninit<u8>>(), size), disputed))
        }
    })
}

/// Reads the newest message, waiting for it up to a second; its size or an error.
///
/// # Safety
/// See the module; `buffer` is valid for `buffer_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_read(handle: *mut ESHMHandle, buffer: *mut c_void, buffer_size: usize) -> c_int {
    if handle.is_null() || buffer.is_null() {
        return null();
    }
    guard("eshm_read", NOT_INITIALIZED, || {
        let mut got = 0;
        // SAFETY: the caller's promises.
        match unsafe { read(handle, buffer, buffer_size, &mut got, READ_TIMEOUT_MS) } {
            SUCCESS => c_int::try_from(got).unwrap_or(c_int::MAX), // the capacity is at most 2^30
            error => error,
        }
    })
}

/// Reads the newest message, waiting for it up to `timeout_ms`.
///
/// # Safety
/// See the module; `buffer` is valid for `buffer_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_read_ex(
    handle: *mut ESHMHandle,
    buffer: *mut c_void,
    buffer_size: usize,
    bytes_read: *mut usize,
    timeout_ms: u32,
) -> c_int {
    if handle.is_null() || buffer.is_null() {
        return null();
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
    guard("eshm_read_ex", NOT_INITIALIZED, || {
        // SAFETY: the caller's promises.
        let result = unsafe { endpoint::read_rest(core_of(handle), buffer_of(buffer, size), Timeout::of_ms(timeout_ms)) };
        if let Ok(size) | Err(Error::BufferTooSmall { size }) = result
            && !bytes_read.is_null()
        {
            // SAFETY: not NULL, so valid by the caller's promise.
            unsafe { bytes_read.write(size) };
        }
        code(result)
    })
}

/// Beats once, and looks at the remote in an endpoint without threads.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_update_heartbeat(handle: *mut ESHMHandle) -> c_int {
    if handle.is_null() {
        null();
        return NOT_INITIALIZED;
    }
    // SAFETY: the caller's promise.
    guard("eshm_update_heartbeat", NOT_INITIALIZED, || code(unsafe { endpoint_of(handle) }.update_heartbeat()))
}

/// Tells whether the other side is not stale.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_check_remote_alive(handle: *mut ESHMHandle, is_alive: *mut bool) -> c_int {
    if handle.is_null() || is_alive.is_null() {
        return null();
    }
    // SAFETY: the caller's promises.
    guard("eshm_check_remote_alive", NOT_INITIALIZED, || unsafe {
        code(endpoint_of(handle).remote_alive().map(|alive| is_alive.write(alive)))
    })
}

/// Fills in the segment's counters; all zero on an error.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_get_stats(handle: *mut ESHMHandle, stats: *mut ESHMStats) -> c_int {
    if handle.is_null() || stats.is_null() {
        return null();
    }
    guard("eshm_get_stats", NOT_INITIALIZED, || {
        // SAFETY: the caller's promises; every byte of the struct is written, padding too, as "all zero" says.
        unsafe {
            stats.write_bytes(0, 1);
            code(endpoint_of(handle).stats().map(|now| stats.write(now.into())))
        }
    })
}

impl From<crate::Stats> for ESHMStats {
    fn from(s: crate::Stats) -> Self {
        ESHMStats {
            master_heartbeat: s.master_heartbeat,
            slave_heartbeat: s.slave_heartbeat,
            master_pid: s.master_pid,
            slave_pid: s.slave_pid,
            master_alive: s.master_alive.into(),
            slave_alive: s.slave_alive.into(),
            stale_threshold: s.stale_threshold_ms,
            master_heartbeat_delta: s.master_heartbeat_delta,
            slave_heartbeat_delta: s.slave_heartbeat_delta,
            m2s_write_count: s.m2s_write_count,
            m2s_read_count: s.m2s_read_count,
            s2m_write_count: s.s2m_write_count,
            s2m_read_count: s.s2m_read_count,
        }
    }
}

/// Tells the side this endpoint got.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_get_role(handle: *mut ESHMHandle, role: *mut i32) -> c_int {
    if role.is_null() {
        return null();
    }
    guard("eshm_get_role", NOT_INITIALIZED, || {
        // SAFETY: the caller's promises.
        unsafe {
            match usable(handle) {
                Ok(core) => role.write(core.side as i32),
                Err(code) => return code,
            }
        }
        SUCCESS
    })
}

/// Bytes of the largest message in the handle's segment; 0 for no handle, or one inherited by `fork()`.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_capacity(handle: *mut ESHMHandle) -> usize {
    guard("eshm_capacity", 0, || {
        // SAFETY: the caller's promise.
        unsafe { usable(handle) }.map_or(0, |core| core.view().layout.capacity)
    })
}

/// Why this thread's last call that failed did so; empty if none has. The thread's until its next failure.
#[unsafe(no_mangle)]
pub extern "C" fn eshm_last_error() -> *const c_char {
    guard("eshm_last_error", c"".as_ptr(), last_error::last)
}

/// The library's release; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn eshm_version() -> *const c_char {
    guard("eshm_version", c"".as_ptr(), || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

/// The text of an error code; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn eshm_error_string(error_code: c_int) -> *const c_char {
    guard("eshm_error_string", c"Unknown error".as_ptr(), || text_c(error_code).as_ptr())
}

/// Changes how reads wait: 0 parked until woken, 1 looking now and then.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_set_wakeup_mode(handle: *mut ESHMHandle, mode: i32) -> c_int {
    let mode = match mode {
        0 => WakeupMode::Push,
        1 => WakeupMode::Poll,
        _ => return say(c"there is no such mode", INVALID),
    };
    guard("eshm_set_wakeup_mode", NOT_INITIALIZED, || {
        // SAFETY: the caller's promise.
        match unsafe { usable(handle) } {
            Ok(core) => core.set_wakeup_mode(mode),
            Err(code) => return code,
        }
        SUCCESS
    })
}

/// Tells how reads wait.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_get_wakeup_mode(handle: *mut ESHMHandle, mode: *mut i32) -> c_int {
    if mode.is_null() {
        return null();
    }
    guard("eshm_get_wakeup_mode", NOT_INITIALIZED, || {
        // SAFETY: the caller's promises.
        unsafe {
            match usable(handle) {
                Ok(core) => mode.write(core.wakeup_mode() as i32),
                Err(code) => return code,
            }
        }
        SUCCESS
    })
}

/// Changes how long reads spin before they park; `ESHM_SPIN_ADAPTIVE` = learnt.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_set_spin_us(handle: *mut ESHMHandle, microseconds: u32) -> c_int {
    guard("eshm_set_spin_us", NOT_INITIALIZED, || {
        // SAFETY: the caller's promise.
        match unsafe { usable(handle) } {
            Ok(core) => core.spin.fix((microseconds != ESHM_SPIN_ADAPTIVE).then_some(microseconds)),
            Err(code) => return code,
        }
        SUCCESS
    })
}

/// The descriptor that event loops wait on; -1 if there is none.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_get_event_fd(handle: *mut ESHMHandle) -> c_int {
    if handle.is_null() {
        return null();
    }
    guard("eshm_get_event_fd", INVALID, || {
        // SAFETY: the caller's promise.
        match unsafe { (*core_of(handle)).event_fd() } {
            Ok(fd) => fd.as_raw_fd(),
            Err(error) => {
                note(&error);
                INVALID
            }
        }
    })
}
