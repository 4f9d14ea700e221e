//! Ctrl-C and `kill` end a command cleanly: it gives its side back and prints its closing line.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn asked_by(_: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed); // only looked at
}

/// Has SIGINT, SIGTERM and a terminal's end noted from now on. A second one ends the process as
/// ever.
pub fn prepare() {
    // SAFETY: valid actions; our handler does nothing but an atomic store.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = asked_by as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND;
        for signal in [libc::SIGINT, libc::SIGTERM] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        // Unless it is to outlive its terminal: nohup(1).
        let mut before = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, &action, &mut before);
        if before.sa_sigaction == libc::SIG_IGN {
            libc::sigaction(libc::SIGHUP, &before, std::ptr::null_mut());
        }
    }
}

/// The same for a reason of our own: nobody takes what is printed.
pub fn ask() {
    ASKED.store(true, Ordering::Relaxed); // only looked at
}

/// Whether one came.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// The longest that a signal may wait to be heeded.
const SLICE: Duration = Duration::from_millis(50);

/// The end of a command's time, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Limit(Option<Instant>);

impl Limit {
    /// So long from now; `None` = no limit.
    pub fn after(time: Option<Duration>) -> Limit {
        Limit(time.map(|time| Instant::now() + time))
    }

    /// Whether the time has passed, or a signal came.
    pub fn is_over(&self) -> bool {
        asked() || self.0.is_some_and(|end| Instant::now() >= end)
    }

    /// Sleeps, but not past the limit.
    pub fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_over() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(SLICE)); // it goes on sleeping through a signal
        }
    }
}
