//! Where everything lies in a segment, as a value of its capacity, and the proof that the capacity of the released
//! libraries gives the released layout.

#[cfg(loom)]
use crate::sync::model::Rite;
use crate::sync::{AtomicI32, AtomicU32, AtomicU64};
#[cfg(not(loom))]
use std::mem::{offset_of, size_of};
use std::ops::Range;

/// `"HSME"` in memory: the mark of a segment.
pub(crate) const MAGIC: u32 = 0x4553_484D;
/// The protocol we stamp.
pub(crate) const VERSION: u32 = 3;
/// Bit 0 of `features`: writers wake readers parked on `wake_seq`.
pub(crate) const FEATURE_FUTEX_WAKE: u32 = 1;
/// Upper bound of a capacity: keeps every offset far from overflow, whatever a hostile header says.
pub(crate) const MAX_CAPACITY: usize = 1 << 30;

/// The first 128 bytes of a segment. All fields are atomics: both processes store here at any time.
#[cfg_attr(any(test, loom), derive(Default))]
#[cfg_attr(loom, derive(Debug))]
#[repr(C, align(64))]
pub(crate) struct Header {
    pub(crate) magic: AtomicU32,
    pub(crate) version: AtomicU32,
    /// Master's, then slave's.
    pub(crate) heartbeat: [AtomicU64; 2],
    pub(crate) pid: [AtomicI32; 2],
    pub(crate) alive: [AtomicU32; 2],
    pub(crate) stale_threshold: AtomicU32,
    pub(crate) master_generation: AtomicU32,
    pub(crate) features: AtomicU32,
    pub(crate) layout_size: AtomicU32,
    /// Ours: the master's generation, or the slave's pid, while that side holds the lock on its byte of the file.
    pub(crate) lock: [AtomicU32; 2],
    /// Ours: bytes of a message; 0 = a released creator.
    pub(crate) capacity: AtomicU32,
    _gap: AtomicU32,
    /// Ours: the process that decides about the file while read locks keep the lock for it from everybody; 0 = none. A word of
    /// [`identity`](crate::sys::identity), as those below.
    pub(crate) decider: AtomicU64,
    /// Ours: by side, a writer that could have no mark; 0 = none.
    pub(crate) unmarked: [AtomicU64; 2],
    /// Ours: by side, the pid of ours that attached last: who is named in `pid` and not here is none of ours.
    pub(crate) marked: [AtomicI32; 2],
    _padding: [AtomicU32; 6],
}

/// The first words of a channel; the message follows.
#[cfg_attr(any(test, loom), derive(Default))]
#[cfg_attr(loom, derive(Debug))]
#[repr(C)]
pub(crate) struct Head {
    /// Odd while a write is in progress.
    pub(crate) sequence: AtomicU32,
    /// Bytes of the current message.
    pub(crate) data_size: AtomicU32,
}

/// What follows the message.
#[cfg_attr(any(test, loom), derive(Default))]
#[cfg_attr(loom, derive(Debug))]
#[repr(C)]
pub(crate) struct Tail {
    pub(crate) write_count: AtomicU64,
    pub(crate) read_count: AtomicU64,
    /// Futex word, +1 after each write.
    pub(crate) wake_seq: AtomicU32,
    /// Readers parked on `wake_seq`.
    pub(crate) waiters: AtomicU32,
    /// Ours: a reader asks a flat-out writer for a quiet moment.
    pub(crate) reader_waiting: AtomicU32,
}

#[cfg(loom)]
impl Header {
    /// Does `rite` to each field.
    pub(crate) fn undergo(&self, other: &Header, rite: &Rite) {
        for (own, other) in self.words().into_iter().zip(other.words()) {
            own.undergo(other, rite);
        }
        for side in 0..2 {
            self.heartbeat[side].undergo(&other.heartbeat[side], rite);
            self.pid[side].undergo(&other.pid[side], rite);
        }
    }

    fn words(&self) -> [&AtomicU32; 11] {
        let Header {
            magic, version, alive, stale_threshold, master_generation, features, layout_size, lock, capacity, ..
        } = self;
        let [alive_0, alive_1] = alive;
        let [lock_0, lock_1] = lock;
        [
            magic,
            version,
            alive_0,
            alive_1,
            stale_threshold,
            master_generation,
            features,
            layout_size,
            lock_0,
            lock_1,
            capacity,
        ]
    }
}

