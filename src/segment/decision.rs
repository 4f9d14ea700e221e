//! The right to decide about a segment file: to unlink it, take it over, clear a flag.
//!
//! It is the lock on byte 2 of the file. While somebody who may only read the file keeps that from everybody, by a read lock,
//! it is a word of the header instead, which only who may write can set: see [`decider`](super::layout::Header::decider). Who
//! gets the lock then looks at the word, and who set the word at the lock, so one of the two sees the other; the lock goes
//! first. A lock vanishes with its holder. A word does not: it names its holder, who may be found gone, or in another pid
//! namespace be waited for.

use super::{layout::Header, name::Name, peer::LONGEST_WATCH};
use crate::failpoint::failpoint;
use crate::sync::{Ordering, fence, statics::AtomicU64};
use crate::sys::{
    clock::{self, MS},
    file::{self, FileId},
    identity,
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
/// How long a word stands whose process cannot be seen, in nanoseconds: longer than a decision takes, which judges both sides. Who
/// was held up for longer asks [`Decision::stands`].
const STANDS: u64 = (2 * LONGEST_WATCH + 500) * MS;

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
    /// When it was not set yet.
    since: u64,
}

impl Word {
    /// Of a file that may be no segment, or have no bytes at all.
    fn of(file: &OwnedFd) -> io::Result<Word> {
        file::reserve(file.as_fd(), 0, size_of::<Header>() as u64, &mut || {})?; // never makes it shorter
        Ok(Word {
            page: Mapping::of_file(file.as_fd(), size_of::<Header>(), false)?,
            own: identity::own(),
            since: clock::now(),
        })
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
            // One that is alive has been stopped for long, and looks again before it acts; or it runs another program by now.
            Fate::Alive | Fate::Unknown => now.saturating_sub(self.since) >= STANDS,
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
                let found = decider(file);
                watch.is_free(found, clock::now()).then(|| {
                    forget(file, found);
                    Decision { file, word: None }
                })
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
        failpoint!("decision.worded");
        fence(Ordering::SeqCst); // the word before the look: pairs with the fence in wait
        if is_locked() {
            word.clear();
            return Ok(None);
        }
        Ok(Some(Decision { file, word: Some(word) }))
    }
}

