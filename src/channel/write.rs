//! Publishing a message.
//!
//! Order: odd; data, size, `write_count`; even; `wake_seq`; look at `waiters`. All but the last two happen under the
//! sequence lock, so two writers never mix and no count is lost; `wake_seq` moves after the value is out, so that a reader
//! that looked before it and then parks is refused by the kernel's compare.

use super::{Channel, copy};
use crate::sync::{self, AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::{clock, futex};
use std::mem::MaybeUninit;

/// What a handle keeps about its own writing, outside the segment.
#[derive(Default)]
pub(crate) struct HeldLock {
    /// The odd sequence a thread of this handle last took. It holds the lock exactly while the channel still has it.
    odd: AtomicU32,
    /// Not 0 while a thread of this handle decides whether a lock is abandoned.
    breaking: AtomicU32,
    wakes: Wakes,
}

/// Remembers wake-ups that found nobody.
#[derive(Default)]
struct Wakes {
    misses: AtomicU32,
    waiters: AtomicU32,
    since: AtomicU64,
}

impl HeldLock {
    /// Forgets the lock last held. Only while the caller holds the channel's lock, on its way to another channel.
    pub(crate) fn forget(&self) {
        self.odd.store(0, Ordering::Relaxed); // no thread of this handle can store here meanwhile
    }
}

/// The result of an attempt at the sequence lock.
pub(crate) enum Lock {
    /// Held; the odd value, for [`Channel::publish`].
    Taken(u32),
    /// Someone else's; the odd sequence seen.
    Busy(u32),
}

/// Wake-ups in a row that found nobody before the kernel is asked less: a `waiters` left by a killed reader.
const MISSES: u32 = 4;
/// The longest a flat-out writer stands back for a reader that asked, in nanoseconds.
const QUIET: u64 = 2_000;

impl Channel<'_> {
    /// Takes the sequence lock if it is free.
    #[inline]
    pub(crate) fn try_lock(&self, held: &HeldLock) -> Lock {
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
        held.odd.store(odd, Ordering::Relaxed); // before `breaking` is looked at: see try_break
        sync::light_barrier(); // pairs with the heavy barrier of try_break
        if held.breaking.load(Ordering::Acquire) != 0 {
            return self.await_breaker(held, odd); // pairs with the end of try_break
        }
        // A breaker that was here and gone while we stood still before the store above: its end is what was acquired.
        match self.head.sequence.load(Ordering::Relaxed) {
            still if still == odd => Lock::Taken(odd),
            broken => Lock::Busy(broken | 1),
        }
    }

    /// A thread of this handle is about to break a lock and may not have seen that this one was just taken.
    #[cold]
    fn await_breaker(&self, held: &HeldLock, odd: u32) -> Lock {
        while held.breaking.load(Ordering::Acquire) != 0 {
            std::thread::yield_now(); // pairs with the release store that ends try_break
        }
        match self.head.sequence.load(Ordering::Acquire) {
            still if still == odd => Lock::Taken(odd), // pairs with nobody: the lock is our own
            broken => Lock::Busy(broken | 1),
        }
    }

    /// Takes over a lock that has stood at `odd` for long, from a writer of another process. The caller has shown that
    /// no such writer lives and lets only one thread of the handle in here at a time.
    ///
    /// A thread of this very handle may have taken the lock an instant ago: it stores `held.odd`, then looks at
    /// `breaking`; here `breaking` is stored, then `held.odd` looked at. The barriers between make one of the two see
    /// the other; and if it looks only after this is over, it finds the sequence moved.
    pub(crate) fn try_break(&self, held: &HeldLock, odd: u32) -> Lock {
        held.breaking.store(1, Ordering::Relaxed);
        sync::heavy_barrier(); // pairs with the light barrier of try_lock
        let next = odd.wrapping_add(2);
        let ours = held.odd.load(Ordering::Relaxed) == odd;
        let result = if ours {
            Lock::Busy(odd)
        } else {
            // Acquire: nothing of the new message may move before it. Its partner died without a release.
            match self.head.sequence.compare_exchange(odd, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    held.odd.store(next, Ordering::Relaxed);
                    Lock::Taken(next)
                }
                Err(now) => Lock::Busy(now | 1),
            }
        };
        held.breaking.store(0, Ordering::Release); // pairs with await_breaker
        result
    }

    /// Gives the lock back without a new message.
    pub(crate) fn unlock_unchanged(&self, odd: u32) {
        self.head.sequence.store(odd.wrapping_sub(1), Ordering::Release); // pairs with the acquire of try_lock
    }

    /// Writes the message and makes it the newest; the caller holds the lock at `odd` and has checked the size.
    #[inline]
    pub(crate) fn publish(&self, odd: u32, message: &[MaybeUninit<u8>], held: &HeldLock) {
        assert!(message.len() <= self.capacity);
        fence(Ordering::Release); // pairs with the acquire fence in read: who sees a new word sees the odd sequence
        copy::into_shared(message, self.words);
        self.head.data_size.store(message.len() as u32, Ordering::Relaxed);
        let count = &self.tail.write_count; // no locked instruction: under the sequence lock
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.head.sequence.store(odd.wrapping_add(1), Ordering::Release); // pairs with the acquire load in read
        // The one full barrier: the even sequence and wake_seq are out before `waiters` is read. A reader raises `waiters`
        // and then has the kernel compare wake_seq; so it finds wake_seq moved, or we find its `waiters`.
        self.tail.wake_seq.fetch_add(1, Ordering::SeqCst);
        let waiters = self.tail.waiters.load(Ordering::SeqCst); // pairs with the increment in endpoint::wait
        let asked = self.tail.reader_waiting.load(Ordering::Relaxed) != 0; // pairs with no data: only a request
        if waiters != 0 {
            self.wake(waiters, &held.wakes);
        }
        if asked {
            self.stand_back();
        }
    }

    /// Wakes parked readers, unless the last calls found none and nothing has changed since: a reader killed while parked
    /// leaves its count behind, and a system call a write is dear.
    #[cold]
    fn wake(&self, waiters: u32, wakes: &Wakes) {
        let now = clock::now();
        let missed = wakes.misses.load(Ordering::Relaxed); // these three are hints; a lost one costs a call
        if missed >= MISSES
            && wakes.waiters.load(Ordering::Relaxed) == waiters
            && now.wrapping_sub(wakes.since.load(Ordering::Relaxed)) < clock::MS
        {
            return;
        }
        let woken = futex::wake(&self.tail.wake_seq, futex::Scope::Shared);
        wakes.misses.store(if woken > 0 { 0 } else { missed.saturating_add(1) }, Ordering::Relaxed);
        wakes.waiters.store(waiters, Ordering::Relaxed);
        wakes.since.store(now, Ordering::Relaxed);
    }

    /// Leaves a reader that keeps losing to this writer time for one copy.
    #[cold]
    fn stand_back(&self) {
        let reads = self.tail.read_count.load(Ordering::Relaxed); // any change means it got through
        self.tail.reader_waiting.store(0, Ordering::Relaxed);
        let end = clock::now() + QUIET;
        while self.tail.read_count.load(Ordering::Relaxed) == reads && clock::now() < end {
            sync::spin_loop();
        }
    }
}
