//! Where an atomic of a model has its memory: that can be shared, and exchanged behind a mapping.

use super::Ordering::{Relaxed, SeqCst};
use super::threads::{THREADS, thread_number};
use super::{Condvar, Mutex};
use loom::sync::atomic;
use std::cell::OnceCell;
use std::sync::Arc;

/// The memory of an atomic, and who sleeps on it.
pub(super) struct Memory<A> {
    pub(super) atomic: A,
    /// One for each thread: stored to before that thread loads and before others store, and never loaded, so
    /// that it orders nothing. Loom looks for races with the last access alone: a load would hide those of other threads from a
    /// store that the same thread makes next, and interleavings would be left out.
    marks: Vec<atomic::AtomicU32>,
    queue: OnceCell<Queue>,
}

/// Where an atomic has its memory.
pub(super) struct Place<A> {
    pub(super) memory: Arc<Memory<A>>,
    /// That of the mapping it belongs to, if that can be exchanged.
    pub(super) switch: Option<Switch>,
}

impl<A> Clone for Place<A> {
    fn clone(&self) -> Self {
        Place { memory: self.memory.clone(), switch: self.switch.clone() }
    }
}

/// What is done to each atomic of a segment, one by one, with no other thread's step between.
pub(crate) enum Rite {
    /// From now on it names the memory of another; a switch tells when that is done again.
    Alias(Option<Switch>),
    /// Nobody uses it any more.
    End,
}

/// The exchange of the memory behind a mapping, as mremap(2) makes it: one step, before which all accesses of all threads go to
/// the old memory, and after which they go to the new. The kernel has the old translation out of every processor before it
/// returns, so an access that has begun is over by then. Each access here looks at the switch, a step that conflicts with
/// nothing but the turn, and then finds its memory and is done in it with no other thread's step between.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Memory<atomic::AtomicU32>>);

// SAFETY: as for the atomics: loom runs all threads of a model on one.
unsafe impl Send for Switch {}
// SAFETY: as above.
unsafe impl Sync for Switch {}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Switch")
    }
}

impl Switch {
    pub(crate) fn new() -> Switch {
        let switch = atomic::AtomicU32::new(0);
        switch.store(0, SeqCst); // a SeqCst load gives the newest SeqCst store: no look is at an old one
        Switch(Arc::new(Memory::new(switch)))
    }

    pub(super) fn look(&self) {
        self.0.mark_load();
        self.0.atomic.load(SeqCst);
    }

    /// The exchange follows at once.
    pub(crate) fn turn(&self) {
        self.0.mark_store();
        self.0.atomic.store(1, SeqCst);
    }
}

/// Runs `step`, locked operations or stores, with no other thread's step before them.
pub(super) fn in_one_step<T>(step: impl FnOnce() -> T) -> T {
    loom::stop_exploring();
    let result = step();
    loom::explore();
    result
}

/// Sleepers on one futex word.
pub(super) struct Queue {
    pub(super) state: Mutex<Sleepers>,
    pub(super) moved: Condvar,
}

#[derive(Default)]
pub(super) struct Sleepers {
    pub(super) count: u32,
    /// +1 with each wake-up.
    pub(super) round: u64,
}

impl<A> Memory<A> {
    pub(super) fn new(atomic: A) -> Self {
        let marks = (0..THREADS).map(|_| atomic::AtomicU32::new(0)).collect();
        Memory { atomic, marks, queue: OnceCell::new() }
    }

    pub(super) fn mark_load(&self) {
        self.marks[thread_number()].store(0, Relaxed);
    }

    pub(super) fn mark_store(&self) {
        let own = thread_number();
        self.marks.iter().enumerate().filter(|mark| mark.0 != own).for_each(|mark| mark.1.store(0, Relaxed));
    }

    pub(super) fn queue(&self) -> &Queue {
        self.queue.get_or_init(|| Queue { state: Mutex::new(Sleepers::default()), moved: Condvar::new() })
    }
}
