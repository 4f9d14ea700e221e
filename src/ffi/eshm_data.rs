//! `eshm_data.h`: the structs a C caller owns, and the constants.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};

/// `ESHM_TIMEOUT_INFINITE`.
pub const ESHM_TIMEOUT_INFINITE: u32 = u32::MAX;

/// `ESHM_SPIN_ADAPTIVE`.
pub const ESHM_SPIN_ADAPTIVE: u32 = u32::MAX;

/// `ESHM_MAGIC`.
pub const ESHM_MAGIC: u32 = crate::segment::layout::MAGIC;

/// `ESHM_VERSION`.
pub const ESHM_VERSION: u32 = crate::segment::layout::VERSION;

/// `ESHM_FEATURE_FUTEX_WAKE`.
pub const ESHM_FEATURE_FUTEX_WAKE: u32 = crate::segment::layout::FEATURE_FUTEX_WAKE;

/// `ESHMConfig`. Enums and bools are integers here.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ESHMConfig {
    /// NUL-terminated, 1 to 249 bytes.
    pub shm_name: *const c_char,
    /// `enum ESHMRole`: 0 master, 1 slave, 2 auto.
    pub role: i32,
    /// `enum ESHMDisconnectBehavior`: 0 immediately, 1 on timeout, 2 never.
    pub disconnect_behavior: i32,
    /// Milliseconds; 0 = 100.
    pub stale_threshold_ms: u32,
    /// Milliseconds; 0 = no limit.
    pub reconnect_wait_ms: u32,
    /// Milliseconds; 0 = each tick.
    pub reconnect_retry_interval_ms: u32,
    /// 0 = no limit.
    pub max_reconnect_attempts: u32,
    /// Whether a master that ends removes the name.
    pub auto_cleanup: u8,
    /// Whether the service thread looks after this handle.
    pub use_threads: u8,
}

/// `ESHMOptions`. Enums and bools are integers here. There is no padding: what is added later goes to `reserved` or the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ESHMOptions {
    /// Bytes of the struct as its caller knows it.
    pub size: usize,
    /// Bytes of the largest message, up to 1 GiB; 0 = [`MAX_DATA_SIZE`](crate::MAX_DATA_SIZE).
    pub capacity: usize,
    /// Permission bits of the file, up to 0777; 0 = 0666 less the umask.
    pub mode: u32,
    /// Milliseconds that a slave waits for its master; `ESHM_TIMEOUT_INFINITE` = without limit.
    pub wait_for_master_ms: u32,
    /// Microseconds that a read spins; `ESHM_SPIN_ADAPTIVE` = learnt.
    pub spin_us: u32,
    /// `enum ESHMLogLevel`: 0 as it is, else one more than [`LogLevel`](crate::LogLevel).
    pub log_level: i32,
    /// Whether an existing segment of another capacity will not do.
    pub exact_capacity: u8,
    /// Whether the value that is current at the attach is new to the first read.
    pub first_value: u8,
    /// Whether huge pages are asked for.
    pub huge_pages: u8,
    /// Whether all pages are mapped at once.
    pub prefault: u8,
    /// 0.
    pub reserved: [u8; 4],
}

/// `ESHMStats`. Bools are integers here.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ESHMStats {
    /// Heartbeats of the master.
    pub master_heartbeat: u64,
    /// Heartbeats of the slave.
    pub slave_heartbeat: u64,
    /// Process of the master.
    pub master_pid: i32,
    /// Process of the slave.
    pub slave_pid: i32,
    /// The master's alive flag.
    pub master_alive: u8,
    /// The slave's alive flag.
    pub slave_alive: u8,
    /// Milliseconds.
    pub stale_threshold: u32,
    /// Since this handle's previous call.
    pub master_heartbeat_delta: u64,
    /// Since this handle's previous call.
    pub slave_heartbeat_delta: u64,
    /// Messages written by the master.
    pub m2s_write_count: u64,
    /// Messages read by the slave.
    pub m2s_read_count: u64,
    /// Messages written by the slave.
    pub s2m_write_count: u64,
    /// Messages read by the master.
    pub s2m_read_count: u64,
}

const _: () = {
    assert!(size_of::<ESHMConfig>() == 40);
    assert!(offset_of!(ESHMConfig, shm_name) == 0 && offset_of!(ESHMConfig, role) == 8);
    assert!(offset_of!(ESHMConfig, disconnect_behavior) == 12 && offset_of!(ESHMConfig, stale_threshold_ms) == 16);
    assert!(offset_of!(ESHMConfig, reconnect_wait_ms) == 20);
    assert!(offset_of!(ESHMConfig, reconnect_retry_interval_ms) == 24);
    assert!(offset_of!(ESHMConfig, max_reconnect_attempts) == 28);
    assert!(offset_of!(ESHMConfig, auto_cleanup) == 32 && offset_of!(ESHMConfig, use_threads) == 33);
    assert!(size_of::<ESHMOptions>() == 40);
    assert!(offset_of!(ESHMOptions, size) == 0 && offset_of!(ESHMOptions, capacity) == 8);
    assert!(offset_of!(ESHMOptions, mode) == 16 && offset_of!(ESHMOptions, wait_for_master_ms) == 20);
    assert!(offset_of!(ESHMOptions, spin_us) == 24 && offset_of!(ESHMOptions, log_level) == 28);
    assert!(offset_of!(ESHMOptions, exact_capacity) == 32 && offset_of!(ESHMOptions, first_value) == 33);
    assert!(offset_of!(ESHMOptions, huge_pages) == 34 && offset_of!(ESHMOptions, prefault) == 35);
    assert!(size_of::<ESHMStats>() == 80);
    assert!(offset_of!(ESHMStats, master_heartbeat) == 0 && offset_of!(ESHMStats, slave_heartbeat) == 8);
    assert!(offset_of!(ESHMStats, master_pid) == 16 && offset_of!(ESHMStats, slave_pid) == 20);
    assert!(offset_of!(ESHMStats, master_alive) == 24 && offset_of!(ESHMStats, slave_alive) == 25);
    assert!(offset_of!(ESHMStats, stale_threshold) == 28 && offset_of!(ESHMStats, master_heartbeat_delta) == 32);
    assert!(offset_of!(ESHMStats, slave_heartbeat_delta) == 40 && offset_of!(ESHMStats, m2s_write_count) == 48);
    assert!(offset_of!(ESHMStats, m2s_read_count) == 56 && offset_of!(ESHMStats, s2m_write_count) == 64);
    assert!(offset_of!(ESHMStats, s2m_read_count) == 72);
};
