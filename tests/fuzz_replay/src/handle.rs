//! A handle of the C library, every call of it, and what each may return.

use crate::buffers::Buffer;
use eshm::ffi::{eshm::*, eshm_data::*};
use eshm_processes::{tasks::status, until, wait::HANG};
use std::{
    ffi::{CStr, CString},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

/// A role that is a value of the enum.
pub const MASTER: i32 = 0;
/// As above.
pub const SLAVE: i32 = 1;
/// As above.
pub const AUTO: i32 = 2;

/// `eshm_default_config`, with times so short that a test need not wait for them.
pub fn config(role: i32, threads: bool) -> ESHMConfig {
    ESHMConfig {
        shm_name: ptr::null(),
        role,
        disconnect_behavior: 1,
        stale_threshold_ms: 5,
        reconnect_wait_ms: 0,
        reconnect_retry_interval_ms: 0,
        max_reconnect_attempts: 0,
        auto_cleanup: 1,
        use_threads: threads.into(),
    }
}

/// An open handle; ended on drop.
#[derive(Debug)]
pub struct Handle(*mut ESHMHandle);

/// Whether a thread of this process is asleep.
fn is_asleep(thread: u32) -> bool {
    status(std::process::id(), thread, "State").is_some_and(|state| state.starts_with('S'))
}

/// Runs a call that must return, in time, one of some codes.
fn returns(what: &str, allowed: &[i32], call: impl FnOnce() -> i32) -> i32 {
    let start = Instant::now();
    let code = call();
    let took = start.elapsed();
    assert!(allowed.contains(&code), "{what} returned {code}");
    assert!(took < HANG, "{what} took {took:?}");
    code
}

impl Handle {
    /// Opens one, if the library will.
    pub fn open(name: &[u8], config: ESHMConfig) -> Option<Handle> {
        let name = CString::new(name).expect("no NUL in a name");
        let config = ESHMConfig { shm_name: name.as_ptr(), ..config };
        let start = Instant::now();
        // SAFETY: a live struct with a live name.
        let handle = unsafe { eshm_init(&config) };
        assert!(start.elapsed() < HANG, "eshm_init took {:?}", start.elapsed());
        (!handle.is_null()).then(|| Handle(handle))
    }

    /// The pointer, for calls with odd arguments.
    pub fn raw(&self) -> *mut ESHMHandle {
        self.0
    }

    /// `eshm_read_ex` without waiting; the code.
    pub fn raw_read(&self, buffer: &mut [u8]) -> i32 {
        // SAFETY: an open handle, as much room as said.
        unsafe { eshm_read_ex(self.0, buffer.as_mut_ptr().cast(), buffer.len(), ptr::null_mut(), 0) }
    }

    /// `eshm_write`.
    pub fn write(&self, message: &[u8]) -> i32 {
        // SAFETY: an open handle and a live message.
        let call = || unsafe { eshm_write(self.0, message.as_ptr().cast(), message.len()) };
        returns("eshm_write", &[0, -10, -13, -14, -15], call)
    }

    /// `eshm_read_ex` into the last `size` bytes of `buffer`; the code and, where it is known, the size. No message is larger
    /// than `most`.
    pub fn read(&self, buffer: &mut Buffer, size: usize, timeout_ms: u32, most: usize) -> (i32, usize) {
        buffer.guard(size);
        let to = buffer.last(size).as_mut_ptr();
        let mut got = usize::MAX;
        // SAFETY: an open handle, a live buffer and a live size.
        let call = || unsafe { eshm_read_ex(self.0, to.cast(), size, &mut got, timeout_ms) };
        let code = returns("eshm_read_ex", &[0, -9, -10, -11, -13, -14], call);
        buffer.check(size);
        match code {
            0 => assert!(got <= size && got <= most, "{got} bytes into {size}, of at most {most}"),
            -13 => assert!(got > size && got <= most, "{got} bytes are too many for {size}, of at most {most}"),
            _ => assert_eq!(got, usize::MAX, "a size with {code}"),
        }
        assert!(code != -9 || timeout_ms == 0, "nothing new after {timeout_ms} ms");
        (code, got)
    }

    /// Ends the handle under a read that waits for ever in another thread.
    pub fn end_under_a_read(self, buffer: &mut Buffer, size: usize) {
        let (handle, to) = (self.0 as usize, buffer.last(size).as_mut_ptr() as usize);
        let thread = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                // SAFETY: takes nothing.
                thread.store(unsafe { libc::gettid() } as u32, Ordering::SeqCst);
                // SAFETY: a handle that is ended, if during this call, only once it waits; a live buffer.
                let call = || unsafe { eshm_read_ex(handle as *mut _, to as *mut _, size, ptr::null_mut(), u32::MAX) };
                returns("eshm_read_ex", &[0, -11, -13, -14], call);
            });
            // Between the store and the call nothing sleeps.
            until("the read waits or is over", || {
                let thread = thread.load(Ordering::SeqCst);
                reading.is_finished() || thread != 0 && is_asleep(thread)
            });
            drop(self);
        });
    }

    /// `eshm_read`, which waits up to a second for a message.
    pub fn read_waiting(&self, buffer: &mut Buffer, size: usize, most: usize) -> i32 {
        buffer.guard(size);
        let to = buffer.last(size).as_mut_ptr();
        let start = Instant::now();
        // SAFETY: an open handle and a live buffer.
        let code = unsafe { eshm_read(self.0, to.cast(), size) };
        assert!(start.elapsed() < HANG, "eshm_read took {:?}", start.elapsed());
        buffer.check(size);
        if code >= 0 {
            assert!(code as usize <= size && code as usize <= most, "{code} bytes into {size}, of at most {most}");
        } else {
            assert!([-10, -11, -13, -14].contains(&code), "eshm_read returned {code}");
        }
        code
    }

    /// Every call that needs no message.
    pub fn ask_everything(&self) {
        let (mut alive, mut role, mut mode) = (true, i32::MIN, i32::MIN);
        let mut stats = ESHMStats::default();
        // SAFETY: an open handle and live variables.
        unsafe {
            returns("eshm_update_heartbeat", &[0, -14, -15], || eshm_update_heartbeat(self.0));
            returns("eshm_check_remote_alive", &[0], || eshm_check_remote_alive(self.0, &mut alive));
            returns("eshm_get_stats", &[0, -14], || eshm_get_stats(self.0, &mut stats));
            returns("eshm_get_role", &[0], || eshm_get_role(self.0, &mut role));
            returns("eshm_get_wakeup_mode", &[0], || eshm_get_wakeup_mode(self.0, &mut mode));
            assert!(!eshm_has_given_up(self.0) || role == SLAVE, "a master gave up");
        }
        assert!([MASTER, SLAVE].contains(&role), "role {role}");
        assert!([0, 1].contains(&mode), "mode {mode}");
        assert!(stats.master_alive <= 1 && stats.slave_alive <= 1, "{stats:?}");
    }

    /// The side it got.
    pub fn role(&self) -> i32 {
        let mut role = i32::MIN;
        // SAFETY: an open handle and a live variable.
        returns("eshm_get_role", &[0], || unsafe { eshm_get_role(self.0, &mut role) });
        role
    }

    /// `eshm_set_wakeup_mode` with any number.
    pub fn set_mode(&self, mode: i32) {
        let expected = if (0..2).contains(&mode) { 0 } else { -1 };
        // SAFETY: an open handle.
        returns("eshm_set_wakeup_mode", &[expected], || unsafe { eshm_set_wakeup_mode(self.0, mode) });
    }

    /// `eshm_set_spin_us` with any number.
    pub fn set_spin(&self, microseconds: u32) {
        // SAFETY: an open handle.
        returns("eshm_set_spin_us", &[0], || unsafe { eshm_set_spin_us(self.0, microseconds) });
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: an open handle, not used again.
        returns("eshm_destroy", &[0], || unsafe { eshm_destroy(self.0) });
    }
}

