//! Marks: by which a writer shows those of its side who find a message half-written that it lives, and may have been stopped
//! in the midst of it.
//!
//! A mark is the exclusive lock on a byte of its own, far behind the bytes of roles and decisions, so all handles of a side
//! have one at a time; it vanishes with its process, in whatever pid namespace that is. Where somebody's read lock keeps it
//! from us, a word of the header names the process instead.

use super::{Segment, view::View};
use crate::config::Side;
use crate::liveness::service;
use crate::sync::{Ordering, statics::AtomicU32};
use crate::sys::{
    identity::{self, Fate},
    lock, process,
};
use std::{ops::Range, os::fd::AsFd};

/// Bits of a place: which of so many handles, of which odd sequence, of which side.
const HANDLES: u32 = 16;
const SIDE: u32 = 56;
/// Behind all places.
const NOWHERE: i64 = 1 << 62;
/// Places tried, until one is free.
const TRIES: u32 = 64;
/// Tries to name ourselves, against somebody who changes the word all the time.
const NAMINGS: u32 = 16;

/// A mark: where its lock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark(i64);

/// The places of those who do not hold the sequence lock at `odd`; 0 is none.
fn places(side: Side, odd: u32) -> Range<i64> {
    let first = (side as i64 + 1) << SIDE | i64::from(odd) << HANDLES;
    first..first + (1 << HANDLES)
}

impl Mark {
    /// One of who disclaims `odd`, and has no place to say so.
    pub(crate) fn nowhere(side: Side, odd: u32) -> Mark {
        Mark(places(side, odd).start | NOWHERE)
    }

    /// Where those of slaves begin; those of masters lie before.
    #[cfg(all(test, not(loom)))]
    pub(crate) const FIRST_OF_SLAVE: i64 = (Side::Slave as i64 + 1) << SIDE;

    /// One that is on no file.
    #[cfg(all(test, loom))]
    pub(crate) fn of_model() -> Mark {
        Mark(places(Side::Master, 0).start)
    }

    /// The odd sequence that its handle does not hold the lock of; 0 = it may hold any.
    pub(crate) fn disclaims(self) -> u32 {
        (self.0 >> HANDLES) as u32
    }
}

impl Segment {
    /// Takes a mark for a handle of `side` that disclaims the lock at `odd`, 0 for none; `None` if it cannot be had.
    pub(crate) fn mark(&self, side: Side, odd: u32) -> Option<Mark> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let file = self.file.as_fd();
        for _ in 0..TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed); // only has to differ
            let number = (process::pid() as u32).wrapping_mul(251).wrapping_add(number);
            let place = places(side, odd).start + i64::from(number as u16);
            match lock::try_lock(file, place) {
                Ok(true) => return Some(Mark(place)),
                Ok(false) if lock::held_by_other(file, place..place + 1) => {} // another's
                _ => return None,
            }
        }
        None
    }

    /// The mark of a handle of `side`, or else its name.
    pub(crate) fn mark_or_name(&self, side: Side) -> Option<Mark> {
        let mark = self.mark(side, 0);
        if mark.is_none() {
            self.view.name_unmarked(side);
        }
        mark
    }

    /// Gives a mark back.
    pub(crate) fn unmark(&self, mark: Mark) {
        lock::unlock(self.file.as_fd(), mark.0);
    }

    /// Ends a handle's membership of `side` once the header says that it has left: its name goes,
    /// if it has that in place of a mark, and each lock. The process does not count it any more.
    pub(crate) fn end_membership(&self, side: Side, mark: Option<Mark>) {
        if mark.is_none() && service::count_side(self.id, side) == 0 {
            self.view.forget_unmarked(side);
        }
        self.give_locks_back();
    }

    /// Whether a handle of `side` other than that with mark `own`, if it has one, may hold the
    /// sequence lock at `odd`, or at any for 0: by its mark or its name. A name counts for nothing
    /// where that lock has stood `long`: its process may run another program by now.
    pub(crate) fn has_other_writers(&self, side: Side, odd: u32, own: Option<Mark>, long: bool) -> bool {
        let named = self.view.header().unmarked[side as usize].load(Ordering::Acquire); // pairs with name_unmarked
        let is_own = named == identity::own() && own.is_none();
        let counts = match identity::fate(named) {
            Fate::Alive | Fate::Unknown => !is_own && !long,
            Fate::Gone => false,
        };
        if counts {
            return true;
        }
        let is_held = |range| lock::held_by_other(self.file.as_fd(), range);
        let (first, end, disclaimed) = (places(side, 0).start, places(side, u32::MAX).end, places(side, odd));
        match odd {
            0 => is_held(first..end),
            _ => is_held(first..disclaimed.start) || is_held(disclaimed.end..end),
        }
    }
}

impl View {
    /// Names this process as a writer of `side` without a mark.
    #[cold]
    pub(crate) fn name_unmarked(&self, side: Side) {
        let word = &self.header().unmarked[side as usize];
        for _ in 0..NAMINGS {
            let found = word.load(Ordering::Relaxed);
            let next = if identity::fate(found) == Fate::Gone { identity::own() } else { identity::SEVERAL };
            // Release pairs with has_other_writers, which looks 20 ms after our sequence was odd.
            if word.compare_exchange(found, next, Ordering::Release, Ordering::Relaxed).is_ok() {
                return;
            }
        }
        word.store(identity::SEVERAL, Ordering::Release);
    }

