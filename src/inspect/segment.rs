//! One segment, mapped for reading.

use super::{ChannelFacts, Direction, HeaderFacts};
use crate::channel::Taken;
use crate::config::Side;
use crate::log;
use crate::segment::{self, layout::Layout, name::Name, peer::Verdict};
use crate::sync::Ordering;
use std::{fmt, time::Duration};

/// How a side is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Life {
    /// Never attached, or left cleanly.
    Absent,
    /// It beats.
    Alive,
    /// Its process runs, but its heartbeat has stood still for the threshold: stopped, or without threads and not calling.
    Silent,
    /// Its process is gone, and it never left.
    Dead,
}

/// A segment, mapped for reading alone.
pub struct Segment {
    name: Name,
    inner: segment::Segment,
}

impl Segment {
    pub(super) fn new(name: Name, inner: segment::Segment) -> Segment {
        Segment { name, inner }
    }

    /// Bytes of the largest message.
    pub fn capacity(&self) -> usize {
        self.inner.view.layout.capacity
    }

    /// Bytes of the segment.
    pub fn size(&self) -> usize {
        let layout: Layout = self.inner.view.layout;
        layout.total()
    }

    /// The header's words now.
    pub fn header(&self) -> HeaderFacts {
        HeaderFacts::of(&self.inner.view)
    }

    /// A channel's words now.
    pub fn channel(&self, direction: Direction) -> ChannelFacts {
        ChannelFacts::of(&self.inner.view, direction)
    }

    /// A channel's sequence now: the cheapest look for something new, one load of a cache line that its writer and reader
    /// share.
    pub fn sequence(&self, direction: Direction) -> u32 {
        self.inner.view.channel(direction as usize).head.sequence.load(Ordering::Relaxed) // what it announces is taken by `message`
    }

    /// Copies the current message, if it is whole and its sequence is not `seen`, and returns its sequence. The reader it is
    /// for gets it all the same. One attempt: `None` also while a write is going on, or if one came between.
    pub fn message(&self, direction: Direction, seen: Option<u32>, message: &mut Vec<u8>) -> Option<u32> {
        let channel = self.inner.view.channel(direction as usize);
        message.clear();
        loop {
            // Sequence 0 is a channel that was never written to.
            return match channel.take_rarely(seen.unwrap_or(0), message.spare_capacity_mut()) {
                Taken::Value { size, sequence } => {
                    // SAFETY: `take` has filled in this many bytes.
                    unsafe { message.set_len(size) };
                    Some(sequence)
                }
                Taken::TooSmall { needed } if message.try_reserve_exact(needed).is_ok() => continue,
                Taken::TooSmall { needed } => {
                    log::warning!("{}: a message of {needed} bytes: there is no memory to show it", self.name);
                    None
                }
                _ => None,
            };
        }
    }

    /// Whether a side is held by a process on this library, and not a released one.
    pub fn is_ours(&self, side: Side) -> bool {
        self.inner.view.is_ours(side)
    }

    /// Judges a side; takes up to the staleness threshold if its heartbeat stands still.
    pub fn judge(&self, side: Side) -> Life {
        let threshold = Duration::from_millis(self.inner.threshold().into());
        match self.inner.judge(side, threshold) {
            Verdict::Absent => Life::Absent,
            Verdict::Dead { .. } => Life::Dead,
            Verdict::Alive if self.inner.beats_within(side, threshold) => Life::Alive,
            Verdict::Alive => Life::Silent,
        }
    }

    /// Whether the name still leads to this file.
    pub fn is_named(&self) -> bool {
        self.inner.is_named(&self.name)
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("name", &format_args!("{}", self.name)).field("capacity", &self.capacity()).finish()
    }
}
