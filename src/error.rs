//! The one error type.

use crate::segment::name::OF;
use std::{error, ffi::CStr, fmt};

/// Why a call did not do what was asked.
///
/// What goes wrong while a channel is opened names it, and says what to do. What a write or a read returns is for a control loop to
/// compare, a thousand times a second: a plain value without an allocation, which the caller knows the endpoint of. An
/// [`Endpoint`](crate::Endpoint) is displayed as the channel, so that a log has both:
///
/// ```
/// use eshm::{Endpoint, Error, Role};
///
/// let name = format!("doc_error_{}", std::process::id());
/// let master = Endpoint::builder(&name).role(Role::Master).capacity(64).open()?;
/// let error = master.write(&[0; 100]).unwrap_err();
/// assert_eq!(error, Error::BufferTooSmall { size: 64, given: 100 });
/// assert_eq!(
///     format!("{master}: {error}"),
///     format!("channel '{name}': Buffer too small: the message has 100 bytes, the channel's capacity is 64")
/// );
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// An argument is outside its range; says which.
    InvalidParameter(String),
    /// The segment could not be created; says why.
    Create(String),
    /// The segment could not be attached to; says why.
    Attach(String),
    /// Nothing new, and the call was not to wait.
    NoData,
    /// The time passed, or a write found the endpoint detached or its direction blocked; nothing was changed.
    Timeout,
    /// The master is stale and the endpoint was to stop at that ([`DisconnectBehavior::Immediately`](crate::DisconnectBehavior)).
    MasterStale,
    /// The message is larger than the buffer or the segment's capacity.
    BufferTooSmall {
        /// Bytes the message has (read), or may have at most (write).
        size: usize,
        /// Bytes of what was given: the buffer (read), or the message (write).
        given: usize,
    },
    /// Detached, or closed.
    NotInitialized,
    /// Opened by another process: this one got the endpoint by `fork()`, and opens its own.
    Inherited,
    /// Another master has taken this one's place.
    RoleMismatch,
    /// The message is no record, or the values make none.
    Record(crate::records::Error),
}

impl Error {
    /// What is said of a number outside its bounds.
    #[cold]
    #[inline(never)]
    pub(crate) fn out_of_range(what: &str, value: usize, least: usize, most: usize) -> Error {
        Error::InvalidParameter(format!("{what} is {value}: {least} to {most} are allowed"))
    }

    /// The same error with the channel named, by its quoted name, where it has a text of its own.
    #[cold]
    #[inline(never)]
    pub(crate) fn of_channel(self, name: &str) -> Error {
        let named = |why| format!("{OF}{name}: {why}");
        match self {
            Error::InvalidParameter(why) => Error::InvalidParameter(named(why)),
            Error::Create(why) => Error::Create(named(why)),
            Error::Attach(why) => Error::Attach(named(why)),
            other => other,
        }
    }

    /// The value of `enum ESHMError` in C.
    pub fn code(&self) -> i32 {
        match self {
            Error::InvalidParameter(_) | Error::Record(_) => -1,
            Error::Create(_) => -2,
            Error::Attach(_) => -3,
            Error::NoData => -9,
            Error::Timeout => -10,
            Error::MasterStale => -11,
            Error::BufferTooSmall { .. } => -13,
            Error::NotInitialized | Error::Inherited => -14,
            Error::RoleMismatch => -15,
        }
    }
}

/// What a forked child is told.
pub(crate) const INHERITED: &CStr = c"opened in another process: open your own";

/// The C library's text for a code, known or not.
pub fn error_text(code: i32) -> &'static str {
    text_c(code).to_str().unwrap_or("Unknown error")
}

/// [`error_text`], NUL-terminated.
#[inline(never)]
pub(crate) fn text_c(code: i32) -> &'static CStr {
    match code {
        0 => c"Success",
        -1 => c"Invalid parameter",
        -2 => c"Failed to create shared memory",
        -3 => c"Failed to attach to shared memory",
        -4 => c"Failed to detach from shared memory",
        -5 => c"Failed to delete shared memory",
        -6 => c"Failed to initialize mutex",
        -7 => c"Failed to lock mutex",
        -8 => c"Failed to unlock mutex",
        -9 => c"No data available",
        -10 => c"Operation timed out",
        -11 => c"Master is stale",
        -12 => c"Buffer is full",
        -13 => c"Buffer too small",
        -14 => c"Not initialized",
        -15 => c"Role mismatch",
        _ => c"Unknown error",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidParameter(why) | Error::Create(why) | Error::Attach(why) => f.write_str(why),
            Error::Record(error) => error.fmt(f),
            Error::Inherited => f.write_str(INHERITED.to_str().unwrap_or_default()),
            Error::BufferTooSmall { size, given } if size > given => {
                write!(f, "Buffer too small: the message has {size} bytes, the buffer {given}: read again into a larger one")
            }
            Error::BufferTooSmall { size, given } => {
                write!(f, "Buffer too small: the message has {given} bytes, the channel's capacity is {size}")
            }
            _ => f.write_str(error_text(self.code())),
        }
    }
}

impl error::Error for Error {}

impl From<crate::records::Error> for Error {
    fn from(error: crate::records::Error) -> Self {
        Error::Record(error)
    }
}
