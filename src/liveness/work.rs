//! What the ticks of one process may do in one millisecond of work whose size a peer chooses: so many pieces, for all handles
//! together. A handle that gets none goes first in the next tick.

use crate::sync::{
    Ordering,
    statics::{AtomicU32, AtomicUsize},
};

/// Pieces in one tick, of some 30 to 50 us each: less than a fifth of a processor, which the scheduler need not take away.
const PIECES: u32 = 4;

/// That of the service thread, which alone uses it: nothing is to be ordered.
pub(super) static WORK: Work = Work::new();

/// The pieces left in a tick, and whose turn is next.
pub(super) struct Work {
    left: AtomicU32,
    /// The address of the handle that took the last one; 0 for none.
    taker: AtomicUsize,
    /// The address of the handle that was the first to get none; 0 for none.
    next: AtomicUsize,
}

impl Work {
    const fn new() -> Work {
        Work { left: AtomicU32::new(0), taker: AtomicUsize::new(0), next: AtomicUsize::new(0) }
    }

    /// Begins a tick; the handle at this address comes first.
    pub(super) fn begin(&self) -> usize {
        self.left.store(PIECES, Ordering::Relaxed);
        self.taker.store(0, Ordering::Relaxed);
        self.next.swap(0, Ordering::Relaxed)
    }

    /// Takes a piece for the handle at this address, if there is one.
    pub(super) fn take(&self, handle: usize) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            self.taker.store(handle, Ordering::Relaxed);
        } else if self.next.load(Ordering::Relaxed) == 0 && self.taker.load(Ordering::Relaxed) != handle {
            self.next.store(handle, Ordering::Relaxed);
        }
        left > 0
    }

    /// No more in this tick.
    pub(super) fn end(&self) {
        self.left.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Has each handle that wants pieces take them, as many as it gets, in so many ticks; how many each got.
    fn run(handles: usize, wants: impl Fn(usize) -> bool, ticks: usize) -> Vec<u32> {
        let (work, mut got) = (Work::new(), vec![0; handles]);
        for _ in 0..ticks {
            let before: u32 = got.iter().sum();
            let first = work.begin().saturating_sub(1); // 1 is the address of the first
            for handle in (first..handles).chain(0..first).filter(|&handle| wants(handle)) {
                while work.take(handle + 1) {
                    got[handle] += 1;
                }
            }
            assert!(got.iter().sum::<u32>() - before <= PIECES, "a tick does no more, however many handles there are");
        }
        got
    }

    #[test]
    fn all_handles_share_the_pieces_of_a_tick_and_none_waits_for_ever() {
        assert_eq!(run(64, |_| true, 64), [PIECES; 64]);
        let neighbours = run(64, |handle| handle < 2, 64);
        assert_eq!(neighbours[..2], [32 * PIECES; 2]);
    }

    #[test]
    fn one_alone_goes_on_in_each_tick() {
        assert_eq!(run(64, |handle| handle == 63, 10)[63], 10 * PIECES);
    }

    #[test]
    fn a_tick_that_has_taken_too_long_does_no_more() {
        let work = Work::new();
        work.begin();
        assert!(work.take(1));
        work.end();
        assert!(!work.take(1) && !work.take(2) && !work.take(3));
        assert_eq!(work.begin(), 2, "the first that got none");
        assert!(work.take(2));
    }
}
