//! The text of a thread's last failure in the record functions.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_char;
use std::fmt::{self, Write};

/// Bytes of a text at most, its NUL included.
const SIZE: usize = 160;

/// The beginning of a text that has so many bytes at most, without half a character.
pub(super) fn cut(text: &str, room: usize) -> &str {
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

struct Text {
    bytes: UnsafeCell<[u8; SIZE]>,
    length: Cell<usize>,
}

thread_local! {
    static TEXT: Text = const { Text { bytes: UnsafeCell::new([0; SIZE]), length: Cell::new(0) } };
}

impl Write for &Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let (start, room) = (self.length.get(), SIZE - 1 - self.length.get());
        let part = cut(text, room).as_bytes();
        // SAFETY: only this thread uses it, and no reference lasts.
        unsafe { (&mut *self.bytes.get())[start..start + part.len()].copy_from_slice(part) };
        self.length.set(start + part.len());
        Ok(())
    }
}

/// Keeps the text, cut to its room.
#[cold]
pub(super) fn set(text: fmt::Arguments<'_>) {
    TEXT.with(|mut last| {
        last.length.set(0);
        let _ = last.write_fmt(text); // it is cut, and does not fail
        // SAFETY: as above; the text ends before the last byte.
        unsafe { (*last.bytes.get())[last.length.get()] = 0 };
    });
}

/// The text, NUL-terminated; this thread's until its next failure.
pub(super) fn get() -> *const c_char {
    TEXT.with(|last| last.bytes.get().cast_const().cast())
}
