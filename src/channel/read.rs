//! Taking the newest message. One attempt, never a loop: the caller decides what a miss is worth.

use super::{Channel, copy};
use crate::liveness::parity::{Parity, difference};
use crate::sync::{Ordering, fence};
use std::mem::MaybeUninit;

/// The result of one attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A whole message of this many bytes, at this sequence. It is new; whether it is this caller's is not decided yet.
    Value { size: usize, sequence: u32 },
    /// A message that needs a larger buffer, at this sequence.
    TooSmall { needed: usize, sequence: u32 },
    /// Nothing after the one already seen.
    Nothing,
    /// A write is going on, or was never finished.
    InProgress,
    /// A write came between; look again.
    Torn,
    /// A size that cannot be, at this sequence: hostile or broken bytes.
    Unsound { sequence: u32, size: u32 },
}

impl Channel<'_> {
    /// Copies the newest message into `buffer` if its sequence differs from `seen`. The buffer's bytes mean something only
    /// with [`Taken::Value`].
    #[inline(always)]
    pub(crate) fn take(&self, seen: u32, buffer: &mut [MaybeUninit<u8>]) -> Taken {
        let before = self.head.sequence.load(Ordering::Acquire); // pairs with the release of the even store in publish
        if before == seen {
            return Taken::Nothing;
        }
        if before & 1 == 1 {
            return Taken::InProgress;
        }
        // Read once: what is checked is what is used.
        let size = self.head.data_size.load(Ordering::Relaxed);
        let bytes = size as usize;
        if bytes <= self.capacity && bytes <= buffer.len() {
            // SAFETY: checked against both just now.
            unsafe { copy::out_of_shared(self.words, buffer.get_unchecked_mut(..bytes)) };
        }
        fence(Ordering::Acquire); // pairs with the release fence in publish: a word of a later write shows its odd sequence
        if self.head.sequence.load(Ordering::Relaxed) != before {
            return Taken::Torn;
        }
        if bytes > self.capacity {
            Taken::Unsound { sequence: before, size }
        } else if bytes > buffer.len() {
            Taken::TooSmall { needed: bytes, sequence: before }
        } else {
            Taken::Value { size: bytes, sequence: before }
        }
    }

    /// [`Channel::take`], once in the library: where nanoseconds do not count.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_rarely(&self, seen: u32, buffer: &mut [MaybeUninit<u8>]) -> Taken {
        self.take(seen, buffer)
    }

    /// Whether the sequence still stands and its [`difference`] to the count of writes is one of a whole message.
    #[inline(always)] // or the registers that a call costs are saved in each read
    pub(crate) fn is_whole(&self, sequence: u32, whole: impl FnOnce(u32) -> bool) -> bool {
        let writes = self.tail.write_count.load(Ordering::Acquire); // pairs with a writer's; before the sequence again
        self.head.sequence.load(Ordering::Relaxed) == sequence && whole(difference(sequence, writes))
    }

    /// The same by a word of [`Parity`].
    #[inline(never)]
    pub(crate) fn is_whole_by(&self, word: u64, sequence: u32) -> bool {
        Parity::is_any(word) || self.is_whole(sequence, |d| Parity::allows(word, d))
    }

    /// Whether an attempt could give something that is not `seen`.
    #[inline]
    pub(crate) fn has_news(&self, seen: u32) -> bool {
        let now = self.head.sequence.load(Ordering::Acquire); // pairs with publish; the value itself is taken later
        now != seen && now & 1 == 0
    }

    /// The sequence of the last message that was complete; a write going on now will be news.
    pub(crate) fn baseline(&self) -> u32 {
        self.head.sequence.load(Ordering::Acquire) & !1 // pairs with publish
    }

    /// Counts a successful read. Without a locked instruction: two readers at once may count as one.
    #[inline]
    pub(crate) fn count_read(&self) {
        let count = &self.tail.read_count;
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed); // a statistic, ordered with nothing
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Barrier, HeldLock, Lock, heap::Owned};
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32};

    fn bytes(text: &[u8]) -> Vec<MaybeUninit<u8>> {
        text.iter().map(|&b| MaybeUninit::new(b)).collect()
    }

    fn write(channel: Channel<'_>, held: &HeldLock, message: &[u8]) {
        let Lock::Taken(odd) = channel.try_lock(held) else { panic!("busy") };
        channel.publish(odd, &bytes(message), held, || Barrier::Writer);
    }

    fn read(channel: Channel<'_>, seen: u32) -> (Taken, Vec<u8>) {
        let mut buffer = vec![MaybeUninit::new(0); 64];
        let taken = channel.take(seen, &mut buffer);
        let size = if let Taken::Value { size, .. } = taken { size } else { 0 };
        // SAFETY: initialised above.
        (taken, buffer[..size].iter().map(|b| unsafe { b.assume_init() }).collect())
    }

    #[test]
    fn a_value_is_new_until_its_sequence_was_seen() {
        let (owned, held) = (Owned::new(100), HeldLock::default());
        let channel = owned.channel();
        assert_eq!(read(channel, 0).0, Taken::Nothing);
        write(channel, &held, b"one");
        assert_eq!(read(channel, 0), (Taken::Value { size: 3, sequence: 2 }, b"one".to_vec()));
        assert_eq!(read(channel, 2).0, Taken::Nothing);
        write(channel, &held, b"");
        assert_eq!(read(channel, 2), (Taken::Value { size: 0, sequence: 4 }, vec![]));
        assert_eq!(channel.tail.write_count.load(Ordering::Relaxed), 2);
        assert_eq!(channel.tail.wake_seq.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn sizes_are_checked_before_any_copy() {
        let (owned, held) = (Owned::new(100), HeldLock::default());
        let channel = owned.channel();
        write(channel, &held, &[7; 80]);
        assert_eq!(read(channel, 0).0, Taken::TooSmall { needed: 80, sequence: 2 });
        for size in [101, 0x7fff_ffff, u32::MAX] {
            channel.head.data_size.store(size, Ordering::Relaxed);
            assert_eq!(read(channel, 0).0, Taken::Unsound { sequence: 2, size });
        }
    }

    #[test]
    fn an_abandoned_lock_goes_from_odd_through_odd_plus_two_to_even() {
        let (owned, dead, held) = (Owned::new(100), HeldLock::default(), HeldLock::default());
        let channel = owned.channel();
        let Lock::Taken(odd) = channel.try_lock(&dead) else { panic!("busy") };
        assert_eq!(read(channel, 0).0, Taken::InProgress);
        assert!(matches!(channel.try_lock(&held), Lock::Busy(now) if now == odd));
        assert!(matches!(channel.try_break(&dead, odd), Lock::Busy(_)), "a thread of the same handle is writing");
        let Lock::Taken(next) = channel.try_break(&held, odd) else { panic!("not broken") };
        assert_eq!(next, odd + 2);
        assert!(matches!(channel.try_break(&dead, odd), Lock::Busy(_)), "only once");
        channel.publish(next, &bytes(b"whole"), &held, || Barrier::Writer);
        assert_eq!(read(channel, 0), (Taken::Value { size: 5, sequence: 4 }, b"whole".to_vec()));
    }

    #[test]
    fn the_sequence_may_wrap_around() {
        let (owned, held) = (Owned::new(16), HeldLock::default());
        let channel = owned.channel();
        channel.head.sequence.store(u32::MAX - 1, Ordering::Relaxed);
        write(channel, &held, b"x");
        assert_eq!(read(channel, u32::MAX - 1), (Taken::Value { size: 1, sequence: 0 }, b"x".to_vec()));
    }

    #[test]
    fn writers_and_readers_at_once_never_mix_messages() {
        let (owned, held, stop, seen) = (Owned::new(64), HeldLock::default(), AtomicBool::new(false), AtomicU32::new(0));
        let channel = owned.channel();
        let rounds = if cfg!(miri) { 30 } else { 20_000 };
        std::thread::scope(|scope| {
            let writers: Vec<_> = (1..=2_u8)
                .map(|byte| {
                    let held = &held;
                    scope.spawn(move || {
                        for round in 0..rounds {
                            let message = vec![byte; 9 + round % 50];
                            loop {
                                if let Lock::Taken(odd) = channel.try_lock(held) {
                                    break channel.publish(odd, &bytes(&message), held, || Barrier::Writer);
                                }
                                std::thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let (taken, message) = read(channel, 0);
                        if let Taken::Value { .. } = taken {
                            assert!(message.iter().all(|&b| b == message[0]), "torn: {message:?}");
                            seen.fetch_add(1, Ordering::Relaxed);
                        }
                        std::thread::yield_now();
                    }
                });
            }
            for writer in writers {
                writer.join().expect("a writer");
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(channel.tail.write_count.load(Ordering::Relaxed), 2 * rounds as u64, "a count was lost");
        assert_eq!(channel.head.sequence.load(Ordering::Relaxed), 4 * rounds as u32, "parity drifted");
    }
}
