//! The monotonic clock. It does not advance while the machine is suspended, so a suspend is no silence of the peer.
//!
//! `clock_gettime` may not be the kernel's: libfaketime shifts, stops, slows and sets back what it gives, and leaves futex(2) as it
//! is. So the kernel is only told how long to wait, and a wait that it ended shows how far the clock must be by now.

#[cfg(not(loom))]
use super::futex;
#[cfg(loom)]
pub(crate) use crate::sync::model::{clock as now, sleep};
#[cfg(not(loom))]
use crate::sync::{AtomicU32, Ordering, statics::AtomicU64};
#[cfg(not(loom))]
use std::time::Duration;

/// What [`now`] adds, so that a clock that was set to before the machine's start is not below zero: 146 years.
#[cfg(not(loom))]
const ORIGIN: u64 = 1 << 62;

/// Nanoseconds that the clock was found to be behind.
#[cfg(not(loom))]
static BEHIND: AtomicU64 = AtomicU64::new(ORIGIN);

#[cfg(not(loom))]
fn read() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec for the call to fill in; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    (t.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(t.tv_nsec as u64)
}

/// Nanoseconds of `CLOCK_MONOTONIC` (clock_gettime(2)) since some instant. May go back for a moment, where the clock is false.
#[cfg(not(loom))]
pub(crate) fn now() -> u64 {
    read().wrapping_add(BEHIND.load(Ordering::Relaxed)) // a number alone
}

/// The same clock for waits made of this library's: `std::time::Instant` does not know how far the clock must be.
#[cfg(not(loom))]
pub fn monotonic() -> Duration {
    Duration::from_nanos(now())
}

/// The kernel has had this thread wait for `time` since `start`: if the clock says less than half of it, it has stopped or was set
/// back.
#[cfg(not(loom))]
pub(super) fn has_waited(start: u64, time: u64) {
    if now() < start + time / 2 {
        not_before(start + time);
    }
}

/// Puts a clock that is behind an instant which has been right for the whole process.
#[cfg(not(loom))]
pub(crate) fn not_before(instant: u64) {
    loop {
        let behind = BEHIND.load(Ordering::Relaxed); // a number alone, here and below
        let now = read().wrapping_add(behind);
        let right = behind.wrapping_add(instant.wrapping_sub(now));
        // Once for each step, whichever threads find it.
        if now >= instant || BEHIND.compare_exchange(behind, right, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return;
        }
    }
}

/// The clock of models is right.
#[cfg(loom)]
pub(crate) fn not_before(_instant: u64) {}

/// Sleeps at least this long. A wait of [`futex`], so that it too shows how far the clock must be.
#[cfg(not(loom))]
pub(crate) fn sleep(time: Duration) {
    let (word, end) = (AtomicU32::new(0), now().saturating_add(time.as_nanos() as u64));
    while now() < end {
        futex::wait(&word, 0, Some(end), futex::Scope::Private);
    }
}

/// Milliseconds in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;
