//! How a read waits: spin, then park until the writer's signal, or look now and then where none will come.
//!
//! A parked reader needs no wake-ups of its own: the service thread looks after it once a tick, so a signal that never
//! comes, or is lost because its sender was killed, costs a millisecond. Every sleep has an end all the same.

use super::core::{Core, State, is_moving, seen};
use super::read::Deadline;
use super::spin::Budget;
use crate::config::WakeupMode;
use crate::failpoint::failpoint;
use crate::liveness::signalling::Signals;
use crate::segment::peer::threshold;
use crate::sync::{self, AtomicU32, Ordering};
use crate::sys::{
    clock::{self, MS},
    futex,
};
use std::time::Duration;

/// Looks between two readings of the clock while spinning.
const LOOKS: u32 = 32;
/// Between two looks at a peer that does not signal.
const POLL: Duration = Duration::from_micros(100);
/// The longest park where the service thread looks after readers.
const SLICE: u64 = 1000 * MS;
/// The longest where there is none, and the peer's signals cannot be relied on: the reader beats and checks itself.
const SLICE_ALONE: u64 = MS;
/// The same while there is no peer: one that comes is seen as soon, and its first message, where it does not signal.
const SLICE_ABSENT: u64 = 10 * MS;
/// The same where the peer signals, and the threshold is no reason to be sooner.
const SLICE_SIGNALLED: u64 = 50 * MS;
/// Slices in one threshold: our heartbeats come so often, at least.
const SLICES: u64 = 4;

/// Subtracts 1 unless it is 0 already: a new reader may have set it to 0 on behalf of a dead one.
fn decrement(waiters: &AtomicU32) {
    // SeqCst: in one order with the increment and the writer's look.
    let _ = waiters.fetch_update(Ordering::SeqCst, Ordering::Relaxed, |count| count.checked_sub(1));
}

impl Core {
    /// Sleeps a while, at most until `end`: returns when something may have changed, in any case soon. True if a signal handler
    /// ended the sleep.
    pub(crate) fn pause(&self, end: u64, unsound: Option<u32>) -> bool {
        let slice = if self.threads { SLICE } else { self.slice_alone(unsound) };
        let now = clock::now();
        let end = end.min(now + slice);
        if end <= now {
            return false;
        }
        let signalled = self.sleep_until(end, unsound);
        if !self.threads {
            self.tick_after(slice);
        }
        signalled
    }

    /// How long a reader without the service thread may sleep.
    fn slice_alone(&self, unsound: Option<u32>) -> u64 {
        let (view, other) = (self.view(), self.side.other());
        let quarter = u64::from(threshold(view.header().stale_threshold.load(Ordering::Relaxed))) * MS / SLICES; // a setting
        let most = match self.state() {
            State::Reconnecting => self.slice_detached(),
            State::GaveUp | State::Stopped => SLICE_ABSENT,
            State::Moving | State::Closing => SLICE_ALONE,
            State::Attached | State::Ousted if self.is_deserted() => SLICE_ABSENT,
            State::Attached | State::Ousted if unsound.is_some() => SLICE_ALONE,
            State::Attached | State::Ousted if self.is_signalled() || view.is_ours(other) => SLICE_SIGNALLED,
            State::Attached | State::Ousted => SLICE_ALONE,
        };
        most.min(quarter)
    }

    /// The same without a master: until the next attempt to find one, and no longer than until an old one that comes back is seen.
    fn slice_detached(&self) -> u64 {
        match sync::hold(&self.monitor).as_ref() {
            Some(monitor) if monitor.pending.is_none() && !monitor.is_preparing() => match self.settings.retry_interval_ms {
                0 => SLICE_ABSENT,
                interval => SLICE_ABSENT.min(u64::from(interval) * MS),
            },
            _ => SLICE_ALONE, // a move that is held up, or prepared
        }
    }

    /// Whether the peer has left, or is stale: nobody is about to write.
    fn is_deserted(&self) -> bool {
        let flag = &self.view().header().alive[self.side.other() as usize];
        flag.load(Ordering::Relaxed) == 0 || !self.remote_alive.load(Ordering::Relaxed) // looked at before each sleep
    }

    /// Whether the peer has shown that it wakes parked readers.
    fn is_signalled(&self) -> bool {
        self.signals.load(Ordering::Relaxed) == Signals::Yes as u32 // a hint
    }

    /// The sleep itself.
    fn sleep_until(&self, end: u64, unsound: Option<u32>) -> bool {
        let now = clock::now();
        let polling = self.mode.load(Ordering::Relaxed) == WakeupMode::Poll as u32 // settings and lessons: only hints
            || self.signals.load(Ordering::Relaxed) == Signals::No as u32 && (self.threads || !self.is_deserted());
        match self.state() {
            State::Attached | State::Ousted if polling => {
                clock::sleep(POLL.min(Duration::from_nanos(end.saturating_sub(now))));
                false
            }
            State::Attached | State::Ousted => self.park(end, unsound),
            _ => self.await_event(end),
        }
    }

