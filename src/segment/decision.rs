//! The right to decide about a segment file: to unlink it, take it over, clear a flag.
//!
//! It is the lock on byte 2 of the file. While somebody who may only read the file keeps that from everybody, by a read lock,
//! it is a word of the header instead, which only who may write can set: see [`decider`](super::layout::Header::decider). Who
//! gets the lock then looks at the word, and who set the word at the lock, so one of the two sees the other; the lock goes
//! first. A lock vanishes with its holder. A word does not: it names its holder, who may be found gone, or in another pid
//! namespace be waited for.

use super::layout::Header;
use crate::sync::{AtomicU64, Ordering, fence};
use crate::sys::{
    clock::{self, MS},
    file, identity,
    identity::Fate,
    lock,
    map::Mapping,
};
use std::{
    io,
    mem::{offset_of, size_of},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

/// The byte whose lock it is. Bytes 0 and 1 are the master's and the slave's own.
const BYTE: i64 = 2;
/// Between two tries.
const AGAIN: Duration = Duration::from_micros(200);
/// How long a word stands whose process cannot be seen, in nanoseconds: longer than any decision takes.
const STANDS: u64 = 10_000 * MS;

/// The right, given back when dropped.
pub(crate) struct Decision<'a> {
    file: &'a OwnedFd,
    /// The word that stands for the lock.
    word: Option<Word>,
}

/// The first bytes of a file, mapped, and what is stored there.
struct Word {
    page: Mapping,
    own: u64,
}

impl Word {
    /// Of a file that may be no segment, or have no bytes at all.
    fn of(file: &OwnedFd) -> io::Result<Word> {
        file::reserve(file.as_fd(), 0, size_of::<Header>() as u64, &mut || {})?; // never makes it shorter
        Ok(Word { page: Mapping::of_file(file.as_fd(), size_of::<Header>())?, own: identity::own() })
    }

    fn place(&self) -> &AtomicU64 {
        // SAFETY: within the mapping, which is page-aligned, and aligned in it; any bytes are a valid atomic.
        unsafe { self.page.base().add(offset_of!(Header, decider)).cast::<AtomicU64>().as_ref() }
    }

    /// Sets it in place of `found`; whether it stands.
    fn set(&self, found: u64) -> bool {
        // Acquire pairs with the release in clear; the fence after it is the caller's.
        self.place().compare_exchange(found, self.own, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn clear(&self) {
        let _ = self.place().compare_exchange(self.own, 0, Ordering::Release, Ordering::Relaxed); // pairs with set
    }
}

/// How long a word has stood.
#[derive(Default)]
struct Watch {
    word: u64,
    since: u64,
}

impl Watch {
    /// Whether `word` names nobody who may still be deciding.
    fn is_free(&mut self, word: u64, now: u64) -> bool {
        if word != self.word {
            *self = Watch { word, since: now };
        }
        match identity::fate(word) {
            Fate::Gone => true,
            Fate::Alive => false,
            Fate::Unknown => now.saturating_sub(self.since) >= STANDS,
        }
    }
}

impl<'a> Decision<'a> {
    /// Waits for it up to `limit`: a holder that was killed gives it back by dying, one that is stopped does not.
    pub(crate) fn wait(file: &'a OwnedFd, limit: Duration) -> io::Result<Option<Decision<'a>>> {
        let end = clock::now() + limit.as_nanos() as u64;
        let (mut held, mut watch) = (false, Watch::default());
        loop {
            held = held || lock::try_lock(file.as_fd(), BYTE)?;
            let taken = if held {
                fence(Ordering::SeqCst); // the lock before the look: pairs with the fence in instead_of_lock
                watch.is_free(decider(file), clock::now()).then_some(Decision { file, word: None })
            } else {
                Self::instead_of_lock(file, &mut watch)?
            };
            if taken.is_some() {
                return Ok(taken);
            }
            if clock::now() >= end {
                if held {
                    lock::unlock(file.as_fd(), BYTE);
                }
                return Ok(None);
            }
            clock::sleep(AGAIN);
        }
    }

    /// By the word, if nothing but read locks is in the way of the lock.
    #[cold]
    fn instead_of_lock(file: &'a OwnedFd, watch: &mut Watch) -> io::Result<Option<Decision<'a>>> {
        let is_locked = || lock::held_by_other(file.as_fd(), BYTE..BYTE + 1);
        if is_locked() {
            return Ok(None);
        }
        let word = Word::of(file)?;
        let found = word.place().load(Ordering::Relaxed); // what is decided on comes with the exchange
        if !watch.is_free(found, clock::now()) || !word.set(found) {
            return Ok(None);
        }
        fence(Ordering::SeqCst); // the word before the look: pairs with the fence in wait
        if is_locked() {
            word.clear();
            return Ok(None);
        }
        Ok(Some(Decision { file, word: Some(word) }))
    }
}

impl Drop for Decision<'_> {
    fn drop(&mut self) {
        match &self.word {
            Some(word) => word.clear(),
            None => lock::unlock(self.file.as_fd(), BYTE),
        }
    }
}

/// The word as the file has it; 0 where that is too short.
fn decider(file: &OwnedFd) -> u64 {
    let mut bytes = [0; size_of::<Header>()];
    match file::read_start(file.as_fd(), &mut bytes) {
        Ok(got) if got == bytes.len() => {
            let at = offset_of!(Header, decider);
            u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
        }
        _ => 0,
    }
}
