//! What stands in for atomics, fences and the kernel's waiting under `cfg(loom)`, so that models run the real code.
//!
//! Every operation goes to loom, which tries all interleavings and all values that the memory model lets a load return. On
//! top of it:
//!
//! - **Twins.** A model can have one line of the real code broken: its fence or barrier left out, its ordering relaxed, its
//!   store made after the next one. The line is named by its text ([`Twin`]); operations know theirs by `#[track_caller]`. So
//!   the code itself carries no trace of it.
//! - **Death.** A thread can be stopped for good before its k-th effect (store, locked operation or wake-up): [`die_after`].
//! - **`SeqCst` accesses** are one total order in C++, which loom does not model. A full fence before each such load or locked
//!   operation, and acquire and release, stand for it.
//! - **`membarrier`** is a full fence on both sides: the contract of the kernel's interrupt, at the place of the compiler fence.
//!   That is more than the light side is, so only models that need it have it ([`Barriers`]).
//! - **Aliases.** An atomic can be made to name another's memory, as all addresses of a mapping do after `mremap`.
//! - **futex, clock**: see the functions.

mod barriers;
mod integers;
mod kernel;
mod memory;
mod pointers;
mod threads;
mod twins;

pub(crate) use barriers::{
    Barriers, choose_barriers, fence, heavy_barrier, heavy_barrier_between, light_barrier, light_barrier_between,
};
pub(crate) use core::sync::atomic::Ordering;
pub(crate) use integers::{AtomicI32, AtomicU32, AtomicU64};
pub(crate) use kernel::{clock, futex_wait, futex_wake, let_tick, sleep, sleep_through};
pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use memory::{Rite, Switch};
pub(crate) use pointers::{AtomicBool, AtomicPtr, StaticPtr};
pub(crate) use threads::{Died, die_after};
pub(crate) use twins::{Action, Twin, choose, hits};

use loom::sync::Condvar;

// Where these files keep something for a thread, it is for all of a model: loom runs its threads on the one that began it.

/// Before an execution.
pub(crate) fn begin() {
    threads::begin();
    kernel::begin();
}

/// Threads of a model.
pub(crate) mod thread {
    pub(crate) use loom::thread::{Builder, JoinHandle, yield_now};
}
