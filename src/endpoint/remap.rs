//! Moving a handle to another segment while other threads may be reading and writing through it.
//!
//! The new segment is mapped over the address of the old one, so nobody ever touches memory that is not mapped. What
//! keeps the two apart:
//!
//! - Readers claim a value by an exchange of the cursor, whose epoch is odd during the move and another one after it: bytes
//!   copied across the move are never claimed.
//! - Writers hold the sequence lock of the segment they write to. The move takes that lock first, at the old segment, so no
//!   thread of ours is between its lock and its even store; whoever gets the lock later gets it at the new segment.
//! - Parked readers are counted; the move waits (over ticks, not in place) until none is parked on the old word.
//!
//! A segment of another capacity needs another address. The old one then stays mapped, backed by nothing: a late writer
//! stores into the void, as if just before the move.

use super::core::{Core, EPOCH, is_moving, seen};
use super::kept::{COPIED, Kept, Place};
use crate::channel::{Channel, HeldLock, Lock, Taken};
use crate::config::Side;
use crate::failpoint::failpoint;
use crate::liveness::monitor::Monitor;
use crate::log;
use crate::segment::{Segment, view::View};
use crate::sync::{self, Ordering};
use std::{sync::Arc, time::Duration};

/// Ticks after which a half-written message in our old direction, left by some dead writer, no longer holds a move up.
const BLOCKED: u32 = 20;
/// The same for a thread of ours, which is no dead writer and loses its message to the void.
const HELD_UP: u32 = 1000;
/// Looks at an unread value while its writer may be at work.
const LOOKS: u32 = 16;

impl Core {
    /// Moves to `new`, or returns it because a thread stands in the way; the next tick tries again. `leave` is run on the
    /// old segment once nothing can fail any more: by then our lock there is given back (unless there is no room to map it once
    /// more), so that the other side, which looks for what it has not read as soon as it sees us gone, finds it. On return the cursor still says that a move is going
    /// on: the caller takes its side, then calls [`Core::end_move`].
    pub(crate) fn replace_segment(
        &self,
        monitor: &mut Monitor,
        new: Segment,
        leave: impl Fn(&View, bool),
    ) -> Result<(), Segment> {
        let Some(one) = self.try_to_decide() else { return Err(new) };
        self.end_disclaim_of(monitor);
        let cursor = self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // pairs with park: it counts itself, then looks here
        if self.parked.load(Ordering::SeqCst) != 0 {
            self.announce();
            self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // undone: pairs with the loads of look and park
            return Err(new);
        }
        let locked = match self.tx().try_lock(&self.writer) {
            Lock::Taken(odd) => Some(odd),
            Lock::Busy(odd) if monitor.blocked < if self.writer.holds(odd) { HELD_UP } else { BLOCKED } => {
                monitor.blocked += 1;
                self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // undone, as above
                return Err(new);
            }
            Lock::Busy(_) | Lock::Disputed(_) => None,
        };
        failpoint!("move.locked");
        monitor.blocked = 0;
        // A claim that came before the addition above is in this cursor; none comes after.
        let beside = locked.and_then(|_| monitor.segment.mapped_again());
        let threshold = monitor.segment.threshold(); // while its view leads there
        let known = self.keep_unread(cursor, (beside.as_ref(), &monitor.segment));
        self.bring_reads();
        // Before our flag falls, which makes it follow. While the lock is held nobody writes to either.
        if locked.is_some() && self.side == Side::Master && monitor.segment.has_released_slave(Duration::ZERO) {
            let (to, from) = (new.view.channel(self.side.writes()), self.tx());
            let size = from.head.data_size.load(Ordering::Relaxed); // under the lock
            // A message that takes a while to copy is not taken along, as one that does not fit.
            if size as usize <= COPIED.min(to.capacity) { to.go_on_from(from) } else { to.begin_after(from) }
        }
        let Segment { file, id, view } = new;
        let old_view = monitor.segment.view.clone();
        if beside.is_none() {
            leave(&old_view, monitor.holds_lock); // if the lock is ours, whoever writes there next breaks it
        }
        self.writer.forget(locked.is_some());
        let view = match locked {
            Some(odd) => {
                let (view, over_old) = put_in_place(monitor, &old_view, view);
                failpoint!("move.placed");
                let old = if over_old { beside.as_ref() } else { Some(&old_view) };
                if let Some(old) = old {
                    old.channel(self.side.writes()).unlock_unchanged(odd);
                }
                if let Some(beside) = &beside {
                    leave(beside, monitor.holds_lock);
                }
                if !over_old {
                    // On failure the old file stays mapped until close: no spare, as others may use it.
                    let unused =
                        if old_view.detach_from_file().is_ok() { &mut monitor.spares } else { &mut monitor.retired };
                    unused.push(old_view);
                }
                view
            }
            None => {
                // A thread of ours might be in there after all: that address is never used again.
                let _ = old_view.detach_from_file();
                monitor.retired.push(old_view);
                view
            }
        };
        self.publish_view(&view);
        let old = std::mem::replace(&mut monitor.segment, Segment { file, id, view });
        drop(one);
        old.give_locks_back();
        let beside = if self.side == Side::Master { monitor.left.begin(beside, known, threshold) } else { beside };
        self.let_go(old.view.layout, Some(old.file), beside);
        Ok(())
    }

