//! The only place that names atomics, mutexes and threads: under `cfg(loom)` a model checker stands in for them ([`model`]).

#[cfg(loom)]
#[cfg_attr(not(test), allow(dead_code, unused_imports))]
pub(crate) mod model;

use crate::sys::{clock, thread::SignalsBlocked};
#[cfg(not(loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(loom)]
pub(crate) use model::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, fence, heavy_barrier,
    heavy_barrier_between, light_barrier, light_barrier_between, spin_loop, thread,
};
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
pub(crate) use std::sync::TryLockError;
use std::time::Duration;
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard},
    thread,
};

#[cfg(not(loom))]
pub(crate) use asymmetric::{heavy_barrier, heavy_barrier_between, light_barrier, light_barrier_between, prepare_barriers};

/// The atomics of statics: constant in models, whose own atomics do not outlive an execution.
pub(crate) mod statics {
    #[cfg(loom)]
    pub(crate) use super::model::StaticPtr as AtomicPtr;
    #[cfg(not(loom))]
    pub(crate) use core::sync::atomic::AtomicPtr;
    pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
}

/// Locks a mutex whose holder may have panicked: what it guards here is consistent between any two statements. For threads on which
/// no signal handler of the program runs; the others [`hold`] it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    debug_assert!(SignalsBlocked::are(), "hold() is for threads of the program");
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mutex held by a thread of the program, on which no signal handler runs meanwhile: one that ended a handle would wait for
/// the mutex of its own thread, and one that jumps away would leave it locked for ever.
pub(crate) struct Held<'a, T> {
    guard: MutexGuard<'a, T>,
    _blocked: SignalsBlocked, // dropped last
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// [`lock`] for threads of the program.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> Held<'_, T> {
    let _blocked = SignalsBlocked::new();
    Held { guard: lock(mutex), _blocked }
}

/// The same, but `None` if it is not to be had until `end`: its holder may never go on.
pub(crate) fn hold_until<T>(mutex: &Mutex<T>, end: u64) -> Option<Held<'_, T>> {
    let _blocked = SignalsBlocked::new();
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Some(Held { guard, _blocked }),
            Err(TryLockError::Poisoned(guard)) => return Some(Held { guard: guard.into_inner(), _blocked }),
            Err(TryLockError::WouldBlock) if clock::now() >= end => return None,
            Err(TryLockError::WouldBlock) => clock::sleep(Duration::from_micros(100)),
        }
    }
}

/// The asymmetric barriers.
#[cfg(not(loom))]
mod asymmetric;

/// Models need no preparation.
#[cfg(loom)]
pub(crate) fn prepare_barriers() {}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn no_handler_runs_while_a_mutex_is_held_and_any_may_afterwards() {
        let mutex = Mutex::new(());
        assert!(!SignalsBlocked::are());
        let held = hold(&mutex);
        assert!(SignalsBlocked::are());
        assert!(hold_until(&mutex, 0).is_none());
        assert!(SignalsBlocked::are(), "the inner one restores what it found");
        drop(held);
        assert!(!SignalsBlocked::are());
        let held = hold_until(&mutex, 0).expect("it is free");
        assert!(SignalsBlocked::are());
        drop(held);
        assert!(!SignalsBlocked::are());
    }
}
