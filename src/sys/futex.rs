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

/// The longest wait with a limit: a clock that is set back right before it makes it no longer.
#[cfg(not(loom))]
const LONGEST: u64 = 1000 * clock::MS;

/// Sleeps while `*word == expected`, until woken or until `deadline` (nanoseconds of [`clock::now`]; `None` = no limit).
/// May return early; the caller looks again. True if a signal handler ended it. The kernel's compare is atomic with going to sleep.
#[cfg(not(loom))]
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Option<u64>, scope: Scope) -> bool {
    // Relative: an instant of the program's clock may be another of the kernel's.
    let start = clock::now();
    let left = deadline.map(|end| end.saturating_sub(start).min(LONGEST));
    let time = left.map(|left| libc::timespec { tv_sec: (left / 1_000_000_000) as _, tv_nsec: (left % 1_000_000_000) as _ });
    let time = time.as_ref().map_or(ptr::null(), |t| t as *const libc::timespec);
    // SAFETY: `word` is a live, aligned u32; `time` is null or points to a timespec that outlives the call.
    let error = unsafe {
        match libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT | scope.flag(), expected, time) {
            0 => 0,
            _ => *libc::__errno_location(),
        }
    };
    if let (libc::ETIMEDOUT, Some(time)) = (error, left) {
        clock::has_waited(start, time);
    }
    error == libc::EINTR
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

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::sync::Ordering;
    use std::time::{Duration, Instant};

    #[test]
    fn a_wait_that_is_woken_early_says_nothing_of_the_clock() {
        let word = AtomicU32::new(0);
        let (start, began) = (clock::now(), Instant::now());
        for round in 1..=50 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while word.load(Ordering::Relaxed) < round {
                        wait(&word, round - 1, Some(clock::now() + LONGEST), Scope::Private);
                    }
                });
                std::thread::sleep(Duration::from_millis(2)); // it is about to wait
                word.store(round, Ordering::Relaxed);
                wake(&word, Scope::Private);
            });
        }
        let (passed, truly) = (clock::now() - start, began.elapsed().as_nanos() as u64);
        assert!(passed < truly + 10 * LONGEST, "{passed} ns, of {truly}");
    }
}