/// `eshm_error_string` with any number.
pub fn text_of(code: i32) {
    let text = eshm_error_string(code);
    assert!(!text.is_null());
    // SAFETY: a static text, not NULL.
    assert!(!unsafe { CStr::from_ptr(text) }.is_empty());
}

/// Every call without a handle, or without what it should store to.
pub fn nulls(handle: Option<&Handle>) {
    let (none, raw) = (ptr::null_mut(), handle.map_or(ptr::null_mut(), Handle::raw));
    let mut bytes = [0_u8; 8];
    let (mut size, mut alive, mut number, mut stats) = (0, false, 0, ESHMStats::default());
    let at = bytes.as_mut_ptr().cast();
    // SAFETY: NULL is no handle, and an error with every call; the rest are live variables.
    unsafe {
        assert!(eshm_init(ptr::null()).is_null());
        assert!(eshm_init(&config(AUTO, false)).is_null(), "no name");
        for code in [
            eshm_destroy(none),
            eshm_write(none, at, 8),
            eshm_write(raw, ptr::null(), 8),
            eshm_write(raw, ptr::null(), 0),
            eshm_read(none, at, 8),
            eshm_read(raw, ptr::null_mut(), 8),
            eshm_read_ex(none, at, 8, &mut size, u32::MAX),
            eshm_read_ex(raw, ptr::null_mut(), 0, &mut size, u32::MAX),
            eshm_check_remote_alive(none, &mut alive),
            eshm_check_remote_alive(raw, ptr::null_mut()),
            eshm_get_stats(none, &mut stats),
            eshm_get_stats(raw, ptr::null_mut()),
            eshm_get_role(none, &mut number),
            eshm_get_role(raw, ptr::null_mut()),
            eshm_set_wakeup_mode(none, 0),
            eshm_get_wakeup_mode(none, &mut number),
            eshm_get_wakeup_mode(raw, ptr::null_mut()),
            eshm_set_spin_us(none, 0),
            eshm_get_event_fd(none),
        ] {
            assert_eq!(code, -1);
        }
        assert_eq!(eshm_update_heartbeat(none), -14);
        assert!(!eshm_has_given_up(none));
    }
}
