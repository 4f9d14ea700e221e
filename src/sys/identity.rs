//! Which process: a word that others who can write the segment may judge, where no lock is to be had.

use super::{file, fork, process};
use crate::sync::{Ordering, statics::AtomicU64};

/// Bits of a pid: at most 2^22 (proc(5), `pid_max`).
const PID: u64 = (1 << 22) - 1;
/// Bits of the number of its pid namespace, and of the time of its start, above those of the pid: a number may come again, in a
/// container that is started again too.
const PART: u64 = u16::MAX as u64;
/// What stands above all: other words are none of ours.
const TAG: u64 = 0x2A5 << 54;

/// Several processes, whoever they are.
pub(crate) const SEVERAL: u64 = TAG;
/// Somebody who may be gone: whoever lives gives itself a name anew.
pub(crate) const ANYBODY: u64 = TAG | 1 << 38; // of pid 0, as none is

/// What is known of the process that a word names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It runs.
    Alive,
    /// It is gone, or the word names nobody.
    Gone,
    /// It is in a pid namespace that we do not see into.
    Unknown,
}

/// The number of our pid namespace; 0 if `/proc` does not tell.
fn namespace() -> u64 {
    file::inode(c"/proc/self/ns/pid").unwrap_or(0) & PART
}

/// This process: found out once, and the same from then on, also where no more files can be opened.
pub(crate) fn own() -> u64 {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    static BY: AtomicU64 = AtomicU64::new(0); // the generation of the process, and 1
    let generation = u64::from(fork::generation()) + 1;
    // Acquire pairs with the release below; all threads of a process store the same.
    if BY.load(Ordering::Acquire) == generation {
        return KNOWN.load(Ordering::Relaxed);
    }
    let pid = process::pid();
    let own = TAG | (process::start_time(pid) & PART) << 38 | namespace() << 22 | pid as u64 & PID;
    KNOWN.store(own, Ordering::Relaxed);
    BY.store(generation, Ordering::Release);
    own
}

/// Whether a word names somebody at all.
pub(crate) fn is_name(word: u64) -> bool {
    word >> 54 << 54 == TAG
}

/// What became of the process that `word` names.
pub(crate) fn fate(word: u64) -> Fate {
    if !is_name(word) {
        return Fate::Gone;
    }
    let (start, namespace_of, pid) = (word >> 38 & PART, word >> 22 & PART, (word & PID) as i32);
    match own() >> 22 & PART {
        _ if word == SEVERAL || word == ANYBODY => Fate::Unknown,
        ours if ours == 0 || ours != namespace_of => Fate::Unknown,
        _ if !process::exists(pid) => Fate::Gone,
        _ => match process::start_time(pid) & PART {
            now if now == start || now == 0 || start == 0 => Fate::Alive,
            _ => Fate::Gone, // another, by the same number
        },
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_word_within_its_namespace_alone() {
        assert_eq!(fate(own()), Fate::Alive);
        assert_eq!(fate(own() ^ 1 << 30), Fate::Unknown, "another namespace");
        assert_eq!(fate(own() & !PID | PID), Fate::Gone, "no process has the highest pid");
        assert_ne!(process::start_time(process::pid()), 0);
        assert_eq!(fate(own() ^ 1 << 40), Fate::Gone, "one that started at another time");
        assert_eq!([0, 1, u64::MAX, own() ^ 1 << 60].map(fate), [Fate::Gone; 4], "no words of ours");
        assert_eq!([SEVERAL, ANYBODY].map(fate), [Fate::Unknown; 2]);
        assert!([SEVERAL, ANYBODY].iter().all(|word| word & PID == 0), "no process's, whatever /proc tells");
    }
}
