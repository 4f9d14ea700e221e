//! Reading: one look at the channel when a value is there, and waiting when it is not.

use super::core::{Core, EPOCH, State, is_moving, seen};
use crate::channel::Taken;
use crate::error::Error;
use crate::liveness::parity::Parity;
use crate::sync::{self, Ordering};
use crate::sys::clock::{self, MS};
use std::mem::MaybeUninit;

/// How long a read may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timeout {
    /// Not at all.
    None,
    /// Until this instant of [`clock::now`].
    Until(u64),
    /// For ever.
    Infinite,
}

impl Timeout {
    /// From now on.
    pub(crate) fn after_ms(ms: u32) -> Timeout {
        match ms {
            0 => Timeout::None,
            u32::MAX => Timeout::Infinite,
            ms => Timeout::Until(clock::now() + u64::from(ms) * MS),
        }
    }
}

/// What one look gave the caller.
pub(crate) enum Look {
    Done(Result<usize, Error>),
    /// Nothing new, or nothing sound; of an unsound message its sequence, which is no reason not to sleep.
    Miss {
        unsound: Option<u32>,
    },
    /// A write is going on or came between.
    Again,
}

/// Looks of a read that must not wait, while a write is going on: a copy takes less.
const LOOKS: u32 = 64;
/// Looks lost to a flat-out writer before the reader asks it for a quiet moment.
const LOSSES: u32 = 8;

impl Core {
    /// Copies the newest value not yet read into `buffer`; its size. Without waiting; `None` if there is none.
    #[inline]
    pub(crate) fn read_now(&self, buffer: &mut [MaybeUninit<u8>]) -> Option<Result<usize, Error>> {
        if !self.is_plain() {
            return None;
        }
        match self.look(buffer) {
            Look::Done(result) => Some(result),
            _ => None,
        }
    }

    /// One look at the channel.
    #[inline]
    pub(crate) fn look(&self, buffer: &mut [MaybeUninit<u8>]) -> Look {
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with the end of replace_segment
        if is_moving(cursor) {
            return Look::Miss { unsound: None };
        }
        let rx = self.rx();
        match rx.take(seen(cursor), buffer) {
            Taken::Nothing => Look::Miss { unsound: None },
            Taken::Value { size, sequence } => {
                let parity = self.parity.load(Ordering::Acquire); // pairs with look_at_remote
                if !Parity::is_any(parity) && !rx.is_whole(sequence, |d| Parity::allows(parity, d)) {
                    return Look::Miss { unsound: Some(sequence) };
                }
                let next = cursor & !(EPOCH - 1) | u64::from(sequence);
                // The claim: fails if another thread took this value or the segment was replaced meanwhile, whose
                // bytes these may then be. Orders with replace_segment's additions to the same word.
                if self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                    return Look::Again;
                }
                rx.count_read();
                if self.has_kept.load(Ordering::Relaxed) {
                    self.drop_kept(cursor); // only a hint; the mutex orders
                }
                Look::Done(Ok(size))
            }
            Taken::TooSmall { needed } if self.cursor.load(Ordering::Acquire) == cursor => {
                Look::Done(Err(Error::BufferTooSmall { size: needed }))
            }
            Taken::Unsound { sequence, size } => {
                self.report_unsound(size);
                Look::Miss { unsound: Some(sequence) }
            }
            Taken::TooSmall { .. } | Taken::InProgress | Taken::Torn => Look::Again,
        }
    }

    /// The whole of a read that the first look did not end. The caller has counted itself into `inside`.
    #[cold]
    pub(crate) fn read_slow(&self, buffer: &mut [MaybeUninit<u8>], timeout: Timeout) -> Result<usize, Error> {
        if self.is_inherited() {
            return Err(Error::NotInitialized);
        }
        if !self.threads {
            self.tick_inline();
        }
        let (mut looks, mut spun) = (0, false);
        loop {
            // The state first: what it ends is only ended if no value came before.
            let state = self.state();
            if state == State::Closing {
                return Err(Error::NotInitialized);
            }
            let look = self.look(buffer);
            let unsound = match look {
                Look::Done(result) => return result,
                Look::Miss { unsound } => unsound,
                Look::Again => {
                    looks += 1;
                    if looks % LOSSES == 0 {
                        self.rx().tail.reader_waiting.store(1, Ordering::Relaxed); // a request, ordered with nothing
                    }
                    if timeout == Timeout::None && looks < LOOKS {
                        sync::spin_loop();
                        continue;
                    }
                    None
                }
            };
            if let Some(result) = self.take_kept(buffer) {
                return result;
            }
            if state == State::Stopped {
                return Err(Error::MasterStale);
            }
            let expired = match timeout {
                Timeout::None => return Err(Error::NoData),
                Timeout::Until(end) => clock::now() >= end,
                Timeout::Infinite => false,
            };
            if expired {
                return Err(Error::Timeout);
            }
            // Once a read: a value that did not come while spinning is not about to.
            if spun || !self.spin(unsound) {
                spun = true;
                self.pause(timeout, unsound);
            }
        }
    }

    /// The unread value of the former segment, if no newer one is there.
    fn take_kept(&self, buffer: &mut [MaybeUninit<u8>]) -> Option<Result<usize, Error>> {
        // Acquire pairs with the release in keep_unread.
        if !self.has_kept.load(Ordering::Acquire) {
            return None;
        }
        let mut kept = sync::lock(&self.kept);
        let size = kept.as_ref()?.1.len();
        if size > buffer.len() {
            return Some(Err(Error::BufferTooSmall { size }));
        }
        let (_, value) = kept.take()?;
        for (to, from) in buffer.iter_mut().zip(&value) {
            to.write(*from);
        }
        self.has_kept.store(false, Ordering::Relaxed); // under the mutex
        Some(Ok(size))
    }

    #[cold]
    fn drop_kept(&self, claimed: u64) {
        let mut kept = sync::lock(&self.kept);
        // One kept since belongs to the very epoch that this claim was made in, and is newer.
        if kept.as_ref().is_some_and(|(cursor, _)| cursor / EPOCH < claimed / EPOCH) {
            *kept = None;
            self.has_kept.store(false, Ordering::Relaxed); // under the mutex
        }
    }

    #[cold]
    fn report_unsound(&self, size: u32) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let most = self.rx().capacity;
            crate::log::warning!("{self}: ignoring a message that says it has {size} bytes; the capacity is {most}");
        }
    }
}
