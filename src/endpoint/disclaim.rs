//! A message that stays half-written while several writers of a side live: none of them could be the dead one's heir, as each
//! may hold the lock for all that the others know. So each says that it does not, and whoever writes next finds itself alone.
//!
//! It says so by another [mark](crate::segment::mark), one for that very odd sequence, or by none.
//! Meanwhile no thread of the handle may come to hold that lock: each gives it back, and ends all
//! this first ([`Channel::disclaim`](crate::channel::Channel::disclaim)).

use super::core::Core;
use crate::liveness::monitor::{Monitor, NAMELESS};
use crate::segment::mark::Mark;
use crate::sync::{self, MutexGuard, Ordering, TryLockError};
use crate::sys::clock::MS;

/// Milliseconds that an odd sequence stands before it is disclaimed: as long as a write waits for it.
const STOOD: u64 = 20;
/// Milliseconds that a name of one without a mark stands before it is taken away: as long as it
/// protects a lock.
const NAMED: u64 = NAMELESS;
/// Between two tries for a mark.
const AGAIN: u64 = 10 * MS;

impl Core {
    /// Disclaims an odd sequence that stands, and ends that once it has passed. Once a tick, `elapsed` milliseconds after the last: in
    /// each state, as who writes no more may have been stopped while it did.
    pub(crate) fn tend_mark(&self, monitor: &mut Monitor, elapsed: u64, now_at: u64) {
        let now = self.tx().head.sequence.load(Ordering::Relaxed); // watched for change alone
        monitor.stood = if now == monitor.standing { monitor.stood.saturating_add(elapsed) } else { 0 };
        monitor.standing = now;
        match monitor.mark {
            Some(_) => self.forget_others(monitor, elapsed),
            None => self.try_for_mark(monitor, now_at),
        }
        let disclaimed = monitor.mark.map_or(0, Mark::disclaims);
        let passed = disclaimed != 0 && disclaimed != now;
        let stands = disclaimed == 0 && now & 1 == 1 && monitor.stood >= STOOD;
        if !passed && !stands {
            return;
        }
        let Some(_one) = self.try_to_decide() else { return };
        if passed { self.mark_anew(monitor) } else { self.disclaim(monitor, now) }
    }

    /// Disclaims the lock that stood at `odd` a moment ago. The caller has the right to decide.
    fn disclaim(&self, monitor: &mut Monitor, odd: u32) {
        if !self.tx().disclaim(&self.writer, odd) {
            return;
        }
        // Acquire pairs with publish. It may have passed since, and a thread of ours have the next
        // lock.
        if self.tx().head.sequence.load(Ordering::Acquire) != odd {
            return self.writer.end_disclaim();
        }
        // Read locks may leave no place: then it has neither mark nor name, as no thread of ours
        // writes before the disclaim ends.
        let other = monitor.segment.mark(self.side, odd).unwrap_or_else(|| Mark::nowhere(self.side, odd));
        match monitor.mark.replace(other) {
            Some(old) => monitor.segment.unmark(old),
            None => monitor.segment.view.forget_unmarked(self.side),
        }
    }

    /// A mark that could not be had, for somebody's read lock, is tried for again; and our name put back if somebody took it away.
    #[cold]
    fn try_for_mark(&self, monitor: &mut Monitor, now: u64) {
        if now < monitor.next_mark {
            return;
        }
        monitor.next_mark = now + AGAIN;
        monitor.mark = monitor.segment.mark(self.side, 0);
        let view = &monitor.segment.view;
        match monitor.mark {
            Some(_) => view.forget_unmarked(self.side),
            None => view.keep_unmarked(self.side),
        }
    }

    /// Takes a name away that nobody seems to need any more: for long now marks can be had again, so that each that runs has one.
    fn forget_others(&self, monitor: &mut Monitor, elapsed: u64) {
        let name = monitor.segment.view.header().unmarked[self.side as usize].load(Ordering::Relaxed); // watched for change
        if name == 0 {
            return;
        }
        monitor.named = if name == monitor.named.0 { (name, monitor.named.1 + elapsed) } else { (name, 0) };
        if monitor.named.1 < NAMED || monitor.standing & 1 == 1 {
            return;
        }
        monitor.named = (0, 0);
        let another = monitor.segment.mark(self.side, 0);
        // Its own place, by chance, is no new one, and stays locked.
        if let Some(another) = another.filter(|another| monitor.mark != Some(*another)) {
            monitor.segment.unmark(another);
            monitor.segment.view.forget_named(self.side, name);
        }
    }

