//! A message that stays half-written while several writers of a side live: none of them could be the dead one's heir, as each
//! may hold the lock for all that the others know. So each says that it does not, and whoever writes next finds itself alone.
//!
//! It says so by another [mark](crate::segment::mark), one for that very odd sequence. Meanwhile no thread of the handle may come
//! to hold that lock: each gives it back, and ends all this first ([`Channel::disclaim`](crate::channel::Channel::disclaim)).

use super::core::Core;
use crate::liveness::monitor::Monitor;
use crate::segment::mark::Mark;
use crate::sync::{self, MutexGuard, Ordering, TryLockError};
use crate::sys::{clock::MS, identity};

/// Milliseconds that an odd sequence stands before it is disclaimed: as long as a write waits for it.
const STOOD: u64 = 20;
/// Milliseconds that a name of one without a mark stands before it is looked into.
const NAMED: u64 = 1000;
/// Between two tries for a mark.
const AGAIN: u64 = 10 * MS;

impl Core {
    /// Disclaims an odd sequence that stands, and ends that once it has passed. Once a tick, `elapsed` milliseconds after the last: in
    /// each state, as who writes no more may have been stopped while it did.
    pub(crate) fn tend_mark(&self, monitor: &mut Monitor, elapsed: u64, now_at: u64) {
        let now = self.tx().head.sequence.load(Ordering::Relaxed); // watched for change alone
        monitor.stood = if now == monitor.standing { monitor.stood.saturating_add(elapsed) } else { 0 };
        monitor.standing = now;
        let Some(mark) = monitor.mark else { return self.try_for_mark(monitor, now_at) };
        self.forget_others(monitor, elapsed);
        let passed = mark.disclaims() != 0 && mark.disclaims() != now;
        let stands = mark.disclaims() == 0 && now & 1 == 1 && monitor.stood >= STOOD;
        if !passed && !stands {
            return;
        }
        let Some(_one) = self.try_to_decide() else { return };
        if passed {
            self.mark_anew(monitor, mark);
        } else if self.tx().disclaim(&self.writer, now) {
            match monitor.segment.mark(self.side, now) {
                Some(other) => {
                    monitor.segment.unmark(mark);
                    monitor.mark = Some(other);
                }
                None => self.writer.end_disclaim(),
            }
        }
    }

    /// A mark that could not be had, for somebody's read lock, is tried for again; and our name put back if somebody took it away.
    #[cold]
    fn try_for_mark(&self, monitor: &mut Monitor, now: u64) {
        if now < monitor.next_mark {
            return;
        }
        monitor.next_mark = now + AGAIN;
        monitor.mark = monitor.segment.mark(self.side, 0);
        let view = &monitor.segment.view;
        match monitor.mark {
            Some(_) => view.forget_unmarked(self.side),
            // Relaxed: whoever takes it away does so while nobody is in the midst of a message.
            None if !identity::is_name(view.header().unmarked[self.side as usize].load(Ordering::Relaxed)) => {
                view.name_unmarked(self.side);
            }
            None => {}
        }
    }

    /// Takes a name away that nobody seems to need any more: for long now marks can be had again, so that each that runs has one.
    fn forget_others(&self, monitor: &mut Monitor, elapsed: u64) {
        let name = monitor.segment.view.header().unmarked[self.side as usize].load(Ordering::Relaxed); // watched for change
        if name == 0 {
            return;
        }
        monitor.named = if name == monitor.named.0 { (name, monitor.named.1 + elapsed) } else { (name, 0) };
        if monitor.named.1 < NAMED || monitor.standing & 1 == 1 {
            return;
        }
        monitor.named = (0, 0);
        if let Some(another) = monitor.segment.mark(self.side, 0) {
            monitor.segment.unmark(another);
            monitor.segment.view.forget_named(self.side, name);
        }
    }

    /// The right to be the one thread that decides about locks, if no other has it.
    pub(super) fn try_to_decide(&self) -> Option<MutexGuard<'_, ()>> {
        match self.breaker.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Ends a disclaim before the handle takes a lock. The caller has the right to decide.
    pub(super) fn end_disclaim_of(&self, monitor: &mut Monitor) {
        if let Some(mark) = monitor.mark.filter(|mark| mark.disclaims() != 0) {
            self.mark_anew(monitor, mark);
        }
    }

    /// The same for a thread that has found its lock disputed.
    #[cold]
    pub(super) fn end_disclaim(&self) {
        let mut monitor = sync::hold(&self.monitor);
        let _one = sync::hold(&self.breaker);
        match monitor.as_mut() {
            Some(monitor) => self.end_disclaim_of(monitor),
            None => self.writer.end_disclaim(), // closed meanwhile
        }
    }

    fn mark_anew(&self, monitor: &mut Monitor, old: Mark) {
        monitor.mark = monitor.segment.mark(self.side, 0);
        if monitor.mark.is_none() {
            monitor.segment.view.name_unmarked(self.side);
        }
        monitor.segment.unmark(old); // known by the other by now
        self.writer.end_disclaim();
    }
}
