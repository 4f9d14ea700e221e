//! What the kernel does: futex, clock, sleep.

use super::Ordering::Relaxed;
use super::integers::AtomicU32;
use super::thread;
use super::threads::{THREAD, effect};
use super::twins::{Action, broken};
use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

thread_local! {
    static SLEEPS: Cell<fn(u64) -> bool> = const { Cell::new(|_| true) };
    static TICKS: Cell<u32> = const { Cell::new(0) };
    static CLOCK: Cell<u64> = const { Cell::new(0) };
}

/// The kernel's futex: words are known by their memory, comparing and going to sleep is one step, a sleeper is woken by
/// [`futex_wake`] alone. A lost wake-up thus is a deadlock, which loom reports: what real timeouts would cover is not covered.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, deadline: Option<u64>) {
    let memory = word.memory();
    let queue = memory.queue();
    let mut state = crate::sync::lock(&queue.state);
    if word.look(|atomic| atomic.load(Relaxed)) != expected {
        return;
    }
    if !SLEEPS.get()(THREAD.with(|thread| thread.borrow().loaded)) {
        drop(state);
        return thread::yield_now();
    }
    if let Some(end) = deadline.filter(|_| expires()) {
        return CLOCK.set(CLOCK.get().max(end));
    }
    state.count += 1;
    let round = state.round;
    while state.round == round {
        state = queue.moved.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
}

/// Has so many of the service thread's sleeps end by their deadline, each at some time before its thread does anything else.
pub(crate) fn let_tick(times: u32) {
    TICKS.set(times);
}

/// Whether this sleep is one of them.
fn expires() -> bool {
    let left = TICKS.get();
    let ticks = left > 0 && loom::thread::current().name() == Some("eshm");
    if ticks {
        TICKS.set(left - 1);
    }
    ticks
}

/// Wakes all sleepers; how many there were.
#[track_caller]
pub(crate) fn futex_wake(word: &AtomicU32) -> u32 {
    if broken(Location::caller(), Action::Skip) {
        return 0;
    }
    effect();
    let memory = word.memory();
    let queue = memory.queue();
    let mut state = crate::sync::lock(&queue.state);
    let woken = std::mem::take(&mut state.count);
    state.round += 1;
    queue.moved.notify_all();
    woken
}

/// Lets a sleep last until the wake-up only if `lasts` says so of the value that the sleeper loaded last; another ends at once, as
/// one does that a timeout or a tick ends.
pub(crate) fn sleep_through(lasts: fn(u64) -> bool) {
    SLEEPS.set(lasts);
}

/// Nanoseconds that pass between two readings of the clock.
const READING: u64 = 1_000;
/// Where it begins.
const START: u64 = 1_000_000_000;

/// Before an execution.
pub(super) fn begin() {
    CLOCK.set(START);
    SLEEPS.set(|_| true);
    TICKS.set(0);
}

/// Reads the clock, which moves only as it is read and slept by: no model depends on the machine's speed.
pub(crate) fn clock() -> u64 {
    CLOCK.set(CLOCK.get() + READING);
    CLOCK.get()
}

/// Lets time pass, and other threads run.
pub(crate) fn sleep(time: Duration) {
    CLOCK.set(CLOCK.get() + time.as_nanos() as u64);
    thread::yield_now();
}