    /// Names this process unless the word covers it, which `alone` has no other handle of that
    /// side.
    pub(crate) fn keep_unmarked(&self, side: Side, alone: bool) {
        let found = self.header().unmarked[side as usize].load(Ordering::Relaxed); // as name_unmarked looks
        if found != identity::SEVERAL && !(alone && found == identity::own()) {
            self.name_unmarked(side);
        }
    }

    /// Asks whoever stands behind a name that has stood for long to give it anew; takes it away if
    /// nobody did.
    pub(crate) fn question_name(&self, side: Side, name: u64) {
        let word = &self.header().unmarked[side as usize];
        let next = if name == identity::ANYBODY { 0 } else { identity::ANYBODY };
        let _ = word.compare_exchange(name, next, Ordering::Relaxed, Ordering::Relaxed); // ordered with nothing
    }

    /// Takes our own name away again. No other handle of this process may stand behind it.
    pub(crate) fn forget_unmarked(&self, side: Side) {
        let word = &self.header().unmarked[side as usize];
        let _ = word.compare_exchange(identity::own(), 0, Ordering::Release, Ordering::Relaxed); // all writes came before
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::{layout::Layout, name::FOLDER};
    use crate::sys::file::{self, read_locked, reopened};
    use std::{os::fd::OwnedFd, sync::Arc};

    fn segment(file: OwnedFd) -> Segment {
        let layout = Layout::new(64).expect("a capacity");
        file::set_size(file.as_fd(), layout.total() as u64).expect("room");
        let view = Arc::new(View::of_file(file.as_fd(), layout, false).expect("addresses"));
        Segment { id: file::status(file.as_fd()).expect("a file").id, file, view }
    }

    /// One segment as several handles open it.
    fn several() -> [Segment; 3] {
        let first = segment(file::unnamed(FOLDER).expect("a file"));
        let again = || segment(reopened(first.file.as_fd(), libc::O_RDWR));
        let others = [again(), again()];
        let [second, third] = others;
        [first, second, third]
    }

    #[test]
    fn all_handles_of_a_side_have_a_mark_until_they_end() {
        let [one, two, three] = several();
        assert!(one.mark(Side::Slave, 0).is_some() && two.mark(Side::Slave, 0).is_some());
        assert!(one.has_other_writers(Side::Slave, 0, None, false) && two.has_other_writers(Side::Slave, 0, None, false));
        assert!(
            three.has_other_writers(Side::Slave, 0, None, false) && !three.has_other_writers(Side::Master, 0, None, false)
        );
        drop(two);
        assert!(!one.has_other_writers(Side::Slave, 0, None, false), "its own is none of another");
        drop(one);
        assert!(!three.has_other_writers(Side::Slave, 0, None, false));
    }

    #[test]
    fn a_mark_that_disclaims_one_odd_sequence_stands_for_all_others() {
        let [one, two, three] = several();
        let own = one.mark(Side::Slave, 0);
        let mark = two.mark(Side::Slave, 7).expect("free");
        let another = three.mark(Side::Slave, 7).expect("a place of its own");
        assert_eq!((mark.disclaims(), another.disclaims(), own.map(Mark::disclaims)), (7, 7, Some(0)));
        assert!(!one.has_other_writers(Side::Slave, 7, own, false));
        assert!([0, 5, 9, u32::MAX].iter().all(|&odd| one.has_other_writers(Side::Slave, odd, own, false)));
        assert!(two.has_other_writers(Side::Slave, 7, Some(mark), false), "the first may hold any");
        two.unmark(mark);
        three.unmark(another);
        assert!(!one.has_other_writers(Side::Slave, 5, own, false));
    }

    #[test]
    fn who_can_have_no_mark_is_known_by_name() {
        let [one, two, _] = several();
        let reader = read_locked(one.file.as_fd(), 0);
        assert!(one.mark(Side::Slave, 0).is_none(), "a read lock is in the way");
        let named = || two.view.header().unmarked[Side::Slave as usize].load(Ordering::Relaxed);
        one.view.name_unmarked(Side::Slave);
        assert_eq!(named(), identity::own());
        assert!(!one.has_other_writers(Side::Slave, 0, None, false), "that is the handle itself");
        assert!(
            one.has_other_writers(Side::Slave, 0, Some(Mark(places(Side::Slave, 0).start)), false),
            "that one is not named"
        );
        two.view.name_unmarked(Side::Slave);
        assert_eq!(named(), identity::SEVERAL);
        assert!(one.has_other_writers(Side::Slave, 0, None, false), "who they are is not known");
        assert!(!one.has_other_writers(Side::Slave, 0, None, true), "nor will it be");
        assert!(!one.has_other_writers(Side::Master, 0, None, false));
        drop(reader);
        two.view.forget_unmarked(Side::Slave);
        assert_eq!(named(), identity::SEVERAL, "that is not ours to forget");
        for (word, others) in [(identity::own() ^ 1 << 30, true), (1, false), (identity::own() | ((1 << 22) - 1), false)] {
            one.view.header().unmarked[1].store(word, Ordering::Relaxed);
            assert_eq!(one.has_other_writers(Side::Slave, 0, None, false), others, "{word:x}");
        }
        one.view.name_unmarked(Side::Slave);
        assert_eq!(named(), identity::own(), "in place of one that is gone");
        one.view.forget_unmarked(Side::Slave);
        assert_eq!(named(), 0);
    }
}
