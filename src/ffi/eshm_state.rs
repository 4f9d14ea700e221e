//! Asking a handle, and telling it how to wait.
//!
//! # Safety
//! As in `eshm.rs`.

use super::eshm::{ESHMHandle, INVALID, NOT_INITIALIZED, SUCCESS, code, core_of, endpoint_of, null, usable};
use super::{
    eshm_data::{ESHM_SPIN_ADAPTIVE, ESHMStats},
    guard::guard,
    last_error::{self, note, say},
};
use crate::config::WakeupMode;
use crate::endpoint::core::Core;
use crate::error::text_c;
use std::{
    ffi::{c_char, c_int},
    os::fd::AsRawFd,
};

/// Beats once, and looks at the remote in an endpoint without threads.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_update_heartbeat(handle: *mut ESHMHandle) -> c_int {
    if handle.is_null() {
        // SAFETY: the caller's promise.
        unsafe { null(handle) };
        return NOT_INITIALIZED;
    }
    guard("eshm_update_heartbeat", NOT_INITIALIZED, || {
        // SAFETY: the caller's promise.
        let endpoint = unsafe { endpoint_of(handle) };
        code(endpoint.core(), endpoint.update_heartbeat())
    })
}

/// Tells whether the other side is not stale.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_check_remote_alive(handle: *mut ESHMHandle, is_alive: *mut bool) -> c_int {
    if handle.is_null() || is_alive.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
    }
    // SAFETY: the caller's promises.
    guard("eshm_check_remote_alive", NOT_INITIALIZED, || unsafe {
        let endpoint = endpoint_of(handle);
        code(endpoint.core(), endpoint.remote_alive().map(|alive| is_alive.write(alive)))
    })
}

/// Fills in the segment's counters; all zero on an error.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_get_stats(handle: *mut ESHMHandle, stats: *mut ESHMStats) -> c_int {
    if handle.is_null() || stats.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
    }
    guard("eshm_get_stats", NOT_INITIALIZED, || {
        // SAFETY: the caller's promises; every byte of the struct is written, padding too, as "all zero" says.
        unsafe {
            stats.write_bytes(0, 1);
            let endpoint = endpoint_of(handle);
            code(endpoint.core(), endpoint.stats().map(|now| stats.write(now.into())))
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
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
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

/// Whether the handle is a slave that looks for its master no longer; false for no handle, or one inherited by `fork()`.
///
/// # Safety
/// See the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eshm_has_given_up(handle: *mut ESHMHandle) -> bool {
    guard("eshm_has_given_up", false, || {
        // SAFETY: the caller's promise.
        unsafe { usable(handle) }.is_ok_and(Core::has_given_up)
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
        _ => return say(c"there is no such mode: 0 is push, 1 poll", INVALID),
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
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
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
        // SAFETY: the caller's promise.
        return unsafe { null(handle) };
    }
    guard("eshm_get_event_fd", INVALID, || {
        // SAFETY: the caller's promise.
        let core = unsafe { &*core_of(handle) };
        match core.event_fd() {
            Ok(fd) => fd.as_raw_fd(),
            Err(error) => {
                note(core.name.shown(), &error);
                INVALID
            }
        }
    })
}
