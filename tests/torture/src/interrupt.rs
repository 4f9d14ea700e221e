//! Ctrl-C ends the loops after the victim at hand, with everything cleaned up and counted.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static REQUESTED: AtomicBool = AtomicBool::new(false);

extern "C" fn request(_: libc::c_int) {
    REQUESTED.store(true, SeqCst);
}

/// Catches SIGINT and SIGTERM from now on.
pub(crate) fn catch() {
    let handler: extern "C" fn(libc::c_int) = request;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler only stores into an atomic.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// Whether one came.
pub(crate) fn requested() -> bool {
    REQUESTED.load(SeqCst)
}
