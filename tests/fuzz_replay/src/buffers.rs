//! Buffers that end where the process's memory ends: a byte read or written past them is a fault at once. The library copies
//! by assembly, which AddressSanitizer does not see.

use std::{ptr, slice};

/// Bytes of the largest buffer.
pub const LARGEST: usize = 1 << 16;
/// Bytes before a buffer that must stay as they are.
const BEFORE: usize = 64;
const UNTOUCHED: u8 = 0xEE;

/// Memory that is followed by memory nobody may touch.
#[derive(Debug)]
pub struct Buffer {
    base: *mut u8,
    length: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Buffer::new()
    }
}

impl Buffer {
    /// Room for [`LARGEST`] bytes.
    pub fn new() -> Buffer {
        let page = 1 << 16; // a multiple of every page size in use
        let length = LARGEST + page;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping of our own, of which the end is made inaccessible.
        unsafe {
            let base = libc::mmap(ptr::null_mut(), length + page, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert_ne!(base, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(base.cast::<u8>().add(length).cast(), page, libc::PROT_NONE), 0);
            Buffer { base: base.cast(), length }
        }
    }

    /// The last `size` bytes, at most [`LARGEST`].
    pub fn last(&mut self, size: usize) -> &mut [u8] {
        assert!(size <= LARGEST);
        // SAFETY: within the accessible part of the mapping, borrowed with `self`.
        unsafe { slice::from_raw_parts_mut(self.base.add(self.length - size), size) }
    }

    /// Marks the bytes before the last `size`.
    pub fn guard(&mut self, size: usize) {
        self.before(size).fill(UNTOUCHED);
    }

    /// Checks that they were left alone.
    pub fn check(&mut self, size: usize) {
        assert!(self.before(size).iter().all(|&byte| byte == UNTOUCHED), "wrote before a buffer of {size} bytes");
    }

    fn before(&mut self, size: usize) -> &mut [u8] {
        // SAFETY: as in `last`; a page of 64 KiB lies before the largest buffer.
        unsafe { slice::from_raw_parts_mut(self.base.add(self.length - size - BEFORE), BEFORE) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: our own mapping, unmapped once.
        unsafe { libc::munmap(self.base.cast(), self.length + (1 << 16)) };
    }
}
