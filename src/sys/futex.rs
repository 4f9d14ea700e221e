//! futex(2). Words in a segment are shared (keyed by inode and offset), words in a handle private to the process.

#[cfg(not(loom))]
use super::clock;
use crate::sync::AtomicU32;
#[cfg(not(loom))]
use std::ptr;

/// Whether both sides of a futex are threads of this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The word lies in shared memory; a waker may be any process.
    Shared,
    /// Only threads of this process wait and wake.
    Private,
}

impl Scope {
    #[cfg(not(loom))]
    fn flag(self) -> i32 {
        if self == Scope::Private { libc::FUTEX_PRIVATE_FLAG } else { 0 }
    }
}

/// Sleeps while `*word == expected`, until woken or until `deadline` (nanoseconds of [`clock::now`]; `None` = no limit).
/// May return early; the caller looks again. True if a signal handler ended it. The kernel's compare is atomic with going to sleep.
#[cfg(not(loom))]
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Option<u64>, scope: Scope) -> bool {
    let until = deadline.map(clock::timespec);
    let until = until.as_ref().map_or(ptr::null(), |t| t as *const libc::timespec);
    // SAFETY: `word` is a live, aligned u32; `until` is null or points to a timespec that outlives the call. WAIT_BITSET
    // takes an absolute time of CLOCK_MONOTONIC.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET | scope.flag(),
            expected,
            until,
            ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        ) < 0
            && *libc::__errno_location() == libc::EINTR
    }
}

/// Wakes all sleepers on `word`; how many there were.
#[cfg(not(loom))]
pub(crate) fn wake(word: &AtomicU32, scope: Scope) -> u32 {
    // SAFETY: `word` is a live, aligned u32; the kernel only uses its address.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | scope.flag(), i32::MAX) };
    woken.max(0) as u32
}

/// As above, without an end: see [`model::futex_wait`](crate::sync::model::futex_wait).
#[cfg(loom)]
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Option<u64>, _scope: Scope) -> bool {
    crate::sync::model::futex_wait(word, expected, deadline);
    false
}

/// As above.
#[cfg(loom)]
#[track_caller]
pub(crate) fn wake(word: &AtomicU32, _scope: Scope) -> u32 {
    crate::sync::model::futex_wake(word)
}
