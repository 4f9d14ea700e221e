//! A segment's bytes by the names of the protocol: the layout written down once more, apart from the library's.

use crate::Name;
use std::{
    ffi::c_int,
    fs::{File, OpenOptions},
    io,
    ops::Range,
    os::fd::AsRawFd,
    ptr,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
};

/// What every segment starts with.
pub const MAGIC: u64 = 0x4553_484D;

/// Bytes of one channel with messages of up to `capacity` bytes.
pub const fn channel_size(capacity: usize) -> usize {
    (72 + capacity).div_ceil(64) * 64
}

/// Bytes of the whole segment.
pub const fn total_size(capacity: usize) -> usize {
    128 + 2 * channel_size(capacity)
}

/// Offset and width of a field: a header field by its name, a channel's as `m2s.` or `s2m.` and its name.
fn place(field: &str, capacity: usize) -> (usize, usize) {
    let tail = (8 + capacity).div_ceil(8) * 8;
    if let Some((channel, field)) = field.split_once('.') {
        let base = match channel {
            "m2s" => 128,
            "s2m" => 128 + channel_size(capacity),
            _ => panic!("no channel {channel:?}"),
        };
        let (offset, width) = match field {
            "sequence" => (0, 4),
            "data_size" => (4, 4),
            "write_count" => (tail, 8),
            "read_count" => (tail + 8, 8),
            "wake_seq" => (tail + 16, 4),
            "waiters" => (tail + 20, 4),
            "reader_waiting" => (tail + 24, 4),
            _ => panic!("no channel field {field:?}"),
        };
        return (base + offset, width);
    }
    match field {
        "magic" => (0, 4),
        "version" => (4, 4),
        "master_heartbeat" => (8, 8),
        "slave_heartbeat" => (16, 8),
        "master_pid" => (24, 4),
        "slave_pid" => (28, 4),
        "master_alive" => (32, 4),
        "slave_alive" => (36, 4),
        "stale_threshold" => (40, 4),
        "master_generation" => (44, 4),
        "features" => (48, 4),
        "layout_size" => (52, 4),
        "master_lock" => (56, 4),
        "slave_lock" => (60, 4),
        "capacity" => (64, 4),
        "decider" => (72, 8),
        _ => panic!("no header field {field:?}"),
    }
}

/// A mapped segment.
#[derive(Debug)]
pub struct Raw {
    file: File,
    base: *mut u8,
    size: usize,
    capacity: usize,
}

// SAFETY: the mapping lives as long as the value, and all access to it is atomic or byte by byte through volatile.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

impl Raw {
    /// Maps the file of a name, as far as the layout for `capacity` goes.
    ///
    /// # Errors
    /// The system's, and a file shorter than the layout.
    pub fn open(name: &Name, capacity: usize) -> io::Result<Raw> {
        Raw::map(OpenOptions::new().read(true).write(true).open(name.path())?, capacity)
    }

