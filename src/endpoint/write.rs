//! Writing: straight to the channel when all is well, and what happens when it is not.

use super::core::{Core, State};
use crate::channel::{Barrier, Channel, Dispute, Lock};
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::log::Level;
use crate::sync::{self, Ordering};
use crate::sys::{
    clock::{self, MS},
    futex,
};
use std::{mem::MaybeUninit, time::Duration};

/// The longest a write waits, for another writer or for a segment on its way, in nanoseconds.
const PATIENCE: u64 = if cfg!(loom) { 3_000 } else { 20 * MS };

/// What became of a write at once.
pub(crate) enum Attempt {
    Done,
    /// Something stands in the way: a lock that is disputed, or another thing.
    Failed(Option<Dispute>),
}

impl Core {
    /// Makes `message` the newest of our direction.
    #[inline(always)]
    pub(crate) fn write(&self, message: &[MaybeUninit<u8>]) -> Result<(), Error> {
        match self.write_now(message) {
            Attempt::Done => Ok(()),
            Attempt::Failed(dispute) => self.write_slow(message, dispute),
        }
    }

    /// Makes `message` the newest if nothing stands in the way.
    #[inline(always)]
    pub(crate) fn write_now(&self, message: &[MaybeUninit<u8>]) -> Attempt {
        if !self.writes_plainly() {
            return Attempt::Failed(None);
        }
        let tx = self.tx();
        if message.len() > tx.capacity {
            return Attempt::Failed(None);
        }
        match tx.try_lock(&self.writer) {
            Lock::Taken(odd) => {
                tx.publish(odd, message, &self.writer, || self.barrier());
                Attempt::Done
            }
            Lock::Busy(_) => Attempt::Failed(None),
            Lock::Disputed(dispute) => Attempt::Failed(Some(dispute)),
        }
    }

    /// Who pays for the barrier before the look at `waiters`. A released reader that arrives after this look cannot park
    /// before the write is over, but for an instant that costs it no more than its own 50 ms.
    #[inline(always)]
    fn barrier(&self) -> Barrier {
        let (view, reader) = (self.view(), self.side.other());
        let absent = view.header().alive[reader as usize].load(Ordering::Relaxed) == 0; // ordered with nothing: see above
        if absent || view.is_ours(reader) { Barrier::Reader } else { Barrier::Writer }
    }

    /// A write that was not done at once.
    #[cold]
    pub(crate) fn write_slow(&self, message: &[MaybeUninit<u8>], dispute: Option<Dispute>) -> Result<(), Error> {
        if dispute.is_some_and(|dispute| self.write_disputed(message, dispute)) {
            return Ok(());
        }
        if !self.writes_plainly() {
            self.await_attached()?;
        }
        let tx = self.tx();
        if message.len() > tx.capacity {
            return Err(Error::BufferTooSmall { size: tx.capacity, given: message.len() });
        }
        match self.lock(tx) {
            Ok(odd) => {
                self.publish(tx, odd, message);
                Ok(())
            }
            Err(odd) => self.write_contended(odd, message),
        }
    }

    /// Writes `message`, for which a lock was taken that is disputed; false if that is not to be
    /// had.
    #[cold]
    pub(crate) fn write_disputed(&self, message: &[MaybeUninit<u8>], dispute: Dispute) -> bool {
        let Some((tx, odd)) = self.renew(dispute) else { return false };
        self.publish(tx, odd, message); // fits: it is the channel that it was taken of
        true
    }

    /// Makes a disputed lock ours for good.
    #[cold]
    fn renew(&self, dispute: Dispute) -> Option<(Channel<'_>, u32)> {
        let mut monitor = sync::hold(&self.monitor); // no move meanwhile
        let _one = sync::hold(&self.breaker);
        match monitor.as_mut() {
            Some(monitor) => self.end_disclaim_of(monitor), // first: by our mark others see that we write
            None => self.writer.end_disclaim(),             // closed meanwhile
        }
        let tx = self.tx();
        tx.renew(&self.writer, dispute).map(|odd| (tx, odd))
    }

