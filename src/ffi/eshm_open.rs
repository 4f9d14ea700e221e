//! Opening and ending a handle.
//!
//! # Safety
//! As in `eshm.rs`.

use super::eshm::{ESHMHandle, NOT_INITIALIZED, SUCCESS, core_of, null};
use super::{
    eshm_data::{ESHMConfig, ESHMOptions},
    guard::{guard, open_in_pieces},
    last_error::{note, note_nameless},
    options,
};
use crate::config::{DisconnectBehavior, Role, Settings};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::log;
use crate::segment::name::quoted;
use std::{
    ffi::{CStr, c_int},
    ptr,
};

fn settings(config: &ESHMConfig) -> Result<Settings, Error> {
    let role = match config.role {
        0 => Role::Master,
        1 => Role::Slave,
        2 => Role::Auto,
        other => return Err(Error::InvalidParameter(format!("there is no role {other}: 0 is master, 1 slave, 2 auto"))),
    };
    let behavior = match config.disconnect_behavior {
        0 => DisconnectBehavior::Immediately,
        1 => DisconnectBehavior::OnTimeout,
        2 => DisconnectBehavior::Never,
        other => {
            return Err(Error::InvalidParameter(format!(
                "there is no disconnect behavior {other}: 0 is immediately, 1 on timeout, 2 never"
            )));
        }
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
    guard("eshm_init", ptr::null_mut(), || unsafe { open(config, ptr::null(), &mut 0) }.unwrap_or_default())
}

/// Opens an endpoint with options; NULL options are the defaults.
///
/// # Safety
/// See the module; `options` is NULL or valid for as many bytes as its member `size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eshm_init_ex(config: *const ESHMConfig, options: *const ESHMOptions) -> *mut ESHMHandle {
    let mut end = 0;
    // SAFETY: the caller's promise.
    open_in_pieces("eshm_init_ex", || unsafe { open(config, options, &mut end) })
}

/// One attempt, as of [`Endpoint::attempt`].
///
/// # Safety
/// As for [`eshm_init_ex`].
unsafe fn open(config: *const ESHMConfig, options: *const ESHMOptions, end: &mut u64) -> Option<*mut ESHMHandle> {
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
            Endpoint::attempt(name, &settings, end)
        }),
        (config, _) => {
            let which = if config.is_none() { "the configuration is NULL" } else { "the name is NULL" };
            Err(Error::InvalidParameter(which.to_owned()))
        }
    };
    match opened {
        Ok(endpoint) => endpoint.map(|endpoint| endpoint.into_raw().cast_mut().cast()),
        Err(error) => {
            let quoted = name.map(quoted);
            log::error!("cannot open {}: {error}", quoted.as_deref().unwrap_or("a segment"));
            match quoted {
                Some(name) => drop(note(&name, &error)),
                None => note_nameless(&error),
            }
            Some(ptr::null_mut())
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
        // SAFETY: NULL.
        return unsafe { null(handle) };
    }
    guard("eshm_destroy", NOT_INITIALIZED, || {
        // SAFETY: the caller gives the handle up.
        drop(unsafe { Endpoint::from_raw(core_of(handle)) });
        SUCCESS
    })
}
