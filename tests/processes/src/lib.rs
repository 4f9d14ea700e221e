//! What the two-process tests share: peers in processes of their own, segment names that vanish with the test, a raw
//! view of a segment's bytes, and waiting for events with a deadline.
//!
//! Nothing here uses the library's own knowledge of the segment: [`raw`] has the layout written down a second time, so
//! that a mistake in one of the two shows.

pub mod c;
pub mod name;
pub mod payload;
pub mod peer;
pub mod raw;
pub mod read_lock;
pub mod sandbox;
pub mod tasks;
pub mod wait;

pub use name::Name;
pub use peer::Peer;
pub use raw::Raw;
pub use wait::{elapsed_ms, eventually, pause, until};

use eshm::{Builder, Endpoint, Error, Role};
use std::time::Duration;

/// The stale threshold of peers whose test asks for none, in milliseconds. The library's own of 100 is less than a busy machine
/// may hold a process up, and then a test that is not about that finds its peer stale.
pub const THRESHOLD: u64 = 1000;

/// A builder for an endpoint in the test's own process, with [`THRESHOLD`].
pub fn builder(name: &Name, role: Role) -> Builder {
    Endpoint::builder(name.as_str()).role(role).stale_threshold(ms(THRESHOLD))
}

/// An endpoint in the test's own process, with the default settings but for [`THRESHOLD`].
#[track_caller]
pub fn open(name: &Name, role: Role) -> Endpoint {
    builder(name, role).open().unwrap_or_else(|error| panic!("{role:?} of {}: {error}", name.as_str()))
}

/// A duration in milliseconds.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A read as text, and an error as its C code (`-9` for nothing new with a timeout of 0).
pub fn read(endpoint: &Endpoint, timeout_ms: u64) -> Result<String, i32> {
    let mut buffer = vec![0; 1 << 16];
    let size = if timeout_ms == 0 {
        endpoint.try_read(&mut buffer).map_err(|error| error.code())?.ok_or(Error::NoData.code())?
    } else {
        endpoint.read_timeout(&mut buffer, ms(timeout_ms)).map_err(|error| error.code())?
    };
    Ok(String::from_utf8_lossy(&buffer[..size]).into_owned())
}

/// A result as its C code, 0 for success.
pub fn code<T>(result: Result<T, Error>) -> i32 {
    result.map_or_else(|error| error.code(), |_| 0)
}