    /// Makes a file of `size` zero bytes under the name, which must be free, and maps it.
    ///
    /// # Errors
    /// The system's.
    pub fn create(name: &Name, capacity: usize) -> io::Result<Raw> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(name.path())?;
        file.set_len(total_size(capacity) as u64)?;
        Raw::map(file, capacity)
    }

    /// Makes a complete segment as a released creator stamps it, with nobody on either side.
    #[track_caller]
    pub fn stamped(name: &Name, protocol: u64, capacity: usize) -> Raw {
        let raw = Raw::create(name, capacity).unwrap_or_else(|error| panic!("{}: {error}", name.path().display()));
        raw.stamp(protocol);
        raw
    }

    /// Makes a file of zeroes a complete segment.
    pub fn stamp(&self, protocol: u64) {
        self.set("stale_threshold", crate::THRESHOLD);
        if protocol == 3 {
            self.set("features", 1);
            self.set("layout_size", self.size() as u64);
        }
        self.set("version", protocol);
        self.set("magic", MAGIC);
    }

    /// Puts a side there: its pid, its flag, and for a master a generation.
    pub fn occupy(&self, side: &str, pid: u32) {
        if side == "master" {
            self.add("master_generation", 1);
        }
        self.set(&format!("{side}_pid"), pid.into());
        self.set(&format!("{side}_alive"), 1);
    }

    /// Maps a file that is large enough.
    ///
    /// # Errors
    /// The system's, and a file shorter than the layout.
    pub fn map(file: File, capacity: usize) -> io::Result<Raw> {
        let size = total_size(capacity);
        if file.metadata()?.len() < size as u64 {
            return Err(io::Error::other("shorter than the layout"));
        }
        let flags = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new shared mapping of an open file.
        let base = unsafe { libc::mmap(ptr::null_mut(), size, flags, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Raw { file, base: base.cast(), size, capacity })
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Mapped bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    fn u32_at(&self, offset: usize) -> &AtomicU32 {
        assert!(offset + 4 <= self.size);
        // SAFETY: inside the mapping, aligned by the layout, and never accessed but atomically at this width.
        unsafe { &*self.base.add(offset).cast() }
    }

    fn u64_at(&self, offset: usize) -> &AtomicU64 {
        assert!(offset + 8 <= self.size);
        // SAFETY: as in `u32_at`.
        unsafe { &*self.base.add(offset).cast() }
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> u64 {
        match place(field, self.capacity) {
            (offset, 8) => self.u64_at(offset).load(SeqCst),
            (offset, _) => self.u32_at(offset).load(SeqCst).into(),
        }
    }

    /// Stores into a field.
    pub fn set(&self, field: &str, value: u64) {
        match place(field, self.capacity) {
            (offset, 8) => self.u64_at(offset).store(value, SeqCst),
            (offset, _) => self.u32_at(offset).store(value as u32, SeqCst),
        }
    }

    /// Adds to a field, wrapping.
    pub fn add(&self, field: &str, amount: u64) {
        match place(field, self.capacity) {
            (offset, 8) => self.u64_at(offset).fetch_add(amount, SeqCst) as usize,
            (offset, _) => self.u32_at(offset).fetch_add(amount as u32, SeqCst) as usize,
        };
    }

    /// Waits until a side of ours has looked at its remote anew: it beats with each look, by 10 with the slowest.
    #[track_caller]
    pub fn until_looked(&self, side: &str) {
        let (field, before) = (format!("{side}_heartbeat"), self.get(&format!("{side}_heartbeat")));
        crate::until("it has looked", || self.get(&field) > before + 25);
    }

    /// Stores a byte anywhere.
    pub fn set_byte(&self, offset: usize, value: u8) {
        assert!(offset < self.size);
        // SAFETY: inside the mapping; volatile, as another process may look at it.
        unsafe { self.base.add(offset).write_volatile(value) }
    }

    /// Stores bytes at the start of a channel's data.
    pub fn set_data(&self, channel: &str, bytes: &[u8]) {
        assert!(bytes.len() <= self.capacity);
        let start = place(&format!("{channel}.sequence"), self.capacity).0 + 8;
        for (index, &byte) in bytes.iter().enumerate() {
            self.set_byte(start + index, byte);
        }
    }

    /// The bytes of a channel's data, `size` of them.
    pub fn data(&self, channel: &str, size: usize) -> Vec<u8> {
        let start = place(&format!("{channel}.sequence"), self.capacity).0 + 8;
        // SAFETY: the assertion keeps it inside the mapping; volatile, as above.
        (start..start + size.min(self.capacity)).map(|at| unsafe { self.base.add(at).read_volatile() }).collect()
    }

    /// `FUTEX_WAIT` on a channel's `wake_seq` while it is `seen`; whether it was woken.
    pub fn futex_wait(&self, channel: &str, seen: u64, timeout_ms: i64) -> bool {
        let word = self.u32_at(place(&format!("{channel}.wake_seq"), self.capacity).0);
        let time = libc::timespec { tv_sec: timeout_ms / 1000, tv_nsec: timeout_ms % 1000 * 1_000_000 };
        // SAFETY: a live word and time; shared, as the peer is another process.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, seen as u32, &time) == 0 }
    }

    /// `FUTEX_WAKE` of all on a channel's `wake_seq`; how many there were.
    pub fn futex_wake(&self, channel: &str) -> i64 {
        let word = self.u32_at(place(&format!("{channel}.wake_seq"), self.capacity).0);
        // SAFETY: a live word.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, i32::MAX) }
    }

    /// Whether somebody else holds the lock on a byte of the file, and as which pid (-1: an open-file-description lock).
    pub fn lock_holder(&self, byte: i64) -> Option<i32> {
        let mut lock = whole_byte(libc::F_WRLCK as c_int, byte);
        // SAFETY: an open file and a live struct.
        let result = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        (lock.l_type != libc::F_UNLCK as i16).then_some(lock.l_pid)
    }

    /// The bytes within `range` on which others hold locks, in order.
    pub fn locked(&self, range: Range<i64>) -> Vec<Range<i64>> {
        if range.is_empty() {
            return Vec::new();
        }
        let mut lock = of_kind(libc::F_WRLCK as c_int, range.clone());
        // SAFETY: an open file and a live struct.
        let result = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        if lock.l_type == libc::F_UNLCK as i16 {
            return Vec::new();
        }
        // The kernel names one of them, not the first.
        let end = if lock.l_len == 0 { i64::MAX } else { lock.l_start + lock.l_len };
        let mut all = self.locked(range.start..lock.l_start);
        all.push(lock.l_start..end);
        all.append(&mut self.locked(end..range.end));
        all
    }

    /// Takes the open-file-description lock on a byte, through this view's own file; whether it was free.
    pub fn try_lock(&self, byte: i64) -> bool {
        let lock = whole_byte(libc::F_WRLCK as c_int, byte);
        // SAFETY: an open file and a live struct.
        unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_SETLK, &lock) == 0 }
    }

    /// Gives the lock on a byte back.
    pub fn unlock(&self, byte: i64) {
        let lock = whole_byte(libc::F_UNLCK as c_int, byte);
        // SAFETY: an open file and a live struct.
        unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: our own mapping, unmapped once.
        unsafe { libc::munmap(self.base.cast(), self.size) };
    }
}

/// A lock of a kind on one byte.
fn whole_byte(kind: c_int, byte: i64) -> libc::flock {
    of_kind(kind, byte..byte + 1)
}

/// A lock of a kind on some bytes.
fn of_kind(kind: c_int, range: Range<i64>) -> libc::flock {
    // SAFETY: plain numbers, for which zero is a value; `l_pid` must be 0.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as i16;
    lock.l_whence = libc::SEEK_SET as i16;
    lock.l_start = range.start;
    lock.l_len = range.end - range.start;
    lock
}
