//! Fences, and the two sides of `membarrier`.

use super::Ordering::{self, SeqCst};
use super::twins::{Action, broken};
use loom::sync::atomic;
use std::cell::Cell;
use std::panic::Location;

thread_local! {
    static BARRIERS: Cell<Barriers> = const { Cell::new(Barriers { in_process: false, between: false }) };
}

/// A fence.
#[track_caller]
pub(crate) fn fence(order: Ordering) {
    if !broken(Location::caller(), Action::Skip) {
        atomic::fence(order);
    }
}

/// Which asymmetric barriers a model has.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Barriers {
    pub(crate) in_process: bool,
    pub(crate) between: bool,
}

/// Chooses them. A light side without its heavy one is nothing at all, so that it stands in for no other fence.
pub(crate) fn choose_barriers(barriers: Barriers) {
    BARRIERS.set(barriers);
}

#[track_caller]
pub(crate) fn light_barrier() {
    if BARRIERS.get().in_process {
        fence(SeqCst); // pairs with heavy_barrier
    }
}

#[track_caller]
pub(crate) fn light_barrier_between() {
    if BARRIERS.get().between {
        fence(SeqCst); // pairs with heavy_barrier_between
    }
}

#[track_caller]
pub(crate) fn heavy_barrier() {
    assert!(BARRIERS.get().in_process, "the model was not told of this barrier");
    fence(SeqCst); // pairs with light_barrier
}

#[track_caller]
pub(crate) fn heavy_barrier_between() {
    assert!(BARRIERS.get().between, "the model was not told of this barrier");
    fence(SeqCst); // pairs with light_barrier_between
}
