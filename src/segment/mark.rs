//! Marks: by which a writer shows those of its side who find a message half-written that it lives, and may have been stopped
//! in the midst of it.
//!
//! A mark is the exclusive lock on a byte of its own, far behind the bytes of roles and decisions, so all handles of a side
//! have one at a time; it vanishes with its process, in whatever pid namespace that is. Where somebody's read lock keeps it
//! from us, a word of the header names the process instead.

use super::{Segment, view::View};
use crate::config::Side;
use crate::sync::{Ordering, statics::AtomicU32};
use crate::sys::{
    identity::{self, Fate},
    lock, process,
};
use std::{ops::Range, os::fd::AsFd};

/// Places for marks of a side; those of the master begin at so many, too.
const PLACES: i64 = 1 << 20;
/// Places tried, until one is free.
const TRIES: u32 = 64;
/// Tries to name ourselves, against somebody who changes the word all the time.
const NAMINGS: u32 = 16;

fn places(side: Side) -> Range<i64> {
    let first = (side as i64 + 1) * PLACES;
    first..first + PLACES
}

impl Segment {
    /// Takes a mark for a handle of `side`; false if it cannot be had.
    pub(crate) fn mark(&self, side: Side) -> bool {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let file = self.file.as_fd();
        for _ in 0..TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed); // only has to differ
            let number = (process::pid() as u32).wrapping_mul(251).wrapping_add(number);
            let place = places(side).start + i64::from(number) % PLACES;
            match lock::try_lock(file, place) {
                Ok(true) => return true,
                Ok(false) if lock::held_by_other(file, place..place + 1) => {} // another's
                _ => return false,
            }
        }
        false
    }

    /// Whether a writer of `side` that is none of this process may be at work: by its mark, by its name, or by the side's lock.
    pub(crate) fn has_other_writers(&self, side: Side) -> bool {
        let byte = side as i64;
        let named = self.view.header().unmarked[side as usize].load(Ordering::Acquire); // pairs with name_unmarked
        lock::held_by_other(self.file.as_fd(), byte..byte + 1)
            || lock::held_by_other(self.file.as_fd(), places(side))
            || named != identity::own() && identity::fate(named) != Fate::Gone
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
            // Release pairs with has_other_writers: whoever finds our sequence odd finds our name.
            if word.compare_exchange(found, next, Ordering::Release, Ordering::Relaxed).is_ok() {
                return;
            }
        }
        word.store(identity::SEVERAL, Ordering::Release);
    }

    /// Takes that name away again.
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
        let view = Arc::new(View::of_file(file.as_fd(), layout).expect("addresses"));
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
        assert!(one.mark(Side::Slave) && two.mark(Side::Slave));
        assert!(one.has_other_writers(Side::Slave) && two.has_other_writers(Side::Slave));
        assert!(three.has_other_writers(Side::Slave) && !three.has_other_writers(Side::Master));
        drop(two);
        assert!(!one.has_other_writers(Side::Slave), "its own is none of another");
        drop(one);
        assert!(!three.has_other_writers(Side::Slave));
    }

    #[test]
    fn who_can_have_no_mark_is_known_by_name() {
        let [one, two, _] = several();
        let reader = read_locked(one.file.as_fd());
        assert!(!one.mark(Side::Slave), "a read lock is in the way");
        let named = || two.view.header().unmarked[Side::Slave as usize].load(Ordering::Relaxed);
        one.view.name_unmarked(Side::Slave);
        assert_eq!(named(), identity::own());
        assert!(!one.has_other_writers(Side::Slave), "this process is no other");
        two.view.name_unmarked(Side::Slave);
        assert_eq!(named(), identity::SEVERAL);
        assert!(one.has_other_writers(Side::Slave), "who they are is not known");
        assert!(!one.has_other_writers(Side::Master));
        drop(reader);
        two.view.forget_unmarked(Side::Slave);
        assert_eq!(named(), identity::SEVERAL, "that is not ours to forget");
        for (word, others) in [(identity::own() ^ 1 << 30, true), (1, false), (identity::own() | ((1 << 22) - 1), false)] {
            one.view.header().unmarked[1].store(word, Ordering::Relaxed);
            assert_eq!(one.has_other_writers(Side::Slave), others, "{word:x}");
        }
        one.view.name_unmarked(Side::Slave);
        assert_eq!(named(), identity::own(), "in place of one that is gone");
        one.view.forget_unmarked(Side::Slave);
        assert_eq!(named(), 0);
    }
}
