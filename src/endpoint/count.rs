//! The statistic `read_count`. It lies in a cache line that the writer stores to with each message; a reader that raised it
//! there each time would fetch that line from the writer's processor and make the writer fetch it back: half of a round
//! trip. So while messages come so fast that reads find them by spinning, or one right after the other, they are counted
//! here, and brought into the segment by the next tick, the next read that finds nothing, and whoever asks for statistics.

use super::core::Core;
use crate::channel::Channel;
use crate::sync::{AtomicU64, Ordering::Relaxed};

/// A thread that reads so fast that it counts its reads here also beats for the service thread, with a look at the clock every
/// so many reads: some nanoseconds in a hundred reads.
const RELIEVE_EVERY: u64 = 64;

/// Reads counted here and not in the segment. Statistics, ordered with nothing: two readers at once may count as one.
#[derive(Default)]
pub(crate) struct Reads {
    /// Counted here, ever.
    here: AtomicU64,
    /// Of these, brought into the segment.
    brought: AtomicU64,
    /// 1 after a read that found its message at once: if the next one does too, messages come fast.
    streak: AtomicU64,
}

impl Core {
    /// Counts a read that found its message at once.
    #[inline(always)]
    pub(crate) fn count_read(&self, rx: Channel<'_>) {
        if self.reads.streak.load(Relaxed) == 0 {
            self.reads.streak.store(1, Relaxed);
            self.count_read_now(rx);
        } else {
            self.count_read_later();
        }
    }

    /// Counts a read for which the next tick is soon enough.
    #[inline(always)]
    pub(crate) fn count_read_later(&self) {
        let here = self.reads.here.load(Relaxed).wrapping_add(1);
        self.reads.here.store(here, Relaxed);
        if here.is_multiple_of(RELIEVE_EVERY) {
            self.relieve();
        }
    }

    /// Counts a read in the segment.
    #[inline(always)]
    pub(crate) fn count_read_now(&self, rx: Channel<'_>) {
        if self.reads.here.load(Relaxed) == 0 {
            rx.count_read(); // nobody else has anything to bring there
        } else {
            self.count_read_later();
            self.bring_reads();
        }
    }

    /// A read found nothing: brings what was counted here into the segment.
    pub(crate) fn end_streak(&self) {
        self.reads.streak.store(0, Relaxed);
        self.bring_reads();
    }

    /// Brings what was counted here into the segment.
    pub(crate) fn bring_reads(&self) {
        let (here, brought) = (self.reads.here.load(Relaxed), self.reads.brought.load(Relaxed));
        // Whoever moves `brought` adds; a count that another thread has just lost makes `here` the smaller for an instant.
        let due = here.wrapping_sub(brought);
        if due != 0 && due < u64::MAX / 2 && self.reads.brought.compare_exchange(brought, here, Relaxed, Relaxed).is_ok() {
            self.rx().tail.read_count.fetch_add(due, Relaxed);
        }
    }
}