#[cfg(loom)]
impl Head {
    /// As of the header.
    pub(crate) fn undergo(&self, other: &Head, rite: &Rite) {
        self.sequence.undergo(&other.sequence, rite);
        self.data_size.undergo(&other.data_size, rite);
    }
}

#[cfg(loom)]
impl Tail {
    /// As of the header.
    pub(crate) fn undergo(&self, other: &Tail, rite: &Rite) {
        self.write_count.undergo(&other.write_count, rite);
        self.read_count.undergo(&other.read_count, rite);
        self.wake_seq.undergo(&other.wake_seq, rite);
        self.waiters.undergo(&other.waiters, rite);
        self.reader_waiting.undergo(&other.reader_waiting, rite);
    }
}

/// Offset of the message in a channel.
pub(crate) const DATA: usize = 8;
/// Offset of the master-to-slave channel; the other follows it.
pub(crate) const CHANNELS: usize = 128;

/// Bytes of a segment of which all memory is reserved before it has its name.
pub(crate) const SMALL: usize = 1 << 20;
/// Bytes of the largest page of the machines we run on: what is apart by as much shares none.
const PAGE: usize = 1 << 16;

/// The offsets of a segment of one capacity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// Bytes of the largest message.
    pub(crate) capacity: usize,
}

impl Layout {
    /// The layout of `capacity` bytes, `None` if that is 0 or over [`MAX_CAPACITY`].
    pub(crate) const fn new(capacity: usize) -> Option<Layout> {
        if capacity == 0 || capacity > MAX_CAPACITY { None } else { Some(Layout { capacity }) }
    }

    /// Offset of the tail in a channel.
    pub(crate) const fn tail(self) -> usize {
        (DATA + self.capacity).next_multiple_of(8)
    }

    /// Bytes of one channel.
    pub(crate) const fn channel(self) -> usize {
        (72 + self.capacity).next_multiple_of(64)
    }

    /// Offset of a channel, and of its sequence.
    pub(crate) const fn channel_at(self, which: usize) -> usize {
        CHANNELS + which * self.channel()
    }

    /// Bytes of the segment.
    pub(crate) const fn total(self) -> usize {
        self.channel_at(2)
    }

    /// What of the memory is reserved before the segment has its name: all of a small one, else where its state lies, so that only
    /// messages may touch memory that is not reserved yet.
    pub(crate) fn first_parts(self) -> [Range<usize>; 3] {
        if self.total() <= SMALL {
            return [0..self.total(), 0..0, 0..0];
        }
        let tail = |which| self.channel_at(which) + self.tail();
        [0..PAGE, tail(0) / PAGE * PAGE..tail(0) + PAGE, tail(1) / PAGE * PAGE..self.total()]
    }

    /// Where nothing but large messages lies, as far as it is whole pages. A call that has published or claimed its message reaches
    /// into the header and the words around the messages alone.
    pub(crate) fn messages(self) -> [Range<usize>; 2] {
        [0, 1]
            .map(|which| {
                let start = (self.channel_at(which) + DATA).next_multiple_of(PAGE);
                start..(self.channel_at(which) + self.tail()) / PAGE * PAGE
            })
            .map(|part| if part.is_empty() { 0..0 } else { part })
    }

    /// The layout of a file of `size` bytes: of the capacity its header names if that fits, else of the one asked for if
    /// that fits, else of the only multiple of 64 that does. `None` if no capacity has this size.
    pub(crate) fn of_file(size: u64, named: u32, asked: usize) -> Option<Layout> {
        let total = usize::try_from(size).ok()?;
        let channel = total.checked_sub(CHANNELS)? / 2;
        [named as usize, asked, channel.saturating_sub(128)]
            .into_iter()
            .filter_map(Layout::new)
            .find(|layout| layout.total() == total)
    }
}

