//! The monotonic clock. It does not advance while the machine is suspended, so a suspend is no silence of the peer.

#[cfg(loom)]
pub(crate) use crate::sync::model::{clock as now, sleep};
#[cfg(not(loom))]
use std::time::Duration;

/// Nanoseconds of `CLOCK_MONOTONIC` (clock_gettime(2)).
#[cfg(not(loom))]
pub(crate) fn now() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec for the call to fill in; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// The instant `nanoseconds` of [`now`]'s clock as the kernel takes it.
#[cfg(not(loom))]
pub(crate) fn timespec(nanoseconds: u64) -> libc::timespec {
    libc::timespec { tv_sec: (nanoseconds / 1_000_000_000) as _, tv_nsec: (nanoseconds % 1_000_000_000) as _ }
}

/// Sleeps at least this long.
#[cfg(not(loom))]
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Milliseconds in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;
