//! Store-load barriers of which one side is frequent and must cost nothing, and the other rare: membarrier(2) makes the rare side
//! pay for both.

use super::{Ordering, fence, statics::AtomicBool};
use crate::sys::membarrier;
use core::sync::atomic::compiler_fence;

/// Set where the kernel has no `membarrier` for the process, and for checkers that do not know it: then the light side pays
/// for a fence.
static SYMMETRIC: AtomicBool = AtomicBool::new(cfg!(miri));
/// Likewise for barriers between processes; set until this process is registered.
static SYMMETRIC_BETWEEN: AtomicBool = AtomicBool::new(true);

/// Prepares the process for the barriers below; before the first handle opens.
pub(crate) fn prepare_barriers() {
    static DONE: AtomicBool = AtomicBool::new(false); // a forked child inherits the registration
    if !DONE.load(Ordering::Acquire) {
        SYMMETRIC.store(cfg!(miri) || !membarrier::register_in_process(), Ordering::SeqCst);
        SYMMETRIC_BETWEEN.store(cfg!(miri) || !membarrier::register_everywhere(), Ordering::SeqCst);
        DONE.store(true, Ordering::Release); // pairs with the load above; twice does no harm
    }
}

/// The frequent side of an asymmetric store-load barrier: orders the caller's earlier stores before its later loads
/// against [`heavy_barrier`] of another thread of this process, without a locked instruction.
#[inline(always)]
pub(crate) fn light_barrier() {
    light(&SYMMETRIC); // pairs with heavy_barrier
}

/// The same against [`heavy_barrier_between`] of any process that calls it.
#[inline(always)]
pub(crate) fn light_barrier_between() {
    light(&SYMMETRIC_BETWEEN); // pairs with heavy_barrier_between
}

#[inline(always)]
fn light(symmetric: &AtomicBool) {
    if symmetric.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst); // pairs with the fence of the heavy side
    } else {
        compiler_fence(Ordering::SeqCst); // the hardware's half is membarrier's interrupt
    }
}

/// The rare side: on return every other thread of the process has executed a full barrier.
pub(crate) fn heavy_barrier() {
    fence(Ordering::SeqCst); // pairs with light_barrier's fence where there is no membarrier
    if !SYMMETRIC.load(Ordering::Relaxed) && !membarrier::in_process() {
        // Registered, so it cannot fail; if it did, other threads get the time in which any store buffer drains.
        crate::sys::clock::sleep(std::time::Duration::from_millis(1));
    }
}

/// The rare side towards every process that has called [`prepare_barriers`]. Where this one may not ask the kernel for it, a
/// light side may be missed, which the caller must be able to bear.
pub(crate) fn heavy_barrier_between() {
    fence(Ordering::SeqCst); // pairs with light_barrier_between's fence of a process that is not registered
    membarrier::everywhere();
}
