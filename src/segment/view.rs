//! The atomics of a mapped segment.

use super::layout::{CHANNELS, DATA, Head, Header, Layout, Tail};
use crate::channel::Channel;
use crate::sync::AtomicU64;
use crate::sys::map::Mapping;
use std::{io, os::fd::BorrowedFd, slice};

/// A mapping long enough for its layout.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) mapping: Mapping,
    pub(crate) layout: Layout,
}

impl View {
    /// Maps `file`, which the caller has found to have the layout's size.
    pub(crate) fn of_file(file: BorrowedFd<'_>, layout: Layout) -> io::Result<View> {
        Ok(View { mapping: Mapping::of_file(file, layout.total())?, layout })
    }

    /// The header.
    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned and at least 128 bytes, all of Header's fields are atomics, every bit pattern
        // of which is valid, and other processes are other threads to atomics. It stays mapped as long as `self`.
        unsafe { self.mapping.base().cast::<Header>().as_ref() }
    }

    /// A channel: 0 is master to slave, 1 slave to master.
    #[inline]
    pub(crate) fn channel(&self, which: usize) -> Channel<'_> {
        let Layout { capacity } = self.layout;
        assert!(which < 2);
        // SAFETY: every offset lies within `layout.total()` bytes of mapping and is aligned for its type: channels start at
        // multiples of 64, the tail at a multiple of 8, and the words of the message end before it. For the rest see header.
        unsafe {
            let base = self.mapping.base().add(CHANNELS + which * self.layout.channel());
            Channel {
                head: base.cast::<Head>().as_ref(),
                words: slice::from_raw_parts(base.add(DATA).cast::<AtomicU64>().as_ptr(), capacity.div_ceil(8)),
                tail: base.add(self.layout.tail()).cast::<Tail>().as_ref(),
                capacity,
            }
        }
    }
}
