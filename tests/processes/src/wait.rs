//! Waiting for events: always with a deadline, so that a hang is a failure with a name.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longest wait for anything that is meant to happen, far over every time the contract states: it tells a hang, no more.
pub const HANG: Duration = Duration::from_secs(20);

/// Waits until `condition` holds, at most `limit`; whether it did.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// After [`HANG`], saying what did not happen.
#[track_caller]
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(eventually(HANG, condition), "waited {HANG:?} in vain until {what}");
}

/// Lets time pass where the passing of time itself is the event, as in "nothing happens meanwhile".
pub fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// Runs `action`; its result and how many milliseconds it took.
pub fn elapsed_ms<T>(action: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let result = action();
    (result, start.elapsed().as_millis() as u64)
}
