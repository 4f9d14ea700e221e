//! Ctrl-C and `kill` end a command cleanly: it gives its side back and prints its closing line.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn ask(_: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed); // only looked at
}

/// Has SIGINT and SIGTERM noted from now on. A second one ends the process as ever.
pub fn prepare() {
    // SAFETY: a valid action whose handler does nothing but an atomic store.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ask as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND;
        for signal in [libc::SIGINT, libc::SIGTERM] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Whether one came.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// The end of a command's time, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Limit(Option<Instant>);

impl Limit {
    /// So many seconds from now; `None` = no limit.
    pub fn of_seconds(seconds: Option<f64>) -> Limit {
        Limit(seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds)))
    }

    /// Whether the time has passed, or a signal came.
    pub fn is_over(&self) -> bool {
        asked() || self.0.is_some_and(|end| Instant::now() >= end)
    }
}