    /// The right to be the one thread that decides about locks, if no other has it.
    pub(super) fn try_to_decide(&self) -> Option<MutexGuard<'_, ()>> {
        match self.breaker.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Ends a disclaim before the handle takes a lock. The caller has the right to decide.
    pub(super) fn end_disclaim_of(&self, monitor: &mut Monitor) {
        if monitor.mark.is_some_and(|mark| mark.disclaims() != 0) {
            self.mark_anew(monitor);
        }
    }

    /// The same for a thread that has found its lock disputed.
    #[cold]
    pub(super) fn end_disclaim(&self) {
        let mut monitor = sync::hold(&self.monitor);
        let _one = sync::hold(&self.breaker);
        match monitor.as_mut() {
            Some(monitor) => self.end_disclaim_of(monitor),
            None => self.writer.end_disclaim(), // closed meanwhile
        }
    }

    fn mark_anew(&self, monitor: &mut Monitor) {
        let old = monitor.mark;
        monitor.mark = monitor.segment.mark_or_name(self.side);
        if let Some(old) = old {
            monitor.segment.unmark(old); // known by the other by now
        }
        self.writer.end_disclaim();
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::Role;
    use crate::config::Side;
    use crate::endpoint::Endpoint;
    use crate::segment::find::{Found, find};
    use crate::sys::{clock, file, identity, process};
    use std::{
        os::fd::{AsFd, OwnedFd},
        sync::mpsc,
        time::Duration,
    };

    const ELSEWHERE: u64 = 1 << 30; // of the namespace's bits
    const NOBODY: u64 = (1 << 22) - 1; // over the highest pid

    /// A slave whose ticks are the test's, and its master.
    fn pair(test: &str) -> (Endpoint, Endpoint) {
        let open = |role| {
            let name = format!("disclaim_{test}_{}", process::pid());
            Endpoint::builder(name).role(role).threads(false).open().expect("open")
        };
        let master = open(Role::Master);
        (open(Role::Slave), master)
    }

    fn with<T>(slave: &Endpoint, action: impl FnOnce(&Core, &mut Monitor) -> T) -> T {
        action(&slave.core, sync::hold(&slave.core.monitor).as_mut().expect("open"))
    }

    fn tend(slave: &Endpoint, elapsed: u64) {
        with(slave, |core, monitor| core.tend_mark(monitor, elapsed, u64::MAX / 2));
    }

    /// The handle as one that a mere reader, who stays, has kept from a mark.
    fn unmarked(slave: &Endpoint) -> OwnedFd {
        with(slave, |_, monitor| {
            monitor.segment.unmark(monitor.mark.take().expect("no reader yet"));
            file::read_locked(monitor.segment.file.as_fd(), Mark::FIRST_OF_SLAVE)
        })
    }

    fn set_word(slave: &Endpoint, word: u64) {
        slave.core.view().header().unmarked[1].store(word, Ordering::Relaxed);
    }

    fn word(slave: &Endpoint) -> u64 {
        slave.core.view().header().unmarked[1].load(Ordering::Relaxed)
    }

    fn set_sequence(slave: &Endpoint, sequence: u32) {
        slave.core.tx().head.sequence.store(sequence, Ordering::Relaxed);
    }

    /// With no tick before. On a thread of its own, as it may hang.
    fn writes(slave: Endpoint) -> Endpoint {
        with(&slave, |_, monitor| monitor.last_look = clock::now());
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || {
            let result = slave.write(b"x");
            let _ = done.send((slave, result));
        });
        let (slave, result) = is_done.recv_timeout(Duration::from_secs(20)).expect("it hangs");
        assert_eq!(result, Ok(()));
        slave
    }

    #[test]
    fn who_has_no_mark_names_itself_unless_the_word_covers_it() {
        let (slave, _master) = pair("covered");
        let _reader = unmarked(&slave);
        let own = identity::own();
        for (found, left) in [
            (0, own),
            (own, own),
            (identity::SEVERAL, identity::SEVERAL),
            (own ^ ELSEWHERE, identity::SEVERAL),
            (own | NOBODY, own),
        ] {
            set_word(&slave, found);
            with(&slave, |_, monitor| monitor.next_mark = 0);
            tend(&slave, 1);
            assert_eq!(word(&slave), left, "{found:x}");
        }
    }

