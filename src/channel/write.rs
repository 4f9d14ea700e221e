//! Publishing a message.
//!
//! Order: odd; data, size, `write_count`, `wake_seq`; even; look at `waiters`. All but the last happens under the sequence
//! lock, so two writers never mix, no count is lost, and none of it needs a locked instruction but the lock itself.
//!
//! Why no wake-up is missed: a reader raises `waiters`, loads `wake_seq`, looks for a value, and has the kernel compare
//! `wake_seq` as it puts it to sleep; it sleeps only if it saw an even sequence that it knows. Between the writer's even
//! store and its look at `waiters`, and between the reader's rise of `waiters` and its look for a value, stands a store-load
//! barrier, so one of the two sees the other. A writer that saw no `waiters` had stored its even sequence before: the
//! reader finds the value. A writer that saw them calls the kernel: if the reader is asleep by then it wakes; if it is on its
//! way, it looked before that writer's odd sequence, so before its `wake_seq`, and the kernel's compare fails.
//!
//! A reader that meets an odd sequence on its way, or may not ask the kernel for its barrier, can be missed; it is found by
//! the next tick of its own process.
//!
//! A released reader sleeps also on an odd sequence, but looks at `write_count`, which is raised before `wake_seq`.

use super::{Channel, copy};
use crate::failpoint::failpoint;
use crate::liveness::parity::difference;
use crate::segment::layout::Tail;
use crate::sync::{self, AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::{clock, futex};
use std::{mem::MaybeUninit, ptr::NonNull};

/// What a handle keeps about its own writing, outside the segment. In this order: the first two are looked at with each write.
#[repr(C)]
pub(crate) struct HeldLock {
    /// +1 as a thread of this handle begins to decide whether a lock is abandoned, and +1 as it ends; less than [`PLACES`], then 0
    /// again. Odd for longer while the handle disclaims a lock: see [`Channel::disclaim`].
    breaks: AtomicU32,
    /// The odd sequence a thread of this handle last took; it holds the lock exactly while the channel still has it. One for each
    /// `breaks` that the thread found before: the store of one that stood still since, while its lock was broken, does not
    /// hide the lock of a thread that came after. That would take half as many breakings meanwhile as there are places.
    odd: [AtomicU32; PLACES],
    /// What `breaks` was made at the last move; [`NEVER`] before the first.
    moved: AtomicU32,
    wakes: Wakes,
}

/// As many as `breaks` has values; an even number. In a model few.
const PLACES: usize = if cfg!(loom) { 6 } else { 256 };

/// No value of `breaks`.
const NEVER: u32 = u32::MAX;

impl Default for HeldLock {
    fn default() -> Self {
        HeldLock {
            breaks: AtomicU32::new(0),
            odd: std::array::from_fn(|_| AtomicU32::new(0)),
            moved: AtomicU32::new(NEVER),
            wakes: Wakes::default(),
        }
    }
}

/// The value that `breaks` has after so many more steps.
fn later(breaks: u32, steps: u32) -> u32 {
    (breaks + steps) % PLACES as u32
}

/// Remembers wake-ups that found nobody.
#[derive(Default)]
struct Wakes {
    misses: AtomicU32,
    waiters: AtomicU32,
    reads: AtomicU32,
    since: AtomicU64,
}

impl HeldLock {
    /// Whether a thread of this handle took the lock that a channel has at `odd`.
    pub(crate) fn holds(&self, odd: u32) -> bool {
        self.odd.iter().any(|taken| taken.load(Ordering::Relaxed) == odd) // stored under that very lock
    }

    /// Forgets the locks taken, on the way to another channel, with the lock of the old one or not:
    /// then a thread may have taken that and not have said so yet, and finds it disputed. The
    /// caller has the right to decide, and no disclaim goes on.
    pub(crate) fn forget(&self, is_locked: bool) {
        let breaks = self.breaks.load(Ordering::Relaxed); // one thread decides at a time
        let next = if is_locked { breaks } else { later(breaks, 2) };
        self.moved.store(next, Ordering::Relaxed); // looked at by who decides
        if !is_locked {
            self.breaks.store(next, Ordering::Relaxed);
            sync::heavy_barrier(); // as in disclaim
        }
        self.odd.iter().for_each(|odd| odd.store(0, Ordering::Relaxed));
    }

    /// Whether the handle has moved after a decision that came after a thread found `breaks`. Then
    /// a lock that it took may have been broken before the move. The caller has the right to
    /// decide.
    fn has_moved_since(&self, breaks: u32) -> bool {
        let since = |later: u32| (later + PLACES as u32 - breaks) % PLACES as u32;
        let moved = self.moved.load(Ordering::Relaxed);
        moved != NEVER && (1..=since(self.breaks.load(Ordering::Relaxed))).contains(&since(moved))
    }

    /// Ends what [`Channel::disclaim`] began. One thread at a time, as with all that decide.
    pub(crate) fn end_disclaim(&self) {
        let breaks = self.breaks.load(Ordering::Relaxed);
        if breaks & 1 == 1 {
            let next = later(breaks, 1);
            if self.moved.load(Ordering::Relaxed) == next {
                self.moved.store(NEVER, Ordering::Relaxed); // that was a whole round ago
            }
            self.breaks.store(next, Ordering::Release); // pairs with try_lock
        }
    }

    /// Where a thread that found `breaks` says which lock it took.
    #[inline(always)]
    fn odd(&self, breaks: u32) -> &AtomicU32 {
        debug_assert!((breaks as usize) < PLACES);
        // SAFETY: `breaks` comes from the word of that name or from `later`: less than PLACES.
        unsafe { self.odd.get_unchecked(breaks as usize) }
    }
}

/// The result of an attempt at the sequence lock.
pub(crate) enum Lock {
    /// Held; the odd value, for [`Channel::publish`].
    Taken(u32),
    /// Someone else's; the odd sequence seen.
    Busy(u32),
    /// Held, but another thread of this handle may be about to break it: see [`Channel::renew`].
    Disputed(Dispute),
}

/// A lock that was taken while another thread of the handle decided about it, or moved the handle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dispute {
    /// The sequence it was taken of.
    of: NonNull<AtomicU32>,
    odd: u32,
    /// As found before.
    breaks: u32,
}

