//! What the tests with injected panics share: the exported functions by name, and how each is called.
//!
//! The tests themselves exist only in a build with `--cfg eshm_failpoints`; in any other each file has one test that is
//! ignored and says so.

pub mod exported;
mod records;
mod triggers;

use std::{
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

/// The plan of failpoints belongs to the whole process: one test at a time.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `action` in a thread of its own, which must come to an end: something left locked is a failure with a name.
///
/// # Panics
/// If it does not end, or panics itself.
#[track_caller]
pub fn ends<T: Send + 'static>(what: &str, action: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::channel();
    thread::spawn(move || sender.send(action()));
    result.recv_timeout(eshm_processes::wait::HANG).unwrap_or_else(|error| panic!("{what}: {error}"))
}
