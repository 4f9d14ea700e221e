//! Why bytes are no record, or values do not become one.

use std::{error, fmt};

/// What is wrong, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error {
    /// Decoding: the byte of the message at which it was noticed. Encoding: the number of the item, counted from 0. Without memory:
    /// the bytes that are too many.
    pub position: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A length that goes beyond the end of what it is in, or an end where something must follow.
    Truncated,
    /// A length of no form that is accepted: indefinite, or of more than four bytes.
    BadLength,
    /// Another kind of element than the format has here.
    UnexpectedTag,
    /// Bytes after what should be the last of its kind.
    TrailingBytes,
    /// The numbers of types, keys and values differ.
    CountsDiffer,
    /// A type that there is not.
    UnknownType,
    /// An integer of no bytes, or of more than eight.
    BadInteger,
    /// A boolean that is not one byte.
    BadBoolean,
    /// A real of no known form.
    BadReal,
    /// A text that is not UTF-8.
    NotUtf8,
    /// A number outside its field's range.
    OutOfRange,
    /// The record does not fit.
    TooLarge {
        /// Bytes the record has.
        needed: usize,
    },
    /// A type that the functions in use do not speak.
    Unsupported,
    /// More items than there is room for (C functions).
    TooMany {
        /// Items the record has.
        items: usize,
    },
    /// A NULL where an item has its key or value (C functions).
    Null,
    /// No memory for the values.
    NoMemory,
    /// An event, function call or image frame without the fields it must have (C functions).
    BadFields,
}

impl Reason {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Reason::Truncated => "cut off",
            Reason::BadLength => "a length of no accepted form",
            Reason::UnexpectedTag => "an element that does not belong here",
            Reason::TrailingBytes => "bytes after the end",
            Reason::CountsDiffer => "types, keys and values differ in number",
            Reason::UnknownType => "an unknown type",
            Reason::BadInteger => "an integer that is not of 1 to 8 bytes",
            Reason::BadBoolean => "a boolean that is not of 1 byte",
            Reason::BadReal => "a real of no known form",
            Reason::NotUtf8 => "a text that is not UTF-8",
            Reason::OutOfRange => "a number out of range",
            Reason::TooLarge { .. } | Reason::TooMany { .. } => "does not fit",
            Reason::Null => "a NULL for a key or a value",
            Reason::NoMemory => "no memory for the values",
            Reason::BadFields => "fields that do not make an event, function call or image frame",
            Reason::Unsupported => "a type these functions do not carry: event, function call or image frame",
        }
    }
}

impl Error {
    pub(crate) fn at(position: usize, reason: Reason) -> Error {
        Error { position, reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::TooLarge { needed } => write!(f, "record of {needed} bytes: does not fit"),
            Reason::NoMemory => write!(f, "record: {} (of {} bytes)", self.reason.text(), self.position),
            Reason::TooMany { items } => write!(f, "record of {items} items: room for {} only", self.position),
            reason => write!(f, "record: {} (at {})", reason.text(), self.position),
        }
    }
}

impl error::Error for Error {}