impl Decision<'_> {
    /// Whether the name still leads to the file, which is `id`, and nobody else can have come to decide about it: asked right before
    /// what cannot be undone.
    #[inline(never)]
    pub(crate) fn stands_at(&self, name: &Name, id: FileId) -> bool {
        matches!(file::lookup(name.path()), Ok(Some(now)) if now == id) && self.stands()
    }

    /// Others forget a word after a while where they cannot see our process, which may have been stopped for as long. By its age too,
    /// as another handle of this process has the same word.
    pub(crate) fn stands(&self) -> bool {
        self.word.as_ref().is_none_or(|word| {
            // Relaxed: nothing is read by it.
            word.place().load(Ordering::Relaxed) == word.own && clock::now().saturating_sub(word.since) < STANDS
        })
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

/// Takes away a word that names nobody any more, for those after us, who would wait for it again.
fn forget(file: &OwnedFd, found: u64) {
    if identity::is_name(found)
        && let Ok(word) = Word::of(file)
    {
        let _ = word.place().compare_exchange(found, 0, Ordering::Relaxed, Ordering::Relaxed); // another's is let be
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

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::name::FOLDER;
    use crate::sys::file::{read_locked, reopened, set_size, status, unnamed};

    /// No process has this pid: it is over the most that there can be.
    const NOBODY: u64 = (1 << 22) - 1;

    fn file(size: u64) -> OwnedFd {
        let file = unnamed(FOLDER).expect("a file");
        set_size(file.as_fd(), size).expect("room");
        file
    }

    fn again(file: &OwnedFd) -> OwnedFd {
        reopened(file.as_fd(), libc::O_RDWR)
    }

    fn at_once(file: &OwnedFd) -> Option<Decision<'_>> {
        Decision::wait(file, Duration::ZERO).expect("locks")
    }

    #[test]
    fn one_at_a_time_decides_whatever_a_mere_reader_locks() {
        for size in [0, 1, 71, 128, 8576] {
            let one = file(size);
            let other = again(&one);
            let held = at_once(&one).expect("free");
            assert!(at_once(&other).is_none(), "locked");
            drop(held);
            let reader = read_locked(one.as_fd(), 0);
            let held = at_once(&one).expect("no lock of a writer");
            assert_ne!(decider(&one), 0);
            assert!(at_once(&other).is_none(), "the word is set");
            drop(reader);
            assert!(at_once(&other).is_none(), "the word still stands, though the lock is free");
            drop(held);
            assert_eq!(decider(&one), 0);
            drop(at_once(&other).expect("both are free"));
            drop(at_once(&one).expect("given back"));
            assert_eq!(status(one.as_fd()).expect("a file").size, size.max(128), "never shorter");
        }
    }

    #[test]
    fn who_waited_in_vain_has_given_the_lock_back() {
        let one = file(128);
        let other = again(&one);
        let word = Word::of(&one).expect("memory");
        assert!(word.set(0));
        assert!(at_once(&one).is_none() && at_once(&other).is_none(), "this process decides by the word");
        word.clear();
        assert!(at_once(&other).is_some());
    }

    #[test]
    fn the_word_of_a_process_that_is_gone_is_free_and_one_of_another_namespace_after_a_while() {
        let (one, gone) = (file(128), identity::own() & !NOBODY | NOBODY);
        let reader = read_locked(one.as_fd(), 0);
        for left in [gone, 1, u64::MAX] {
            let word = Word::of(&one).expect("memory");
            word.place().store(left, Ordering::Relaxed);
            drop(at_once(&one).expect("nobody is deciding"));
            assert_eq!(decider(&one), 0);
        }
        let again = again(&one);
        assert!(at_once(&again).is_some());
        drop(reader);
        let word = Word::of(&one).expect("memory");
        word.place().store(gone, Ordering::Relaxed);
        drop(at_once(&one).expect("nobody is deciding"));
        assert_eq!(decider(&one), 0, "nor waited for by those who come now");
        let reader = read_locked(one.as_fd(), 0);
        let elsewhere = identity::own() ^ 1 << 30;
        let word = Word::of(&one).expect("memory");
        word.place().store(elsewhere, Ordering::Relaxed);
        assert!(at_once(&one).is_none(), "it may be deciding");
        drop(reader);
        assert!(at_once(&one).is_none(), "likewise");
        let mut watch = Watch::default();
        assert!(!watch.is_free(elsewhere, 1) && !watch.is_free(elsewhere, STANDS) && watch.is_free(elsewhere, STANDS + 1));
        assert!(!watch.is_free(elsewhere ^ 1, STANDS + 2), "another begins anew");
        assert!(!watch.is_free(identity::own(), 1) && !watch.is_free(identity::own(), STANDS), "it is alive");
        assert!(watch.is_free(identity::own(), STANDS + 1), "and stopped, or runs another program");
    }

    #[test]
    fn a_word_that_others_may_have_forgotten_stands_no_more() {
        let one = file(128);
        assert!(at_once(&one).expect("free").stands(), "a lock");
        let _reader = read_locked(one.as_fd(), 0);
        let as_it_is = Word::of(&one).expect("memory");
        for other in [0, identity::own() ^ 1 << 30] {
            let held = at_once(&one).expect("no lock of a writer");
            assert!(held.stands());
            as_it_is.place().store(other, Ordering::Relaxed);
            assert!(!held.stands(), "{other:x}");
            drop(held);
            assert_eq!(decider(&one), other, "another's is let be");
            as_it_is.place().store(0, Ordering::Relaxed);
        }
        let mut held = at_once(&one).expect("no lock of a writer");
        held.word.as_mut().expect("it stands for the lock").since -= STANDS;
        assert!(!held.stands(), "it may be that of another handle of this process by now");
        drop(held);
        assert_eq!(decider(&one), 0, "nobody waits for it");
    }

    #[test]
    fn who_set_the_word_lets_a_lock_go_first() {
        let one = file(128);
        let other = again(&one);
        assert!(lock::try_lock(other.as_fd(), BYTE).expect("locks"));
        assert!(at_once(&one).is_none());
        assert_eq!(decider(&one), 0, "nothing is left of the try");
    }
}
