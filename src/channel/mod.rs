//! One direction of a segment: a sequence lock around the newest message, and the wake-up of its readers.
//!
//! A [`Channel`] is a view of atomics wherever they are, so the same code runs on a mapped segment and on heap memory
//! under miri. Nothing here knows of processes, roles or files.

mod copy;
mod read;
mod write;

pub(crate) use read::Taken;
pub(crate) use write::{Barrier, Dispute, HeldLock, LARGE, Lock};

use crate::segment::layout::{Head, Tail};
use crate::sync::AtomicU64;

/// The atomics of one channel.
#[derive(Clone, Copy)]
pub(crate) struct Channel<'a> {
    pub(crate) head: &'a Head,
    /// The message, `capacity` bytes rounded up to words.
    pub(crate) words: &'a [AtomicU64],
    pub(crate) tail: &'a Tail,
    /// Bytes of the largest message.
    pub(crate) capacity: usize,
}

#[cfg(any(test, loom))]
pub(crate) mod heap {
    //! A channel in heap memory.
    use super::*;

    #[cfg_attr(loom, derive(Debug))]
    pub(crate) struct Owned {
        head: Head,
        words: Vec<AtomicU64>,
        tail: Tail,
        capacity: usize,
    }

    impl Owned {
        pub(crate) fn new(capacity: usize) -> Self {
            let words = (0..capacity.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
            Owned { head: Head::default(), words, tail: Tail::default(), capacity }
        }

        /// Does `rite` to each atomic; `other` has the same capacity.
        #[cfg(loom)]
        pub(crate) fn undergo(&self, other: &Owned, rite: &crate::sync::model::Rite) {
            assert_eq!(self.capacity, other.capacity);
            self.head.undergo(&other.head, rite);
            self.words.iter().zip(&other.words).for_each(|(own, other)| own.undergo(other, rite));
            self.tail.undergo(&other.tail, rite);
        }

        pub(crate) fn channel(&self) -> Channel<'_> {
            Channel { head: &self.head, words: &self.words, tail: &self.tail, capacity: self.capacity }
        }
    }
}
