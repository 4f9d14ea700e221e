//! A message that stays half-written while several writers of a side live: none of them could be the dead one's heir, as each
//! may hold the lock for all that the others know. So each says that it does not, and whoever writes next finds itself alone.
//!
//! It says so by another [mark](crate::segment::mark), one for that very odd sequence, or by none.
//! Meanwhile no thread of the handle may come to hold that lock: each gives it back, and ends all
//! this first ([`Channel::disclaim`](crate::channel::Channel::disclaim)).

use super::core::Core;
use crate::liveness::{
    monitor::{Monitor, NAMELESS},
    service,
};
use crate::segment::mark::Mark;
use crate::sync::{MutexGuard, Ordering, TryLockError};
use crate::sys::{clock::MS, thread::SignalsBlocked};

/// Milliseconds that an odd sequence stands before it is disclaimed: as long as a write waits for it.
const STOOD: u64 = 20;
/// Milliseconds that a name of one without a mark stands before it is questioned, and then before
/// it is taken away: as long as it protects a lock.
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
            Some(_) => self.question_name(monitor, elapsed),
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
            None => self.forget_name(monitor),
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
        match monitor.mark {
            Some(_) => self.forget_name(monitor),
            None => monitor.segment.view.keep_unmarked(self.side, self.is_only_one(monitor)),
        }
    }

    /// Whether the process has no other handle of our side.
    fn is_only_one(&self, monitor: &Monitor) -> bool {
        service::count_side(monitor.segment.id, self.side) == 1
    }

    /// Takes our name away, unless another handle of this process may stand behind it: then it goes
    /// by age.
    fn forget_name(&self, monitor: &Monitor) {
        if self.is_only_one(monitor) {
            monitor.segment.view.forget_unmarked(self.side);
        }
    }

    /// Questions a name that has stood for long: most have a mark by now, or are gone.
    fn question_name(&self, monitor: &mut Monitor, elapsed: u64) {
        let view = &monitor.segment.view;
        let name = view.header().unmarked[self.side as usize].load(Ordering::Relaxed); // watched for change
        monitor.named = if name == monitor.named.0 { (name, monitor.named.1 + elapsed) } else { (name, 0) };
        if name != 0 && monitor.named.1 >= NAMED && monitor.standing & 1 == 0 {
            view.question_name(self.side, name);
            monitor.named = (0, 0); // the next one has its own time, and the same one if it comes again
        }
    }

    /// The right to be the one thread that decides about locks, if no other has it. For who holds
    /// the monitor, and for as long: no signal handler runs meanwhile, which might write and wait
    /// for it.
    pub(super) fn try_to_decide(&self) -> Option<MutexGuard<'_, ()>> {
        debug_assert!(SignalsBlocked::are());
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
    use crate::sync;
    use crate::sys::{clock, file, identity, process};
    use std::{
        os::fd::{AsFd, OwnedFd},
        sync::mpsc,
        time::Duration,
    };

    const ELSEWHERE: u64 = 1 << 30; // of the namespace's bits
    const NOBODY: u64 = (1 << 22) - 1; // over the highest pid

    fn open(test: &str, role: Role) -> Endpoint {
        let name = format!("disclaim_{test}_{}", process::pid());
        Endpoint::builder(name).role(role).threads(false).open().expect("open")
    }

    /// A slave whose ticks are the test's, and its master.
    fn pair(test: &str) -> (Endpoint, Endpoint) {
        let master = open(test, Role::Master);
        (open(test, Role::Slave), master)
    }

    fn with<T>(slave: &Endpoint, action: impl FnOnce(&Core, &mut Monitor) -> T) -> T {
        action(&slave.core, sync::hold(&slave.core.monitor).as_mut().expect("open"))
    }

    fn tend(slave: &Endpoint, elapsed: u64) {
        with(slave, |core, monitor| core.tend_mark(monitor, elapsed, u64::MAX / 2));
    }

    fn give_mark_back(slave: &Endpoint) {
        with(slave, |_, monitor| monitor.segment.unmark(monitor.mark.take().expect("no reader yet")));
    }

    /// The handle as one that a mere reader, who stays, has kept from a mark.
    fn unmarked(slave: &Endpoint) -> OwnedFd {
        give_mark_back(slave);
        with(slave, |_, monitor| file::read_locked(monitor.segment.file.as_fd(), Mark::FIRST_OF_SLAVE))
    }

    /// A tick that tries for a mark.
    fn try_for_mark(slave: &Endpoint) {
        with(slave, |_, monitor| monitor.next_mark = 0);
        tend(slave, 1);
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
            try_for_mark(&slave);
            assert_eq!(word(&slave), left, "{found:x}");
        }
    }

    #[test]
    fn a_name_that_stands_for_long_is_questioned_and_then_taken_away() {
        let (slave, _master) = pair("named");
        let own = identity::own();
        for name in [own, identity::SEVERAL, own ^ ELSEWHERE, own | NOBODY] {
            set_word(&slave, name);
            for (stands, next) in [(name, identity::ANYBODY), (identity::ANYBODY, 0)] {
                tend(&slave, 1);
                tend(&slave, NAMED - 1);
                assert_eq!(word(&slave), stands, "not yet");
                tend(&slave, 1);
                assert_eq!(word(&slave), next, "{name:x}");
            }
        }
    }

    #[test]
    fn what_one_writes_whose_fate_is_not_seen_is_left_alone_for_long() {
        let (slave, _master) = pair("long");
        set_sequence(&slave, 7);
        let is_alone = |stood| {
            with(&slave, |_, monitor| {
                (monitor.standing, monitor.stood) = (7, stood);
                monitor.is_alone(Side::Slave, 7)
            })
        };
        for name in [identity::SEVERAL, identity::ANYBODY, identity::own(), identity::own() ^ ELSEWHERE] {
            set_word(&slave, name);
            assert!(!is_alone(NAMELESS - 1) && is_alone(NAMELESS), "{name:x}");
        }
        set_sequence(&slave, 8);
    }

    #[test]
    fn what_stood_in_the_segment_before_a_move_does_not_stand_in_the_next() {
        let (slave, _master) = pair("moved");
        with(&slave, |_, monitor| {
            (monitor.standing, monitor.stood, monitor.named) = (1, NAMELESS, (identity::own(), NAMED));
            monitor.begin_anew(Side::Slave); // as a move ends
            assert_eq!((monitor.standing, monitor.stood, monitor.named), (0, 0, (0, 0)));
        });
    }

    /// Whether another handle would think that it may be at work at `odd`.
    fn is_in_the_way(slave: &Endpoint, odd: u32) -> bool {
        let Ok(Found::Valid(other)) = find(&slave.core.name, 0) else { panic!("no segment") };
        other.has_other_writers(Side::Slave, odd, Some(Mark::nowhere(Side::Slave, 1)), false)
    }

    #[test]
    fn a_name_that_is_given_anew_has_its_own_time() {
        let (slave, _master) = pair("anew");
        for before in [identity::own(), identity::ANYBODY] {
            for next in [before, identity::own()] {
                set_word(&slave, before);
                tend(&slave, 1);
                tend(&slave, NAMED);
                set_word(&slave, next);
                tend(&slave, 1);
                tend(&slave, NAMED - 1);
                assert_eq!(word(&slave), next);
                set_word(&slave, 0);
                tend(&slave, 1);
            }
        }
    }

    #[test]
    fn who_stands_behind_a_name_gives_it_anew_when_it_is_questioned() {
        let (slave, _master) = pair("questioned");
        let other = open("questioned", Role::Slave);
        give_mark_back(&other);
        let _reader = unmarked(&slave);
        with(&other, |_, monitor| monitor.mark = Some(Mark::nowhere(Side::Slave, 0))); // it has one
        set_word(&slave, identity::own() ^ ELSEWHERE);
        tend(&other, 1);
        tend(&other, NAMED);
        assert_eq!(word(&slave), identity::ANYBODY);
        assert!(is_in_the_way(&slave, 7), "that protects as well");
        try_for_mark(&slave);
        assert_eq!(word(&slave), identity::SEVERAL);
    }

    #[test]
    fn a_name_that_several_handles_of_a_process_stand_behind_is_not_taken_away_by_one() {
        let (slave, _master) = pair("shared");
        let other = open("shared", Role::Slave);
        give_mark_back(&other);
        let reader = unmarked(&slave);
        set_word(&slave, identity::own());
        try_for_mark(&slave);
        assert_eq!(word(&slave), identity::SEVERAL, "each would take that for itself");
        set_word(&slave, identity::own());
        drop(reader);
        try_for_mark(&slave);
        assert!(with(&slave, |_, monitor| monitor.mark.is_some()));
        assert_eq!(word(&slave), identity::own(), "the other may have none");
        drop(other);
        assert_eq!(word(&slave), identity::own(), "the first may have none");
        give_mark_back(&slave);
        try_for_mark(&slave);
        assert_eq!(word(&slave), 0, "now it is alone");
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
    fn who_has_broken_a_lock_is_in_the_way_of_others() {
        let (slave, _master) = pair("may_break");
        set_sequence(&slave, 7);
        tend(&slave, 1);
        tend(&slave, STOOD);
        assert!(!is_in_the_way(&slave, 7));
        let (tx, next) = slave.core.break_lock(7, 1).expect("it is alone");
        assert_eq!(next, 9);
        tend(&slave, 1);
        tend(&slave, STOOD);
        assert!(is_in_the_way(&slave, 7) && is_in_the_way(&slave, 9), "another would break it too");
        tx.unlock_unchanged(next);
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
