//! What may be the last to hold a large segment. The kernel frees its memory as it is let go of, which takes the longer the larger it
//! is: one thread of the process does it, which is gone when nothing is left.

use crate::segment::view::View;
use crate::sync::{self, Mutex};
use crate::sys::thread;
use std::{os::fd::OwnedFd, sync::Arc};

/// The stack of that thread.
const STACK: usize = 64 * 1024;
/// Kept at most while there can be no thread; more is let go of in the tick.
pub(super) const KEPT: usize = 8;

/// A file of a segment, a mapping of it, or both.
pub(super) type Held = (Option<OwnedFd>, Option<Arc<View>>);

/// What waits for the thread.
#[derive(Default)]
pub(super) struct Forsaken {
    held: Vec<Held>,
    /// There is a thread, and it will look again.
    running: bool,
}

/// Has the thread let go of `more` and of what is kept. Where there can be none, at most `most` stay. For the service thread.
#[inline(never)]
pub(super) fn settle(forsaken: &'static Mutex<Forsaken>, more: Option<Held>, most: usize) {
    let mut all = sync::lock(forsaken);
    if let Some(held) = more {
        all.held.push(held);
    }
    if !all.running && !all.held.is_empty() {
        all.running = thread::spawn(c"eshm_free", STACK, Box::new(|| run(forsaken))).is_ok();
    }
    while !all.running && all.held.len() > most {
        all.held.pop();
    }
}

/// The thread.
fn run(forsaken: &Mutex<Forsaken>) {
    loop {
        let mut all = sync::lock(forsaken);
        let held = all.held.pop();
        all.running = held.is_some();
        drop(all); // nobody waits for what follows
        if held.is_none() {
            return;
        }
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::name::FOLDER;
    use crate::sys::{file, fork, fork::succeeds_in_child};
    use std::fs;

    fn descriptors() -> usize {
        fs::read_dir("/proc/self/fd").expect("our own").count()
    }

    fn threads() -> usize {
        fs::read_dir("/proc/self/task").expect("our own").count()
    }

    fn fresh() -> &'static Mutex<Forsaken> {
        Box::leak(Box::default())
    }

    fn some() -> Held {
        (Some(file::unnamed(FOLDER).expect("a file")), None)
    }

    /// Whether this process can have threads from now on; root, which always can, becomes another user.
    fn allow_threads(allowed: bool) {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: one struct to fill in, and to read; numbers alone.
        unsafe {
            assert_eq!(libc::getrlimit(libc::RLIMIT_NPROC, &mut limit), 0);
            limit.rlim_cur = if allowed { limit.rlim_max } else { 0 };
            assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &limit), 0);
            if libc::getuid() == 0 {
                assert_eq!(libc::setresuid(65534, 65534, 65534), 0);
            }
        }
    }

    #[test]
    fn one_thread_lets_go_of_all_and_is_gone_then() {
        fork::watch();
        assert!(succeeds_in_child(|| {
            let _blocked = thread::SignalsBlocked::new(); // as on the service thread
            let (forsaken, before) = (fresh(), descriptors());
            let mut most = 0;
            for _ in 0..200 {
                settle(forsaken, Some(some()), KEPT);
                most = most.max(threads());
            }
            assert!(most <= 3, "{most} threads, of which one may be about to end");
            while descriptors() > before || threads() > 1 {
                std::thread::yield_now();
            }
            let all = sync::hold(forsaken);
            !all.running && all.held.is_empty()
        }));
    }

    #[test]
    fn without_a_thread_a_few_are_kept_until_there_is_one_or_until_the_end() {
        fork::watch();
        assert!(succeeds_in_child(|| {
            let _blocked = thread::SignalsBlocked::new(); // as on the service thread
            let held: Vec<Held> = (0..3 * KEPT).map(|_| some()).collect();
            let (forsaken, before) = (fresh(), descriptors() - held.len());
            allow_threads(false);
            for (at, held) in held.into_iter().enumerate() {
                settle(forsaken, Some(held), KEPT);
                let left = 3 * KEPT - at - 1;
                assert_eq!(descriptors() - before - left, (at + 1).min(KEPT), "kept");
            }
            assert_eq!(threads(), 1);
            settle(forsaken, None, 0);
            descriptors() == before
        }));
    }

    #[test]
    fn what_was_kept_is_let_go_of_as_soon_as_there_can_be_a_thread() {
        fork::watch();
        assert!(succeeds_in_child(|| {
            let _blocked = thread::SignalsBlocked::new(); // as on the service thread
            let held = some();
            let (forsaken, before) = (fresh(), descriptors() - 1);
            allow_threads(false);
            settle(forsaken, Some(held), KEPT);
            assert_eq!(descriptors(), before + 1);
            allow_threads(true);
            settle(forsaken, None, KEPT);
            while descriptors() > before {
                std::thread::yield_now();
            }
            true
        }));
    }
}
