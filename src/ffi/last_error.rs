//! The text of a thread's last failure: in any function, and in the record functions alone.

use crate::error::{Error, INHERITED, text_c};
use crate::segment::name::OF;
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int};
use std::fmt::{self, Write};
use std::thread::LocalKey;

/// Bytes of a text at most, its NUL included: room for a name, for the path of its file, and for what to do.
const SIZE: usize = 800;

/// The beginning of a text that has so many bytes at most, without half a character: up to three bytes may continue one.
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

impl Text {
    /// Adds what there is room for.
    fn add(&self, text: &[u8]) {
        let (start, room) = (self.length.get(), SIZE - 1 - self.length.get());
        let part = cut_bytes(text, room);
        // SAFETY: only this thread uses it, and no reference lasts.
        unsafe { (&mut *self.bytes.get())[start..start + part.len()].copy_from_slice(part) };
        self.length.set(start + part.len());
    }

    /// Ends it; where it begins.
    fn end(&self) -> *const c_char {
        // SAFETY: as above; the text ends before the last byte.
        unsafe { (*self.bytes.get())[self.length.get()] = 0 };
        self.bytes.get().cast_const().cast()
    }
}

impl Write for &Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// Keeps the text, cut to its room; where it begins.
fn write(place: &'static LocalKey<Text>, text: fmt::Arguments<'_>) -> *const c_char {
    place.with(|mut kept| {
        kept.length.set(0);
        let _ = kept.write_fmt(text); // it is cut, and does not fail
        kept.end()
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

/// Keeps a static text about a channel, by its quoted name; the code that goes with it. Without formatting.
#[cold]
#[inline(never)]
pub(super) fn say_of(channel: &str, text: &'static CStr, code: c_int) -> c_int {
    TEXT.with(|kept| {
        kept.length.set(0);
        for part in [OF, channel, ": "] {
            kept.add(part.as_bytes());
        }
        kept.add(text.to_bytes());
        LAST.set(kept.end());
    });
    code
}

/// Keeps why a call failed on a channel, by its quoted name; the code. A read that finds nothing is no rarity.
#[inline(never)]
pub(super) fn note(channel: &str, error: &Error) -> c_int {
    let code = error.code();
    match error {
        Error::Inherited => say_of(channel, INHERITED, code),
        Error::NoData | Error::Timeout | Error::MasterStale | Error::NotInitialized | Error::RoleMismatch => {
            say_of(channel, text_c(code), code)
        }
        _ => {
            keep(&TEXT, format_args!("{OF}{channel}: {error}"));
            code
        }
    }
}

/// The same for a record function: what the record functions tell does not name the channel.
pub(super) fn note_record(channel: &str, error: &Error) {
    set(format_args!("{error}"));
    note(channel, error);
}

/// Keeps why no channel could be opened, where there is no name.
pub(super) fn note_nameless(error: &Error) {
    keep(&TEXT, format_args!("{error}"));
}

/// The text of this thread's last failure in any function.
pub(super) fn last() -> *const c_char {
    LAST.get()
}
