//! The C functions, declared as a C program sees them: for rules that only a C caller can put to the test.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

/// The configuration, field by field as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct Config {
    name: *const c_char,
    role: c_int,
    disconnect_behavior: c_int,
    stale_threshold_ms: u32,
    reconnect_wait_ms: u32,
    reconnect_retry_interval_ms: u32,
    max_reconnect_attempts: u32,
    auto_cleanup: bool,
    use_threads: bool,
}

unsafe extern "C" {
    fn eshm_init(config: *const Config) -> *mut c_void;
    fn eshm_destroy(handle: *mut c_void) -> c_int;
    fn eshm_write(handle: *mut c_void, data: *const c_void, size: usize) -> c_int;
    fn eshm_read(handle: *mut c_void, buffer: *mut c_void, size: usize) -> c_int;
    fn eshm_read_ex(handle: *mut c_void, buffer: *mut c_void, size: usize, bytes: *mut usize, timeout_ms: u32) -> c_int;
    fn eshm_read_data(
        handle: *mut c_void,
        types: *mut u8,
        keys: *mut *mut c_char,
        key_size: c_int,
        values: *mut *mut c_void,
        most: c_int,
        count: *mut c_int,
        timeout_ms: u32,
    ) -> c_int;
    fn eshm_free_value(value: *mut c_void, kind: u8);
    fn eshm_update_heartbeat(handle: *mut c_void) -> c_int;
    fn eshm_check_remote_alive(handle: *mut c_void, alive: *mut bool) -> c_int;
    fn eshm_get_stats(handle: *mut c_void, stats: *mut c_void) -> c_int;
    fn eshm_get_role(handle: *mut c_void, role: *mut c_int) -> c_int;
}

/// No timeout at all.
pub const INFINITE: u32 = u32::MAX;

/// A handle as C has it: a bare pointer that any thread may use until [`Handle::destroy`].
#[derive(Clone, Copy, Debug)]
pub struct Handle(*mut c_void);

// SAFETY: the contract lets any threads call any functions on one handle.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// `eshm_init` with the defaults: role 0 is a master, 1 a slave, 2 either.
    pub fn init(name: &str, role: c_int) -> Option<Handle> {
        Handle::init_with(name, role, 50, true)
    }

    /// The same with a limit of attempts to reconnect (0: no limit at all), and with or without threads.
    pub fn init_with(name: &str, role: c_int, max_reconnect_attempts: u32, use_threads: bool) -> Option<Handle> {
        let name = CString::new(name).ok()?;
        let config = Config {
            name: name.as_ptr(),
            role,
            disconnect_behavior: 1,
            stale_threshold_ms: 100,
            reconnect_wait_ms: 5000,
            reconnect_retry_interval_ms: 100,
            max_reconnect_attempts,
            auto_cleanup: true,
            use_threads,
        };
        // SAFETY: the configuration and its name live over the call.
        let handle = unsafe { eshm_init(&config) };
        (!handle.is_null()).then_some(Handle(handle))
    }

    /// `eshm_destroy`: the last call, but for reads that wait already.
    pub fn destroy(self) -> i32 {
        // SAFETY: the tests call it once, last.
        unsafe { eshm_destroy(self.0) }
    }

    /// `eshm_write`.
    pub fn write(self, data: &[u8]) -> i32 {
        // SAFETY: a live handle, and as many bytes as said.
        unsafe { eshm_write(self.0, data.as_ptr().cast(), data.len()) }
    }

    /// `eshm_read`.
    pub fn read(self, buffer: &mut [u8]) -> i32 {
        // SAFETY: a live handle, and as many bytes as said.
        unsafe { eshm_read(self.0, buffer.as_mut_ptr().cast(), buffer.len()) }
    }

    /// `eshm_read_ex`: its result and `*bytes_read`.
    pub fn read_ex(self, buffer: &mut [u8], timeout_ms: u32) -> (i32, usize) {
        let mut bytes = usize::MAX;
        // SAFETY: a live handle, and as many bytes as said.
        let result = unsafe { eshm_read_ex(self.0, buffer.as_mut_ptr().cast(), buffer.len(), &mut bytes, timeout_ms) };
        (result, bytes)
    }

    /// `eshm_read_data` with room for four items, whose values are freed again: its result.
    pub fn read_data(self, timeout_ms: u32) -> i32 {
        let (mut types, mut room, mut values, mut count) = ([0; 4], [[0 as c_char; 32]; 4], [ptr::null_mut(); 4], 0);
        let mut keys = room.each_mut().map(|key| key.as_mut_ptr());
        // SAFETY: a live handle, and as many elements as said.
        let result = unsafe {
            let (types, keys) = (types.as_mut_ptr(), keys.as_mut_ptr());
            eshm_read_data(self.0, types, keys, 32, values.as_mut_ptr(), 4, &mut count, timeout_ms)
        };
        for (kind, value) in types.into_iter().zip(values) {
            // SAFETY: NULL, or handed out just now.
            unsafe { eshm_free_value(value, kind) };
        }
        result
    }

    /// The results of heartbeat, alive, statistics and role, in this order.
    pub fn questions(self) -> [i32; 4] {
        let (mut alive, mut role, mut stats) = (false, 0, [0u64; 10]);
        // SAFETY: a live handle; 80 bytes for the statistics.
        unsafe {
            [
                eshm_update_heartbeat(self.0),
                eshm_check_remote_alive(self.0, &mut alive),
                eshm_get_stats(self.0, stats.as_mut_ptr().cast()),
                eshm_get_role(self.0, &mut role),
            ]
        }
    }

    /// The statistics' 80 bytes as words, with `eshm_get_stats`' result; filled with ones before.
    pub fn stats(self) -> (i32, [u64; 10]) {
        let mut stats = [u64::MAX; 10];
        // SAFETY: a live handle; 80 bytes.
        let result = unsafe { eshm_get_stats(self.0, stats.as_mut_ptr().cast()) };
        (result, stats)
    }
}
