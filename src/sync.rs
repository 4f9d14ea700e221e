//! The only place that names atomics, so that a model checker can one day stand in for them.

pub(crate) use core::hint::spin_loop;
pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence, fence,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose holder may have panicked: what it guards here is consistent between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Set where the kernel has no `membarrier`, and for checkers that do not know it: then the light side pays for a fence.
static SYMMETRIC: AtomicBool = AtomicBool::new(cfg!(miri));

/// Prepares the process for [`heavy_barrier`]; before the first handle opens.
pub(crate) fn prepare_barriers() {
    if !crate::sys::process::membarrier_register() {
        SYMMETRIC.store(true, Ordering::SeqCst);
    }
}

/// The frequent side of an asymmetric store-load barrier: orders the caller's earlier stores before its later loads
/// against [`heavy_barrier`] of another thread of this process, without a locked instruction.
#[inline(always)]
pub(crate) fn light_barrier() {
    if SYMMETRIC.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst); // pairs with the fence in heavy_barrier
    } else {
        compiler_fence(Ordering::SeqCst); // the hardware's half is membarrier's interrupt
    }
}

/// The rare side: on return every other thread of the process has executed a full barrier (membarrier(2),
/// `MEMBARRIER_CMD_PRIVATE_EXPEDITED`).
pub(crate) fn heavy_barrier() {
    fence(Ordering::SeqCst); // pairs with light_barrier's fence where there is no membarrier
    if !SYMMETRIC.load(Ordering::Relaxed) && !crate::sys::process::membarrier() {
        // Registered, so it cannot fail; if it did, other threads get the time in which any store buffer drains.
        crate::sys::clock::sleep(std::time::Duration::from_millis(1));
    }
}