#[cfg(not(loom))] // whose atomics are larger
const _: () = {
    assert!(size_of::<Header>() == CHANNELS);
    assert!(offset_of!(Header, magic) == 0 && offset_of!(Header, version) == 4);
    assert!(offset_of!(Header, heartbeat) == 8 && offset_of!(Header, pid) == 24 && offset_of!(Header, alive) == 32);
    assert!(offset_of!(Header, stale_threshold) == 40 && offset_of!(Header, master_generation) == 44);
    assert!(offset_of!(Header, features) == 48 && offset_of!(Header, layout_size) == 52);
    assert!(offset_of!(Header, lock) == 56 && offset_of!(Header, capacity) == 64);
    assert!(offset_of!(Header, decider) == 72 && offset_of!(Header, unmarked) == 80 && offset_of!(Header, marked) == 96);
    assert!(offset_of!(Head, sequence) == 0 && offset_of!(Head, data_size) == 4);
    assert!(offset_of!(Tail, write_count) == 0 && offset_of!(Tail, read_count) == 8);
    assert!(offset_of!(Tail, wake_seq) == 16 && offset_of!(Tail, waiters) == 20);
    assert!(offset_of!(Tail, reader_waiting) == 24);
    let released = Layout { capacity: 4096 };
    assert!(released.tail() == 4104 && released.channel() == 4224 && released.total() == 8576);
    assert!(CHANNELS + released.channel() == 4352);
    // The tail ends within the channel for every capacity: 72 = head + up to 7 of rounding + 32 of tail, and to spare.
    assert!(DATA + 7 + size_of::<Tail>() <= 72);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_found_from_the_file_size() {
        for capacity in (1..9000).chain([65536, MAX_CAPACITY]) {
            let layout = Layout::new(capacity).unwrap();
            let size = layout.total() as u64;
            assert_eq!(Layout::of_file(size, capacity as u32, 4096), Some(layout));
            assert_eq!(Layout::of_file(size, 0, capacity), Some(layout));
            let guess = Layout::of_file(size, 0, 0);
            match guess {
                Some(found) => assert!(found.total() as u64 == size && found.capacity % 64 == 0),
                None => assert!(capacity <= 56, "only the smallest channel has no multiple of 64"),
            }
        }
    }

    #[test]
    fn what_may_go_of_a_closed_segment_is_whole_pages_with_nothing_but_messages() {
        for capacity in [1, 100, 4096, PAGE - 8, PAGE, 2 * PAGE, 3 * PAGE + 100, 200_001, SMALL, 64 << 20] {
            let layout = Layout::new(capacity).unwrap();
            for (which, part) in layout.messages().into_iter().enumerate() {
                if part.is_empty() {
                    assert!(part == (0..0) && capacity < 2 * PAGE, "{capacity}");
                    continue;
                }
                let (first, end) = (layout.channel_at(which) + DATA, layout.channel_at(which) + layout.tail());
                assert!(part.start >= first && part.start < first + PAGE, "{capacity}: {part:?}");
                assert!(part.end <= end && part.end > end - PAGE, "{capacity}: {part:?}");
                assert_eq!((part.start % PAGE, part.end % PAGE), (0, 0));
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "looks at every byte of large segments")]
    fn what_is_no_message_has_its_memory_first() {
        for capacity in [1, 4096, 200_001, SMALL, 64 << 20] {
            let layout = Layout::new(capacity).unwrap();
            let parts = layout.first_parts();
            let has = |byte| parts.iter().any(|part| part.contains(&byte));
            assert!((0..CHANNELS + DATA).all(has), "{capacity}");
            for which in [0, 1] {
                let tail = layout.channel_at(which) + layout.tail();
                assert!((tail..layout.channel_at(which + 1)).all(has), "{capacity}");
            }
            assert!(layout.total() > SMALL || (0..layout.total()).all(has), "{capacity}");
            let bytes: usize = parts.iter().map(|part| part.len()).sum();
            assert!(
                layout.total() <= SMALL || bytes <= 5 * PAGE,
                "{capacity}: the messages' comes later, not {bytes} bytes"
            );
        }
    }

    #[test]
    fn sizes_no_capacity_has_are_refused() {
        for size in [0, 1, 127, 128, 129, 8575, 8577, 8576 + 64, u64::MAX] {
            assert_eq!(Layout::of_file(size, 4096, 4096), None, "{size}");
        }
        assert_eq!(Layout::of_file(8576, u32::MAX, 1 << 40), Layout::new(4096));
    }

    #[test]
    fn parts_do_not_overlap() {
        for capacity in 1..600 {
            let layout = Layout::new(capacity).unwrap();
            assert!(layout.tail() >= DATA + capacity && layout.tail().is_multiple_of(8));
            assert!(layout.tail() + size_of::<Tail>() <= layout.channel() && layout.channel().is_multiple_of(64));
        }
    }
}