    /// Spins while nothing is new and `state` lasts; true if something is.
    #[inline]
    pub(crate) fn spin(&self, budget: Budget, state: State, unsound: Option<u32>, deadline: &mut Deadline) -> bool {
        if budget.nanoseconds == 0 {
            return false;
        }
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with replace_segment
        let rx = self.rx();
        let (mut end, mut prepared) = (None, false);
        // So many times are never needed, unless the clock has stopped.
        for _ in 0..=budget.nanoseconds / u64::from(LOOKS) {
            for _ in 0..LOOKS {
                let now = rx.head.sequence.load(Ordering::Acquire); // pairs with publish; the value itself is taken later
                if now & 1 == 0 && now != seen(cursor) && Some(now) != unsound {
                    return true;
                }
                if now & 1 == 1 && !prepared {
                    prepared = true;
                    self.prepare_answer();
                }
                sync::spin_loop();
            }
            let now = clock::now();
            // A handle without threads beats and checks in between.
            let most = if self.threads { budget.nanoseconds } else { budget.nanoseconds.min(SLICE_ALONE) };
            let end = *end.get_or_insert_with(|| deadline.end(now).min(now.saturating_add(most)));
            // Relaxed: pairs with interrupt, which goes on until this thread has left; the next look at it decides.
            if now >= end || self.state() != state || self.interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
        false
    }

    /// The peer has begun to write, so it is done with our last message. If that was an answer to its last, and a large one,
    /// then fetching its cache lines back now saves the next answer the wait for them.
    #[cold]
    fn prepare_answer(&self) {
        let tx = self.tx();
        let sequence = tx.head.sequence.load(Ordering::Relaxed); // this and the size are hints
        if self.answered.swap(sequence, Ordering::Relaxed) != sequence {
            tx.fetch_for_writing(tx.head.data_size.load(Ordering::Relaxed) as usize);
        }
    }

    /// Parks on the segment's futex word.
    fn park(&self, end: u64, unsound: Option<u32>) -> bool {
        let mut signalled = false;
        // Counted in the process before the cursor is looked at: replace_segment marks the cursor, then looks at the count,
        // so one of the two sees the other, and nobody sleeps on a word that is being replaced.
        self.parked.fetch_add(1, Ordering::SeqCst);
        let cursor = self.cursor.load(Ordering::SeqCst);
        if !is_moving(cursor) && matches!(self.state(), State::Attached | State::Ousted) {
            let rx = self.rx();
            rx.tail.waiters.fetch_add(1, Ordering::SeqCst); // pairs with the look at `waiters` in publish
            failpoint!("park.counted");
            sync::heavy_barrier_between(); // pairs with the light one in publish
            let word = rx.tail.wake_seq.load(Ordering::Acquire); // before the last look: pairs with publish
            let now = rx.head.sequence.load(Ordering::Acquire); // pairs with publish
            // A write that is going on now may look at `waiters` before the kernel has us asleep: the tick's to find.
            if now & 1 == 1 || now == seen(cursor) || Some(now) == unsound {
                failpoint!("park.looked");
                // Without a service thread nobody would find that write; of a dead writer none comes.
                let soon = !self.threads && now & 1 == 1 && !self.is_deserted();
                let end = if soon { end.min(clock::now() + SLICE_ALONE) } else { end };
                signalled = futex::wait(&rx.tail.wake_seq, word, Some(end), futex::Scope::Shared);
            }
            failpoint!("park.woken");
            decrement(&rx.tail.waiters);
        } else {
            sync::spin_loop(); // the move is about to end
        }
        // Pairs with replace_segment's look: who sees the count gone finds the old word's `waiters` lowered. Release would do.
        self.parked.fetch_sub(1, Ordering::SeqCst);
        signalled
    }

    /// Sleeps until the handle's state changes.
    fn await_event(&self, end: u64) -> bool {
        let event = self.event.load(Ordering::SeqCst); // before the state: pairs with announce
        !matches!(self.state(), State::Attached | State::Ousted | State::Closing)
            && futex::wait(&self.event, event, Some(end), futex::Scope::Private)
    }

    /// Wakes parked readers that have a reason to be awake; once a tick. While the handle
    /// `looks_back` a kept value is one: who looked before it was kept may be about to sleep.
    pub(crate) fn look_after_parked(&self, looks_back: bool) {
        if self.parked.load(Ordering::SeqCst) == 0 {
            return;
        }
        let rx = self.rx();
        let late = looks_back && self.has_kept.load(Ordering::Relaxed); // stored by this very tick, or an earlier one
        let news = late || rx.has_news(seen(self.cursor.load(Ordering::Acquire))); // pairs with a reader's claim
        if news || !matches!(self.state(), State::Attached | State::Ousted) {
            futex::wake(&rx.tail.wake_seq, futex::Scope::Shared);
        }
    }
}
