//! The text of a thread's last failure: in any function, and in the record functions alone.

use crate::error::{Error, INHERITED, text_c};
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int};
use std::fmt::{self, Write};
use std::thread::LocalKey;

/// Bytes of a text at most, its NUL included.
const SIZE: usize = 320;

/// The beginning of a text that has so many bytes at most, without half a character.
pub(super) fn cut(text: &str, room: usize) -> &str {
    &text[..cut_bytes(text.as_bytes(), room).len()]
}

/// The same of bytes, of which a character is what would be one in UTF-8: up to three bytes that continue it.
pub(super) fn cut_bytes(text: &[u8], room: usize) -> &[u8] {
    if text.len() <= room {
        return text;
    }
    let continues = |end: &usize| text.get(*end).is_some_and(|byte| byte & 0xC0 == 0x80);
    let end = (room.saturating_sub(3)..=room).rev().find(|end| !continues(end)).unwrap_or(room);
    &text[..end]
}

struct Text {
    bytes: UnsafeCell<[u8; SIZE]>,
    length: Cell<usize>,
}

impl Text {
    const fn new() -> Text {
        Text { bytes: UnsafeCell::new([0; SIZE]), length: Cell::new(0) }
    }
}

thread_local! {
    static TEXT: Text = const { Text::new() };
    static RECORD_TEXT: Text = const { Text::new() };
    static RPC_TEXT: Text = const { Text::new() };
    /// Static, or one of the first two above.
    static LAST: Cell<*const c_char> = const { Cell::new(c"".as_ptr()) };
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

/// Keeps the text, cut to its room; where it begins.
fn write(place: &'static LocalKey<Text>, text: fmt::Arguments<'_>) -> *const c_char {
    place.with(|mut kept| {
        kept.length.set(0);
        let _ = kept.write_fmt(text); // it is cut, and does not fail
        // SAFETY: as above; the text ends before the last byte.
        unsafe { (*kept.bytes.get())[kept.length.get()] = 0 };
        kept.bytes.get().cast_const().cast()
    })
}

/// Keeps the text as the last.
fn keep(place: &'static LocalKey<Text>, text: fmt::Arguments<'_>) {
    LAST.set(write(place, text));
}

/// Keeps the text of a failure in a trigger function.
#[cold]
#[inline(never)]
pub(super) fn set_rpc(text: fmt::Arguments<'_>) {
    write(&RPC_TEXT, text);
}

/// The text of the trigger functions, NUL-terminated; this thread's until its next failure there.
pub(super) fn get_rpc() -> *const c_char {
    RPC_TEXT.with(|last| last.bytes.get().cast_const().cast())
}

/// Keeps the text of a failure in a record function.
#[cold]
#[inline(never)]
pub(super) fn set(text: fmt::Arguments<'_>) {
    keep(&RECORD_TEXT, text);
}

/// The text of the record functions, NUL-terminated; this thread's until its next failure there.
pub(super) fn get() -> *const c_char {
    RECORD_TEXT.with(|last| last.bytes.get().cast_const().cast())
}

/// Keeps a static text; the code that goes with it.
#[cold]
#[inline(never)]
pub(super) fn say(text: &'static CStr, code: c_int) -> c_int {
    LAST.set(text.as_ptr());
    code
}

/// Keeps why a call failed; its code. Without formatting where the code says it all: a read that finds nothing is no rarity.
#[inline(never)]
pub(super) fn note(error: &Error) -> c_int {
    match error {
        Error::Inherited => say(INHERITED, error.code()),
        Error::NoData | Error::Timeout | Error::MasterStale | Error::NotInitialized | Error::RoleMismatch => {
            say(text_c(error.code()), error.code())
        }
        _ => {
            keep(&TEXT, format_args!("{error}"));
            error.code()
        }
    }
}

/// The text of this thread's last failure in any function.
pub(super) fn last() -> *const c_char {
    LAST.get()
}
