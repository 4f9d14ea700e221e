//! The only place that names atomics, mutexes and threads: under `cfg(loom)` a model checker stands in for them ([`model`]).

#[cfg(loom)]
#[cfg_attr(not(test), allow(dead_code, unused_imports))]
pub(crate) mod model;

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
use std::sync::PoisonError;
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
    pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
}

/// Locks a mutex whose holder may have panicked: what it guards here is consistent between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The asymmetric barriers.
#[cfg(not(loom))]
mod asymmetric;

/// Models need no preparation.
#[cfg(loom)]
pub(crate) fn prepare_barriers() {}
