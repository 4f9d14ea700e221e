//! Whether someone lives on a side of a segment, as far as can be told without waiting, and with.

use super::Segment;
use crate::config::Side;
use crate::liveness::service;
use crate::sync::Ordering;
use crate::sys::{clock, lock, process};
use std::{os::fd::AsFd, time::Duration};

/// What can be told at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signs {
    /// Its alive flag is 0.
    Absent,
    /// A process that may be alive as far as the kernel says.
    Alive,
    /// One of ours whose lock is free: dead unless its heartbeat moves.
    LockFree,
    /// No such process here: dead, unless it lives in another pid namespace and its heartbeat moves.
    NoProcess,
}

/// What a look of some time tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Absent,
    Alive,
    /// Its process is gone and its heartbeat still; `pinned` if its lock is held all the same, by a child it forked.
    Dead {
        pinned: bool,
    },
}

/// Heartbeats that must be missed before a free lock proves death, in milliseconds.
pub(crate) const STILL: u64 = 5;
/// A threshold of 0 counts as this, in milliseconds.
const DEFAULT_THRESHOLD: u32 = 100;
/// The longest a start watches a heartbeat, whatever a hostile header asks for, in milliseconds.
pub(crate) const LONGEST_WATCH: u64 = 5_000;

impl Segment {
    /// The heartbeat of a side.
    pub(crate) fn heartbeat(&self, side: Side) -> u64 {
        self.view.header().heartbeat[side as usize].load(Ordering::Relaxed) // only its change means something
    }

    /// Whether one of ours held the lock of a side and nobody does now: with a heartbeat that stands still, proof of death.
    pub(crate) fn lock_is_free(&self, side: Side) -> bool {
        self.view.is_ours(side) && !self.is_locked_by_other(side)
    }

    /// Whether somebody else holds the lock of a side: one of ours, or a child it forked.
    fn is_locked_by_other(&self, side: Side) -> bool {
        lock::held_by_other(self.file.as_fd(), side as i64..side as i64 + 1)
    }

    /// Whether the holder of a free lock is a master whose process is gone too, and was not in the midst of a message: then
    /// there is nothing to wait for. A master's field is its generation, which no successor shares; a slave's is a pid, which
    /// a released slave in another pid namespace may have as well.
    fn is_gone(&self, side: Side) -> bool {
        // Relaxed: whoever holds the side is judged dead by the kernel, and only a dead one's values are acted on.
        let pid = self.view.header().pid[side as usize].load(Ordering::Relaxed);
        let settled = self.view.channel(side.writes()).head.sequence.load(Ordering::Relaxed) & 1 == 0;
        side == Side::Master && settled && !process::exists(pid)
    }

    /// Whether a message of a side is being written, or was left so.
    pub(crate) fn is_half_written(&self, side: Side) -> bool {
        self.view.channel(side.writes()).head.sequence.load(Ordering::Acquire) & 1 == 1 // pairs with a writer's even store
    }

    /// What flags, locks and the process table say about a side now.
    pub(crate) fn signs(&self, side: Side) -> Signs {
        let header = self.view.header();
        // Acquire pairs with the alive flag stored last on attach.
        if header.alive[side as usize].load(Ordering::Acquire) == 0 {
            return Signs::Absent;
        }
        if self.lock_is_free(side) {
            return Signs::LockFree;
        }
        let pid = header.pid[side as usize].load(Ordering::Relaxed); // attach's, as it was stored before the flag seen above
        let runs = if pid == process::pid() { self.is_held_here(side) } else { process::exists(pid) };
        if runs { Signs::Alive } else { Signs::NoProcess }
    }

    /// Whether a handle of this process holds a side.
    pub(crate) fn is_held_here(&self, side: Side) -> bool {
        service::has_side(self.id, side)
    }

    /// Whether a live slave is attached that is not one of ours.
    pub(crate) fn has_released_slave(&self, limit: Duration) -> bool {
        let header = self.view.header();
        let pid = header.pid[Side::Slave as usize].load(Ordering::Relaxed); // stored before the flag that judge looks at
        let marked = header.marked[Side::Slave as usize].load(Ordering::Relaxed); // likewise
        let ours = marked == pid || pid == process::pid() && self.is_held_here(Side::Slave);
        !ours && self.judge(Side::Slave, limit) == Verdict::Alive
    }

    /// Has the words by which its holder is ours say so no more, unless one of ours may be there. The caller has seen that none was,
    /// and then a heartbeat: that is a released one's, with the number of one of ours that was killed, and it has left those
    /// words as they were. They prove nothing of it. One of ours that comes at this very moment writes them again in its next tick.
    pub(crate) fn disown(&self, side: Side) {
        let (header, index) = (self.view.header(), side as usize);
        let pid = header.pid[index].load(Ordering::Relaxed); // each is changed only where it is still that pid
        if pid == 0 || self.has_other_writers(side, 0, None, false) {
            return;
        }
        // Not to 0: it came after one of ours that did not leave (Library::ReleasedAfterOurs).
        let _ = header.lock[index].compare_exchange(pid as u32, !pid as u32, Ordering::Relaxed, Ordering::Relaxed);
        let _ = header.marked[index].compare_exchange(pid, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Judges a side, watching its heartbeat as long as that may tell something, and no longer than `limit`.
    pub(crate) fn judge(&self, side: Side, limit: Duration) -> Verdict {
        self.look(side, limit, true)
    }

    /// The same; by who may not write, if not `writes`.
    pub(crate) fn look(&self, side: Side, limit: Duration, writes: bool) -> Verdict {
        let signs = self.signs(side);
        let watch = match signs {
            Signs::Absent => return Verdict::Absent,
            Signs::Alive => return Verdict::Alive,
            Signs::LockFree if self.is_gone(side) => 0,
            Signs::LockFree => STILL,
            Signs::NoProcess => u64::from(self.threshold()).min(LONGEST_WATCH),
        };
        if self.beats_within(side, Duration::from_millis(watch).min(limit)) {
            if writes && signs == Signs::LockFree {
                self.disown(side);
            }
            return Verdict::Alive;
        }
        // Its last words may have been a clean exit; pairs with detach: all it wrote came before.
        if self.view.header().alive[side as usize].load(Ordering::Acquire) == 0 {
            return Verdict::Absent;
        }
        Verdict::Dead { pinned: self.is_locked_by_other(side) }
    }

    /// Whether the heartbeat of a side moves within `limit`.
    pub(crate) fn beats_within(&self, side: Side, limit: Duration) -> bool {
        let (first, end) = (self.heartbeat(side), clock::now().saturating_add(limit.as_nanos() as u64));
        loop {
            if self.heartbeat(side) != first {
                return true;
            }
            if clock::now() >= end {
                return false;
            }
            clock::sleep(Duration::from_micros(500));
        }
    }

    /// The segment's staleness threshold in milliseconds.
    pub(crate) fn threshold(&self) -> u32 {
        threshold(self.view.header().stale_threshold.load(Ordering::Relaxed)) // a setting, ordered with nothing
    }
}

/// A threshold as it is meant.
pub(crate) fn threshold(field: u32) -> u32 {
    if field == 0 { DEFAULT_THRESHOLD } else { field }
}

#[cfg(all(test, not(loom), not(miri)))]
mod judging;
