//! One segment, read as a file: whoever truncates it meanwhile cannot end us by SIGBUS, and no look reserves memory for it.

use super::{ChannelFacts, Direction, HeaderFacts};
use crate::config::Side;
use crate::segment::{
    self,
    find::Candidate,
    layout::{CHANNELS, DATA, Layout},
    name::Name,
    peer::Verdict,
    view::View,
};
use crate::sync::{Ordering, fence};
use crate::sys::{
    file::{self, FileId},
    map::Mapping,
};
use std::{
    fmt,
    fs::File,
    io,
    os::{
        fd::AsFd,
        unix::fs::{FileExt, MetadataExt},
    },
    sync::Arc,
    time::Duration,
};

/// How a side is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Life {
    /// Never attached, or left cleanly.
    Absent,
    /// It beats.
    Alive,
    /// A process has its number, but its heartbeat has stood still for the threshold: it is stopped, or without threads and not
    /// calling. Of a released library's side the number may be meant in another pid namespace, or be another process's by now:
    /// `/proc/PID/maps` shows who has the segment.
    Silent,
    /// Its process is gone, and it never left: proven, as it is one of this library's and its lock is free.
    Dead,
    /// Its heartbeat stands still and no such process is seen from here, which proves nothing: it may be paused in another pid
    /// namespace. So it is with every released library's, and with one of this library's whose lock is held, be it by a child
    /// that it forked.
    Unknown,
}

/// A side is watched no longer than this for a heartbeat, whatever threshold the header names.
pub const LONGEST_WATCH: Duration = Duration::from_secs(1);
/// And not shorter: heartbeats come one a millisecond.
const SHORTEST_WATCH: Duration = Duration::from_millis(5);

/// A segment, open for reading alone.
pub struct Segment {
    name: Name,
    file: File,
    id: FileId,
    layout: Layout,
}

impl Segment {
    pub(super) fn new(name: Name, Candidate { file, id, layout, .. }: Candidate) -> Segment {
        Segment { name, file: file.into(), id, layout }
    }

    /// Its file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Bytes of the largest message.
    pub fn capacity(&self) -> usize {
        self.layout.capacity
    }

    /// Bytes of the segment.
    pub fn size(&self) -> usize {
        self.layout.total()
    }

    /// Whether its file has still all its bytes. One that somebody has truncated reads as zeroes from there on.
    pub fn is_whole(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.size() >= self.size() as u64)
    }

    /// So many bytes from `at` on; zeroes where the file has none.
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at as u64).map_or([0; N], |()| bytes)
    }

    /// The header's words now.
    pub fn header(&self) -> HeaderFacts {
        HeaderFacts::of(&self.bytes::<CHANNELS>(0))
    }

    /// A channel's words now.
    pub fn channel(&self, direction: Direction) -> ChannelFacts {
        let start = self.layout.channel_at(direction as usize);
        let (sequence, data_size) = self.head(direction);
        ChannelFacts::of(sequence, data_size, &self.bytes(start + self.layout.tail()))
    }

    /// A channel's sequence and the size of its message. One aligned word: the kernel copies it whole.
    fn head(&self, direction: Direction) -> (u32, u32) {
        let [a, b, c, d, e, f, g, h] = self.bytes(self.layout.channel_at(direction as usize));
        (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]))
    }

    /// A channel's sequence now: the cheapest look for something new.
    pub fn sequence(&self, direction: Direction) -> u32 {
        self.head(direction).0
    }

    /// Copies the current message, if it is whole and its sequence is not `seen`, and returns its sequence. The reader it is
    /// for gets it all the same. One attempt: `None` also while a write is going on, if one came between, or if there is no
    /// memory for as many bytes as it says it has.
    pub fn message(&self, direction: Direction, seen: Option<u32>, message: &mut Vec<u8>) -> Option<u32> {
        message.clear();
        let (sequence, size) = self.head(direction);
        let size = size as usize;
        // Sequence 0 is a channel that was never written to.
        if sequence == 0 || Some(sequence) == seen || sequence & 1 == 1 || size > self.capacity() {
            return None;
        }
        message.try_reserve(size).ok()?;
        fence(Ordering::Acquire); // pairs with the release of the even store in publish
        message.resize(size, 0);
        let data = (self.layout.channel_at(direction as usize) + DATA) as u64;
        let read = self.file.read_exact_at(message, data);
        fence(Ordering::Acquire); // pairs with the release fence in publish: a word of a later write shows its odd sequence
        let whole = read.is_ok() && self.head(direction).0 == sequence;
        if !whole {
            message.clear();
        }
        whole.then_some(sequence)
    }

    /// Whether a side is held by a process on this library, and not a released one.
    pub fn is_ours(&self, side: Side) -> bool {
        self.header().is_ours(side)
    }

    /// Judges a side; takes up to the staleness threshold if its heartbeat stands still, at most [`LONGEST_WATCH`].
    pub fn judge(&self, side: Side) -> Life {
        self.judge_after(side, Duration::ZERO)
    }

    /// Judges a side whose heartbeat the caller has seen stand still for so long already: only the rest is waited for. Who
    /// looks at many segments watches them all at once, and then judges each of them without a wait.
    pub fn judge_after(&self, side: Side, still: Duration) -> Life {
        let header = self.header();
        if !header.alive[side as usize] {
            return Life::Absent;
        }
        let limit = header.watch().saturating_sub(still);
        // The one moment in which it is mapped; without room for that nothing can be told.
        let Ok(mapped) = self.mapped() else { return Life::Unknown };
        match mapped.look(side, limit, false) {
            Verdict::Absent => Life::Absent,
            // A slave's lock field is a pid, which one in another pid namespace may have as well: it gets all the time there is.
            Verdict::Dead { .. } if side == Side::Slave && mapped.beats_within(side, limit) => Life::Alive,
            Verdict::Dead { pinned: false } if self.is_ours(side) => Life::Dead,
            Verdict::Dead { .. } => Life::Unknown,
            Verdict::Alive if mapped.beats_within(side, limit) => Life::Alive,
            Verdict::Alive => Life::Silent,
        }
    }

    fn mapped(&self) -> io::Result<segment::Segment> {
        let mapping = Mapping::to_look(self.file.as_fd(), self.layout.total())?;
        let file = self.file.try_clone()?.into();
        Ok(segment::Segment { file, id: self.id, view: Arc::new(View::new(mapping, self.layout)) })
    }

    /// Whether the name still leads to this file.
    pub fn is_named(&self) -> bool {
        matches!(file::lookup(self.name.path()), Ok(Some(id)) if id == self.id)
    }
}

impl HeaderFacts {
    /// How long a side's heartbeat has to stand still before it is judged by that: the threshold, within reason.
    pub fn watch(&self) -> Duration {
        let threshold = segment::peer::threshold(self.stale_threshold_ms);
        Duration::from_millis(threshold.into()).clamp(SHORTEST_WATCH, LONGEST_WATCH)
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("name", &format_args!("{}", self.name)).field("capacity", &self.capacity()).finish()
    }
}
