//! Writing: straight to the channel when all is well, and what happens when it is not.

use super::core::{Core, State};
use crate::channel::Lock;
use crate::error::Error;
use crate::liveness::service;
use crate::sync::{self, Ordering};
use crate::sys::{
    clock::{self, MS},
    futex, process,
};
use std::{mem::MaybeUninit, time::Duration};

/// The longest a write waits, for another writer or for a segment on its way, in nanoseconds.
const PATIENCE: u64 = 20 * MS;

impl Core {
    /// Makes `message` the newest of our direction.
    #[inline]
    pub(crate) fn write(&self, message: &[MaybeUninit<u8>]) -> Result<(), Error> {
        if !self.is_plain() {
            self.await_attached()?;
        }
        let tx = self.tx();
        if message.len() > tx.capacity {
            return Err(Error::BufferTooSmall { size: tx.capacity });
        }
        match tx.try_lock(&self.writer) {
            Lock::Taken(odd) => {
                tx.publish(odd, message, &self.writer);
                Ok(())
            }
            Lock::Busy(odd) => self.write_contended(odd, message),
        }
    }

    /// What a write finds that is not plainly attached: an error, or `Ok` once it is.
    #[cold]
    fn await_attached(&self) -> Result<(), Error> {
        if self.is_inherited() {
            return Err(Error::NotInitialized);
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
                return Err(Error::BufferTooSmall { size: tx.capacity });
            }
            match tx.try_lock(&self.writer) {
                Lock::Taken(odd) => {
                    tx.publish(odd, message, &self.writer);
                    return Ok(());
                }
                Lock::Busy(odd) => still &= odd == first,
            }
            if clock::now() >= end {
                break;
            }
        }
        if still && self.is_alone() {
            let _one = sync::lock(&self.breaker);
            let tx = self.tx();
            if message.len() <= tx.capacity
                && let Lock::Taken(odd) = tx.try_break(&self.writer, first)
            {
                crate::log::warning!("{self}: repaired a message that a dead writer left half-written");
                tx.publish(odd, message, &self.writer);
                return Ok(());
            }
        }
        Err(Error::Timeout)
    }

    /// Whether no other process, and no other handle of this one, writes our direction: the lock of our side is ours, and
    /// nobody took the side after us, or who did is dead.
    fn is_alone(&self) -> bool {
        let monitor = sync::lock(&self.monitor);
        let Some(monitor) = monitor.as_ref() else { return false };
        let last = self.view().header().pid[self.side as usize].load(Ordering::Relaxed); // changes with each attach only
        let nobody_after = last == process::pid() || !process::exists(last);
        monitor.holds_lock && nobody_after && service::count_side(monitor.segment.id, self.side) == 1
    }
}