impl Dispute {
    /// The sequence that it has been taken with.
    pub(crate) fn odd(self) -> u32 {
        self.odd
    }
}

/// Who pays for the store-load barrier between publishing and parking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Barrier {
    /// Readers of ours do, when they park.
    Reader,
    /// The writer does, for readers that do not know of it.
    Writer,
}

/// Looks at a message whose writer may be at work.
const LOOKS: u32 = 16;
/// Wake-ups in a row that found nobody before the kernel is asked less: a `waiters` left by a killed reader.
const MISSES: u32 = if cfg!(loom) { 1 } else { 4 }; // in models the least, to keep them small
/// Bytes from which on fetching a message's cache lines takes longer than all else.
pub(crate) const LARGE: usize = 512;
/// The longest a flat-out writer stands back for a reader that asked, in nanoseconds; for a message of more than a page so long
/// that a copy of two bytes a nanosecond is over.
const QUIET: u64 = 2_000;

impl Channel<'_> {
    /// Takes the sequence lock if it is free.
    #[inline(always)]
    pub(crate) fn try_lock(&self, held: &HeldLock) -> Lock {
        let breaks = held.breaks.load(Ordering::Acquire); // before the exchange: see try_break
        let even = self.head.sequence.load(Ordering::Relaxed); // only a guess for the exchange below
        if even & 1 == 1 {
            return Lock::Busy(even);
        }
        // Acquire pairs with the release of the previous writer's even store in publish.
        let taken = self.head.sequence.compare_exchange(even, even.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed);
        if let Err(now) = taken {
            return Lock::Busy(now | 1);
        }
        let odd = even.wrapping_add(1);
        failpoint!("write.odd");
        held.odd(breaks).store(odd, Ordering::Relaxed); // before `breaks` is looked at again
        sync::light_barrier(); // pairs with the heavy barrier of try_break
        // Not the sequence itself: a load of the word just exchanged costs half as much as the whole write.
        if breaks & 1 == 1 || held.breaks.load(Ordering::Relaxed) != breaks {
            return Lock::Disputed(Dispute { of: NonNull::from(&self.head.sequence), odd, breaks });
        }
        Lock::Taken(odd)
    }

    /// Makes a disputed lock ours for good: the odd sequence that it has then. `None` if it is
    /// broken, or may be, since the handle has moved: if it stands in the new segment after all, it
    /// is repaired as that of a dead writer. The caller has the right to decide, and no disclaim
    /// goes on.
    ///
    /// It gets another odd sequence: whoever has found that nobody holds it at the former may break
    /// that at any later time.
    #[cold]
    pub(crate) fn renew(&self, held: &HeldLock, dispute: Dispute) -> Option<u32> {
        let Dispute { of, odd, breaks } = dispute;
        // What stands there of another value is another thread's.
        let _ = held.odd(breaks).compare_exchange(odd, 0, Ordering::Relaxed, Ordering::Relaxed);
        if of != NonNull::from(&self.head.sequence) || held.has_moved_since(breaks) {
            return None;
        }
        let next = odd.wrapping_add(2);
        // Relaxed: try_lock has acquired what came before, and a broken one is no more looked at.
        self.head.sequence.compare_exchange(odd, next, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        // Counted as if it had been a message: readers tell whole ones of released writers by the
        // difference of the two, and a writer of ours by its wake-ups.
        fence(Ordering::Release); // pairs with that of a read: who sees the count sees the odd sequence
        let (writes, wakes) = (&self.tail.write_count, &self.tail.wake_seq);
        let (count, woken) = (writes.load(Ordering::Relaxed), wakes.load(Ordering::Relaxed));
        writes.store(count.wrapping_add(1), Ordering::Relaxed);
        wakes.store(woken.wrapping_add(1), Ordering::Release); // as in publish
        held.odd(held.breaks.load(Ordering::Relaxed)).store(next, Ordering::Relaxed); // looked at by who decides
        Some(next)
    }

    /// Takes over a lock that has stood at `odd` for long, from a writer of another process. The caller has shown that
    /// no such writer lives and lets only one thread of the handle in here at a time.
    ///
    /// A thread of this very handle may have taken the lock an instant ago: it stores `held.odd`, then looks at `breaks`;
    /// here `breaks` is raised, then `held.odd` looked at. The barriers between make one of the two see the other. A
    /// thread that stood still from its exchange until all this was over finds `breaks` moved since before its exchange, and its late
    /// store of `held.odd` is at a place of its own.
    pub(crate) fn try_break(&self, held: &HeldLock, odd: u32) -> Lock {
        let disclaimed = held.breaks.load(Ordering::Relaxed) & 1 == 1; // one breaker at a time
        if !self.disclaim(held, odd) {
            return Lock::Busy(odd);
        }
        let next = odd.wrapping_add(2);
        // Acquire: nothing of the new message may move before it. Its partner died without a release.
        match self.head.sequence.compare_exchange(odd, next, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                failpoint!("break.taken");
                let breaks = later(held.breaks.load(Ordering::Relaxed), 1);
                held.odd(breaks).store(next, Ordering::Relaxed);
                held.end_disclaim();
                Lock::Taken(next)
            }
            Err(now) => {
                if !disclaimed {
                    held.end_disclaim();
                }
                Lock::Busy(now | 1)
            }
        }
    }

    /// Makes sure that no thread of this handle holds the lock that has stood at `odd`, or will: until [`HeldLock::end_disclaim`]
    /// each that takes a lock gives it back. False if one does. As for [`Channel::try_break`], of which it is the first half.
    pub(crate) fn disclaim(&self, held: &HeldLock, odd: u32) -> bool {
        let breaks = held.breaks.load(Ordering::Relaxed); // one breaker at a time
        if breaks & 1 == 0 {
            held.breaks.store(later(breaks, 1), Ordering::Relaxed);
            sync::heavy_barrier(); // pairs with the light barrier of try_lock
        }
        let ours = held.odd.iter().any(|held| held.load(Ordering::Relaxed) == odd);
        if ours && breaks & 1 == 0 {
            held.end_disclaim();
        }
        !ours
    }

    /// Has the processor fetch the lines of a message of `size` bytes for writing, if it is large.
    pub(crate) fn fetch_for_writing(&self, size: usize) {
        if size >= LARGE && size <= self.capacity {
            copy::fetch_for_writing(&self.words[..size / 8]);
        }
    }

    /// Gives the lock back without a new message.
    pub(crate) fn unlock_unchanged(&self, odd: u32) {
        self.head.sequence.store(odd.wrapping_sub(1), Ordering::Release); // pairs with the acquire of try_lock
    }

    /// Gives a fresh channel the count of `old`, for released readers that remember this, as if a write were going on: they hear
    /// nothing before [`Channel::settle_after`], or the first message.
    #[cold]
    pub(crate) fn begin_after(&self, old: Channel<'_>) {
        // Relaxed, both: no reader has found this segment yet.
        self.head.sequence.store(1, Ordering::Relaxed);
        self.tail.write_count.store(old.tail.write_count.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Ends that, with the message of `old`, whose writer may be at work or dead; if that is a whole one and fits. Else it stays as
    /// it is for the first write to end. `whole` says that each even sequence is one of a whole message.
    #[cold]
    pub(crate) fn settle_after(&self, old: Channel<'_>, whole: bool) {
        for _ in 0..LOOKS {
            let before = old.head.sequence.load(Ordering::Acquire); // pairs with publish, as all of this: it is a read
            self.go_on_from(old);
            fence(Ordering::Acquire);
            let size = self.head.data_size.load(Ordering::Relaxed) as usize;
            let sound = whole || difference(before, self.tail.write_count.load(Ordering::Relaxed)) == 0;
            if before & 1 == 0 && old.head.sequence.load(Ordering::Relaxed) == before {
                if sound && size <= self.capacity.min(old.capacity) {
                    return self.head.sequence.store(0, Ordering::Release); // pairs with the acquire load in read
                }
                break;
            }
            sync::thread::yield_now();
        }
        self.head.data_size.store(0, Ordering::Relaxed);
    }

    /// Makes a fresh channel hold what `old` does, with its count, for released readers that remember this. Its sequence stays as it
    /// is, at 0: then it is nothing new to ours. The caller holds the lock of `old`, and nobody writes here yet.
    #[cold]
    pub(crate) fn go_on_from(&self, old: Channel<'_>) {
        // Relaxed, all: a released reader comes once our alive flag in the old segment falls, which is a release.
        let size = old.head.data_size.load(Ordering::Relaxed);
        for (to, from) in self.words.iter().zip(old.words).take((size as usize).div_ceil(8)) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.head.data_size.store(size, Ordering::Relaxed);
        self.tail.write_count.store(old.tail.write_count.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Writes the message and makes it the newest; the caller holds the lock at `odd` and has checked the size.
    #[inline(always)]
    pub(crate) fn publish(&self, odd: u32, message: &[MaybeUninit<u8>], held: &HeldLock, barrier: impl FnOnce() -> Barrier) {
        fence(Ordering::Release); // pairs with the acquire fence in read: who sees a new word sees the odd sequence
        #[cfg(eshm_failpoints)]
        {
            // SAFETY: shorter than the message.
            unsafe { copy::into_shared(&message[..message.len() / 2], self.words) };
            failpoint!("write.half");
        }
        // SAFETY: the caller has checked the size.
        unsafe { copy::into_shared(message, self.words) };
        failpoint!("write.copied");
        self.head.data_size.store(message.len() as u32, Ordering::Relaxed);
        failpoint!("write.sized");
        let (count, word) = (&self.tail.write_count, &self.tail.wake_seq); // but for a detach, both change under the sequence lock alone
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        failpoint!("write.counted");
        // Release pairs with a released reader's load of the word: it finds the count raised.
        word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        failpoint!("write.signalled");
        self.head.sequence.store(odd.wrapping_add(1), Ordering::Release); // pairs with the acquire load in read
        failpoint!("write.even");
        match barrier() {
            Barrier::Reader => sync::light_barrier_between(), // pairs with the heavy one in endpoint::wait
            Barrier::Writer => fence(Ordering::SeqCst),       // pairs with a released reader's locked addition
        }
        let waiters = self.tail.waiters.load(Ordering::Relaxed); // pairs with the rise in endpoint::wait, by the barrier
        let asked = self.tail.reader_waiting.load(Ordering::Relaxed); // pairs with no data: only a request
        if waiters | asked != 0 {
            attend(self.tail, message.len(), waiters, &held.wakes);
        }
        failpoint!("write.done");
    }
}

/// Does what readers ask of a writer that has just published.
#[cold]
fn attend(tail: &Tail, size: usize, waiters: u32, wakes: &Wakes) {
    if waiters != 0 {
        wake(tail, waiters, wakes);
    }
    if tail.reader_waiting.load(Ordering::Relaxed) != 0 {
        stand_back(tail, size as u64); // pairs with no data: only a request
    }
}

/// Wakes parked readers, unless the last calls found none and nothing has changed since: a reader killed while parked
/// leaves its count behind, and a system call a write is dear.
fn wake(tail: &Tail, waiters: u32, wakes: &Wakes) {
    let reads = tail.read_count.load(Ordering::Relaxed) as u32; // that it moved is all that matters
    if !wakes.is_vain((waiters, reads), clock::now) {
        wakes.learn((waiters, reads), futex::wake(&tail.wake_seq, futex::Scope::Shared));
    }
}

impl Wakes {
    /// Whether the kernel need not be asked: the last calls found nobody, the counts of waiters and reads have not changed
    /// since (a reader that came back from a read and parks again shows in the second), and the last was less than a
    /// millisecond ago.
    fn is_vain(&self, (waiters, reads): (u32, u32), now: impl FnOnce() -> u64) -> bool {
        // All of these are hints; a lost one costs a call.
        let same = self.waiters.load(Ordering::Relaxed) == waiters && self.reads.load(Ordering::Relaxed) == reads;
        if self.misses.load(Ordering::Relaxed) < MISSES || !same {
            return false;
        }
        let now = now();
        if now.wrapping_sub(self.since.load(Ordering::Relaxed)) < clock::MS {
            return true;
        }
        self.since.store(now, Ordering::Relaxed);
        false
    }

    /// A call found so many.
    fn learn(&self, (waiters, reads): (u32, u32), woken: u32) {
        let missed = self.misses.load(Ordering::Relaxed);
        self.reads.store(reads, Ordering::Relaxed);
        self.misses.store(if woken > 0 { 0 } else { missed.saturating_add(1) }, Ordering::Relaxed);
        self.waiters.store(waiters, Ordering::Relaxed);
    }
}

/// Leaves a reader that keeps losing to this writer time for one copy.
fn stand_back(tail: &Tail, size: u64) {
    let reads = tail.read_count.load(Ordering::Relaxed); // any change means it got through
    tail.reader_waiting.store(0, Ordering::Relaxed);
    let time = QUIET.max(size / 2);
    let end = clock::now() + time;
    // A reading of the clock takes more than two nanoseconds; a clock that has stopped does not hold a writer.
    for _ in 0..time / 2 {
        if tail.read_count.load(Ordering::Relaxed) != reads || clock::now() >= end {
            break;
        }
        sync::spin_loop();
    }
}

#[cfg(test)]
mod tests;
