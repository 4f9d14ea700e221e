//! Noticing `fork()` without a system call on the hot path: the C library runs our handler in every child
//! (pthread_atfork(3)). A child made by a raw clone(2) is not noticed.

use crate::sync::{
    Ordering,
    statics::{AtomicBool, AtomicU32},
};
use std::cell::UnsafeCell;

/// Held by the service thread while it ticks, and by a thread that forks: no child finds a handle half-way through a tick.
struct Gate(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a pthread mutex is made for sharing; it is only ever reached through the calls below.
unsafe impl Sync for Gate {}

static GATE: Gate = Gate(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

/// Keeps this process from forking until dropped.
pub(crate) struct NoFork(());

impl NoFork {
    /// Waits for a fork that has begun.
    pub(crate) fn new() -> Self {
        hold();
        NoFork(())
    }
}

impl Drop for NoFork {
    fn drop(&mut self) {
        release();
    }
}

extern "C" fn hold() {
    // SAFETY: a static, initialised mutex; no holder takes it again.
    unsafe { libc::pthread_mutex_lock(GATE.0.get()) };
}

extern "C" fn release() {
    // SAFETY: held by this thread, or in a child by the one thread that was copied while holding it.
    unsafe { libc::pthread_mutex_unlock(GATE.0.get()) };
}

/// How many forks lie between this process and the one that loaded the library.
static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
    release();
    // Only what is safe after a fork of a threaded process: atomic stores. No other thread exists to pair with.
    GENERATION.fetch_add(1, Ordering::Relaxed);
    crate::liveness::service::forget_after_fork();
}

/// Registers the handlers, once. Who comes second does not wait for the first: a fork in between would leave the child
/// waiting for ever.
pub(crate) fn watch() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if !BEGUN.swap(true, Ordering::AcqRel) {
        // SAFETY: the handlers are functions of this library, which is never unloaded (nodelete).
        unsafe { libc::pthread_atfork(Some(hold), Some(release), Some(in_child)) };
    }
}

/// Changes in a child: a handle of another generation was inherited.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed) // written only while a process has one thread
}

/// Runs it in a child process, which has the library and the address space for itself; whether it succeeded, and ended in time.
#[cfg(all(test, not(loom), not(miri)))]
pub(crate) fn succeeds_in_child(action: impl FnOnce() -> bool) -> bool {
    use std::time::{Duration, Instant};
    // SAFETY: the child runs on a copy of this thread alone, and makes calls that may be made there.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(action)).unwrap_or(false);
        // SAFETY: ends the child, with nothing of the parent's run.
        unsafe { libc::_exit(if good { 0 } else { 1 }) };
    }
    let (mut status, end) = (-1, Instant::now() + Duration::from_secs(60));
    // SAFETY: our own child.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > end {
            // SAFETY: as above; it has not been waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    status == 0
}