    /// Takes the sequence lock; the odd sequence, ours or in the way.
    fn lock(&self, tx: Channel<'_>) -> Result<u32, u32> {
        match tx.try_lock(&self.writer) {
            Lock::Taken(odd) => Ok(odd),
            Lock::Busy(odd) => Err(odd),
            Lock::Disputed(dispute) => self.renew(dispute).map(|(_, odd)| odd).ok_or(dispute.odd()),
        }
    }

    #[cold]
    fn publish(&self, tx: Channel<'_>, odd: u32, message: &[MaybeUninit<u8>]) {
        tx.publish(odd, message, &self.writer, || self.barrier());
    }

    /// What a write finds that is not plainly attached: an error, or `Ok` once it is.
    #[cold]
    fn await_attached(&self) -> Result<(), Error> {
        if self.is_inherited() {
            return Err(Error::Inherited);
        }
        if !self.threads {
            self.tick_inline();
        }
        let end = clock::now() + PATIENCE;
        loop {
            let event = self.event.load(Ordering::SeqCst); // before the state: pairs with set_state
            match self.state() {
                State::Attached => return Ok(()),
                State::Moving if clock::now() < end => {
                    futex::wait(&self.event, event, Some(end), futex::Scope::Private);
                    if !self.threads {
                        self.tick_inline();
                    }
                }
                State::Moving | State::Reconnecting | State::GaveUp | State::Stopped => return Err(Error::Timeout),
                State::Ousted => return Err(Error::RoleMismatch),
                State::Closing => return Err(Error::NotInitialized),
            }
        }
    }

    /// Somebody else is writing, or died while writing.
    #[cold]
    fn write_contended(&self, first: u32, message: &[MaybeUninit<u8>]) -> Result<(), Error> {
        let end = clock::now() + PATIENCE;
        let mut still = true;
        let mut rounds = 0_u32;
        loop {
            // Another thread's copy takes well under a microsecond; after that it is not running, and needs our processor.
            rounds += 1;
            if rounds < 50 {
                sync::spin_loop()
            } else {
                clock::sleep(Duration::from_micros(50))
            }
            let tx = self.tx(); // anew each time: the segment may be replaced meanwhile
            if message.len() > tx.capacity {
                return Err(Error::BufferTooSmall { size: tx.capacity, given: message.len() });
            }
            match self.lock(tx) {
                Ok(odd) => {
                    self.publish(tx, odd, message);
                    return Ok(());
                }
                Err(odd) => still &= odd == first,
            }
            if clock::now() >= end {
                break;
            }
        }
        if still && let Some((tx, odd)) = self.break_lock(first, message.len()) {
            self.say(Level::Warn, format_args!("repaired a message that a dead writer left half-written"));
            self.publish(tx, odd, message);
            return Ok(());
        }
        Err(Error::Timeout)
    }

    /// Takes over the lock of our direction that has stood at `odd`, for a message of so many
    /// bytes, if no other handle can hold it, and no thread of ours is about to.
    pub(super) fn break_lock(&self, odd: u32, size: usize) -> Option<(Channel<'_>, u32)> {
        let mut held = sync::hold(&self.monitor); // to the end: or a tick would disclaim it anew
        let monitor = held.as_mut()?;
        let tx = self.tx();
        if size > tx.capacity || !monitor.is_alone(self.side, odd) {
            return None;
        }
        let _one = self.try_to_decide()?; // not waited for while the monitor is held
        self.end_disclaim_of(monitor); // or nobody would see that we write
        failpoint!("write.alone");
        match tx.try_break(&self.writer, odd) {
            Lock::Taken(next) => Some((tx, next)),
            Lock::Busy(_) | Lock::Disputed(_) => None,
        }
    }
}