    #[test]
    fn a_name_that_stands_for_long_is_taken_away() {
        let (slave, _master) = pair("named");
        let own = identity::own();
        for name in [own, identity::SEVERAL, own ^ ELSEWHERE, own | NOBODY] {
            set_word(&slave, name);
            tend(&slave, 1);
            tend(&slave, NAMED - 1);
            assert_eq!(word(&slave), name, "not yet");
            tend(&slave, 1);
            assert_eq!(word(&slave), 0, "{name:x}");
        }
    }

    #[test]
    fn what_one_writes_whose_fate_is_not_seen_is_left_alone_for_long() {
        let (slave, _master) = pair("long");
        set_word(&slave, identity::SEVERAL);
        set_sequence(&slave, 7);
        let is_alone = |stood| {
            with(&slave, |_, monitor| {
                (monitor.standing, monitor.stood) = (7, stood);
                monitor.is_alone(Side::Slave, 7)
            })
        };
        assert!(!is_alone(NAMELESS - 1) && is_alone(NAMELESS));
        set_sequence(&slave, 8);
    }

    /// Whether another handle would think that it may be at work at `odd`.
    fn is_in_the_way(slave: &Endpoint, odd: u32) -> bool {
        let Ok(Found::Valid(other)) = find(&slave.core.name, 0) else { panic!("no segment") };
        other.has_other_writers(Side::Slave, odd, Some(Mark::nowhere(Side::Slave, 1)), false)
    }

    #[test]
    fn the_place_of_its_own_mark_is_none_that_can_be_had() {
        let (slave, _master) = pair("own_place");
        let own = with(&slave, |_, monitor| monitor.mark).expect("a mark");
        // Another test may have its place tried in between.
        let is_tried = (0..1000).any(|_| {
            set_word(&slave, identity::SEVERAL);
            tend(&slave, 1);
            own.try_next();
            tend(&slave, NAMED);
            let stands = word(&slave) == identity::SEVERAL;
            set_word(&slave, 0);
            assert!(is_in_the_way(&slave, 7), "its mark is given back");
            stands
        });
        assert!(is_tried);
    }

    #[test]
    fn a_lock_that_has_passed_is_not_disclaimed() {
        for has_place in [true, false] {
            let (slave, _master) = pair(&format!("passed_{has_place}"));
            let reader = (!has_place).then(|| unmarked(&slave));
            if !has_place {
                set_word(&slave, identity::own());
            }
            set_sequence(&slave, 9); // the next one, which may be a thread's of its own
            with(&slave, |core, monitor| core.disclaim(monitor, 7));
            assert!(is_in_the_way(&slave, 7) && is_in_the_way(&slave, 9), "{has_place}");
            set_sequence(&slave, 10);
            drop(writes(slave));
            drop(reader);
        }
    }

    #[test]
    fn who_may_break_a_lock_does_not_disclaim_it_meanwhile() {
        let (slave, _master) = pair("may_break");
        set_sequence(&slave, 7);
        tend(&slave, 1);
        tend(&slave, STOOD);
        assert!(!is_in_the_way(&slave, 7));
        let one = slave.core.may_break(7).expect("it is alone");
        tend(&slave, STOOD);
        assert!(is_in_the_way(&slave, 7), "another would break it too");
        drop(one);
        tend(&slave, STOOD);
        assert!(!is_in_the_way(&slave, 7), "it has not broken it");
        set_sequence(&slave, 8);
    }

    /// What becomes of a message that it has disclaimed.
    #[derive(Clone, Copy, Debug)]
    enum Then {
        Passed,
        /// And a tick has found that.
        Found,
        /// It repairs the message itself.
        Stands,
    }

    #[test]
    fn who_disclaims_is_in_nobodys_way_and_is_again_before_it_writes() {
        for has_place in [true, false] {
            for then in [Then::Passed, Then::Found, Then::Stands] {
                let (slave, _master) = pair(&format!("{has_place}_{then:?}"));
                let reader = (!has_place).then(|| unmarked(&slave));
                if !has_place {
                    set_word(&slave, identity::own());
                }
                assert!(is_in_the_way(&slave, 7));
                set_sequence(&slave, 7);
                tend(&slave, 1);
                tend(&slave, STOOD);
                assert!(!is_in_the_way(&slave, 7));
                if !matches!(then, Then::Stands) {
                    set_sequence(&slave, 8);
                }
                if matches!(then, Then::Found) {
                    tend(&slave, 1);
                    assert!(is_in_the_way(&slave, 9));
                }
                let slave = writes(slave);
                assert!(is_in_the_way(&slave, 7) && is_in_the_way(&slave, 9), "{has_place}, {then:?}");
                drop(reader);
            }
        }
    }
}
