//! A segment in heap memory, for models: each atomic of a view, which can be made to name another view's.

use super::layout::{Header, Layout};
use crate::channel::heap::Owned;

/// The atomics of a segment.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) header: Header,
    pub(crate) channels: [Owned; 2],
}

impl Memory {
    /// All zero.
    pub(crate) fn new(layout: Layout) -> Memory {
        let channels = [0, 1].map(|_| Owned::new(layout.capacity));
        Memory { header: Header::default(), channels }
    }

    /// What mremap(2) does to the addresses of this view: from now on they are the bytes of `other`, for every thread.
    #[allow(dead_code)] // for the models of moving
    pub(crate) fn become_alias_of(&self, other: &Memory) {
        self.header.alias(&other.header);
        for (own, other) in self.channels.iter().zip(&other.channels) {
            own.alias(other);
        }
    }
}