    /// Opens the new segment to readers, from `baseline` on.
    pub(crate) fn end_move(&self, baseline: u32) {
        let epoch = (self.cursor.load(Ordering::Relaxed) | (EPOCH - 1)).wrapping_add(1); // only we change it now
        self.warned.store(false, Ordering::Relaxed); // a hint
        self.cursor.store(epoch | u64::from(baseline), Ordering::SeqCst); // pairs with look's acquire: the new bytes are there
        self.announce();
    }

    /// Ends reading from the segment for good: of what is written there from now on nothing is handed out any more.
    pub(crate) fn end_reading(&self, segment: &Segment) {
        // Like a move that never ends; pairs with look's claim, which fails from here on.
        let cursor = self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // and is not ended
        self.keep_unread(cursor, (None, segment));
        self.bring_reads();
    }

    /// Saves a value that nobody has read yet, before the segment is left; what is known by then,
    /// as for [`Core::keep`].
    fn keep_unread(&self, cursor: u64, place: (Option<&Arc<View>>, &Segment)) -> (u32, u64) {
        (self.keep(self.rx(), (seen(cursor), None), cursor, place), self.parity_now())
    }

    /// Saves a value of `rx` after the sequence `seen`, if it is whole by a word of
    /// [`Parity`](crate::liveness::parity::Parity), or by what is known now: a large one in the
    /// mapping `view`, or another of `segment`. It is one of the epoch of `cursor`. Returns the
    /// sequence up to which there is nothing more to save.
    ///
    /// In a move nothing is claimed meanwhile. After it, the value is saved only if nothing was
    /// claimed at the new segment since `cursor`, and an epoch begins: whoever claims something
    /// then finds the value, which is older, and drops it.
    pub(super) fn keep(
        &self,
        rx: Channel<'_>,
        (seen, whole): (u32, Option<u64>),
        cursor: u64,
        (view, segment): (Option<&Arc<View>>, &Segment),
    ) -> u32 {
        let mut copy = Vec::new();
        for _ in 0..LOOKS {
            let (sequence, place) = match rx.take_rarely(seen, copy.spare_capacity_mut()) {
                Taken::Value { size, sequence } => {
                    // SAFETY: take initialised so many bytes.
                    unsafe { copy.set_len(size) };
                    (sequence, Place::Copy(std::mem::take(&mut copy)))
                }
                Taken::TooSmall { needed, sequence } if needed <= COPIED => match copy.try_reserve_exact(needed) {
                    Ok(()) => continue,
                    Err(_) => return self.lose(needed, sequence),
                },
                Taken::TooSmall { needed, sequence } => {
                    // Its bytes are read later.
                    let view = view.cloned().or_else(|| segment.mapped_again());
                    let Some(view) = view else { return self.lose(needed, sequence) };
                    (sequence, Place::There(view, sequence))
                }
                Taken::Torn => continue,
                _ => return seen,
            };
            // Only now: the look above shows who wrote it.
            if !rx.is_whole_by(whole.unwrap_or_else(|| self.parity_now()), sequence) {
                return seen;
            }
            let mut kept = sync::lock(&self.kept);
            self.has_kept.store(true, Ordering::Release); // pairs with look_at_kept, which waits for the mutex
            let next = cursor.wrapping_add(2 * EPOCH);
            // Only a tick, as this is, begins a move. Acquire and release pair with the claims:
            // those before make this fail, those after find the new epoch and `has_kept`.
            if !is_moving(self.cursor.load(Ordering::Relaxed))
                && self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed).is_err()
            {
                self.has_kept.store(kept.is_some(), Ordering::Relaxed); // under the mutex
                return seen;
            }
            let before = kept.replace(Kept { cursor, place });
            drop(kept);
            if let Some(Kept { place: Place::There(view, _), .. }) = before {
                self.let_go(view.layout, None, Some(view));
            }
            return sequence;
        }
        seen
    }

    #[cold]
    fn lose(&self, size: usize, sequence: u32) -> u32 {
        log::warning!(
            "{self}: an unread message of {size} bytes is lost: there is no memory to keep it; read before the master ends"
        );
        sequence
    }
}

/// Maps `new` over the old view, or over a spare one of its layout, or leaves it where it is. True if over the old one.
fn put_in_place(monitor: &mut Monitor, old: &Arc<View>, new: Arc<View>) -> (Arc<View>, bool) {
    let new = match Arc::try_unwrap(new) {
        Ok(view) => view,
        Err(shared) => return (shared, false),
    };
    let layout = new.layout;
    let spare = monitor.spares.iter().position(|spare| spare.layout == layout && is_unused(spare));
    let target = match spare {
        _ if old.layout == layout => old.clone(),
        Some(at) => monitor.spares.swap_remove(at),
        None => return (Arc::new(new), false),
    };
    match new.move_over(&target) {
        Ok(()) => {
            let over_old = Arc::ptr_eq(&target, old);
            (target, over_old)
        }
        Err(new) => {
            if !Arc::ptr_eq(&target, old) {
                monitor.retired.push(target);
            }
            (Arc::new(new), false)
        }
    }
}

/// Whether no late writer is at work in a spare view; if so, its channels are locked against new ones.
fn is_unused(spare: &View) -> bool {
    let nobody = HeldLock::default();
    let locks = [0, 1].map(|which| spare.channel(which).try_lock(&nobody));
    if locks.iter().all(|lock| matches!(lock, Lock::Taken(_))) {
        return true;
    }
    for (which, lock) in locks.iter().enumerate() {
        if let Lock::Taken(odd) = lock {
            spare.channel(which).unlock_unchanged(*odd);
        }
    }
    false
}

#[cfg(all(test, not(loom), not(miri)))]
mod late_writers;
