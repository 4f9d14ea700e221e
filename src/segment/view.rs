//! The atomics of a mapped segment.

#[cfg(loom)]
use super::heap::Memory;
#[cfg(not(loom))]
use super::layout::{DATA, Head, Tail};
use super::layout::{Header, Layout, SMALL};
use crate::channel::Channel;
use crate::config::Side;
#[cfg(not(loom))]
use crate::sync::AtomicU64;
use crate::sync::Ordering;
use crate::sys::map::Mapping;
#[cfg(not(loom))]
use std::slice;
use std::{io, os::fd::BorrowedFd};

/// Whose library the holder of a side uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Library {
    Ours,
    /// A released one, or nobody came, after one of ours that did not leave: one of ours would have cleared the lock field first.
    ReleasedAfterOurs,
    /// A released one, or nobody.
    Released,
}

/// A mapping long enough for its layout.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) mapping: Mapping,
    pub(crate) layout: Layout,
    /// Offsets of each channel's head and tail: looked up for each message.
    #[cfg_attr(loom, allow(dead_code))]
    heads: [usize; 2],
    #[cfg_attr(loom, allow(dead_code))]
    tails: [usize; 2],
    /// What stands in for the mapped bytes.
    #[cfg(loom)]
    pub(crate) memory: Memory,
}

impl View {
    /// Maps `file`, which the caller has found to have the layout's size. `in_tick` says that this must not take the longer the larger
    /// it is.
    #[inline(never)]
    pub(crate) fn of_file(file: BorrowedFd<'_>, layout: Layout, in_tick: bool) -> io::Result<View> {
        let unfilled = in_tick && layout.total() > SMALL;
        Ok(View::new(Mapping::of_file(file, layout.total(), unfilled)?, layout))
    }

    /// A view of a mapping that is `layout.total()` bytes long.
    pub(crate) fn new(mapping: Mapping, layout: Layout) -> View {
        assert_eq!(mapping.length(), layout.total());
        let heads = [0, 1].map(|which| layout.channel_at(which));
        let tails = heads.map(|head| head + layout.tail());
        View {
            mapping,
            layout,
            heads,
            tails,
            #[cfg(loom)]
            memory: Memory::new(layout),
        }
    }

    /// The header.
    #[inline]
    #[cfg(not(loom))]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned and at least 128 bytes, all of Header's fields are atomics, every bit pattern
        // of which is valid, and other processes are other threads to atomics. It stays mapped as long as `self`.
        unsafe { self.mapping.base().cast::<Header>().as_ref() }
    }

    /// The lock field of a side, and what it is while the master or slave that the header names holds the lock.
    #[inline]
    fn lock_field(&self, side: Side) -> (u32, u32) {
        let header = self.header();
        // Acquire pairs with the release in attach: who sees the field sees the pid and generation stored before it.
        let field = header.lock[side as usize].load(Ordering::Acquire);
        let named = match side {
            Side::Master => header.master_generation.load(Ordering::Relaxed),
            Side::Slave => header.pid[1].load(Ordering::Relaxed) as u32,
        };
        (field, named)
    }

    /// Whether the lock field of a side is that of the master or slave the header names: one of ours held its lock.
    #[inline]
    pub(crate) fn is_ours(&self, side: Side) -> bool {
        let (field, named) = self.lock_field(side);
        field != 0 && field == named
    }

    /// Whose library the holder of a side uses, with or without its lock: of two slaves that came at the same instant one may have
    /// left its lock field beside the pid of the other.
    pub(crate) fn library(&self, side: Side) -> Library {
        let (header, index) = (self.header(), side as usize);
        let pid = header.pid[index].load(Ordering::Acquire); // pairs with name_in_header
        let marked = || pid != 0 && header.marked[index].load(Ordering::Relaxed) == pid;
        match self.lock_field(side) {
            (0, _) if marked() => Library::Ours,
            (0, _) => Library::Released,
            (field, named) if field == named => Library::Ours,
            // A master of ours that came later would have set the field: its generation is taken by one alone.
            _ if side == Side::Slave && marked() => Library::Ours,
            _ => Library::ReleasedAfterOurs,
        }
    }

    /// A channel: 0 is master to slave, 1 slave to master.
    #[inline]
    #[cfg(not(loom))]
    pub(crate) fn channel(&self, which: usize) -> Channel<'_> {
        let Layout { capacity } = self.layout;
        let (head, tail) = (self.heads[which], self.tails[which]);
        // SAFETY: every offset lies within `layout.total()` bytes of mapping and is aligned for its type: channels start at
        // multiples of 64, the tail at a multiple of 8, and the words of the message end before it. For the rest see header.
        unsafe {
            let base = self.mapping.base();
            Channel {
                head: base.add(head).cast::<Head>().as_ref(),
                words: slice::from_raw_parts(base.add(head + DATA).cast::<AtomicU64>().as_ptr(), capacity.div_ceil(8)),
                tail: base.add(tail).cast::<Tail>().as_ref(),
                capacity,
            }
        }
    }

    /// Has every page of it mapped for writing now, so that no message pays for that.
    #[cfg(not(loom))]
    pub(crate) fn touch(&self) {
        for at in (0..self.layout.total()).step_by(4096) {
            // SAFETY: within the mapping, and aligned; any word may be read as an atomic one.
            let word = unsafe { self.mapping.base().add(at).cast::<AtomicU64>().as_ref() };
            let now = word.load(Ordering::Relaxed);
            // A store of what is there, which the compiler cannot leave out; ordered with nothing.
            let _ = word.compare_exchange(now, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Puts this view's bytes in place of `target`'s, of the same layout: see [`Mapping::move_over`].
    #[cfg(not(loom))]
    pub(crate) fn move_over(self, target: &View) -> Result<(), View> {
        let layout = self.layout;
        self.mapping.move_over(&target.mapping).map_err(|mapping| View::new(mapping, layout))
    }

    /// Puts this view's bytes in place of `target`'s.
    #[cfg(loom)]
    pub(crate) fn move_over(self, target: &View) -> Result<(), View> {
        target.memory.exchange(&self.memory);
        Ok(())
    }

    /// Lets go of the file but keeps the addresses: see [`Mapping::detach_from_file`].
    pub(crate) fn detach_from_file(&self) -> io::Result<()> {
        #[cfg(loom)]
        self.memory.exchange(&Memory::new(self.layout));
        self.mapping.detach_from_file()
    }

    /// The same for a handle that is closed: of large messages not even the addresses stay. See [`Layout::messages`].
    pub(crate) fn bury(&self) -> io::Result<()> {
        #[cfg(loom)]
        self.memory.exchange(&Memory::new(self.layout));
        self.mapping.bury(self.layout.messages())
    }

    /// Another mapping of the same file.
    #[cfg(loom)]
    pub(crate) fn another(&self) -> View {
        let mapping = Mapping::of_nothing(self.layout.total()).expect("memory");
        View { memory: Memory::another(&self.memory, self.layout), ..View::new(mapping, self.layout) }
    }

    /// The header.
    #[cfg(loom)]
    pub(crate) fn header(&self) -> &Header {
        &self.memory.header
    }

    /// A channel.
    #[cfg(loom)]
    pub(crate) fn channel(&self, which: usize) -> Channel<'_> {
        self.memory.channels[which].channel()
    }
}
