//! A lock that is disputed, renewed, moved away from; and wake-ups that find nobody.

use super::*;
use crate::channel::heap;

/// A lock that is disputed, as another thread decides after it was taken.
fn disputed_later(channel: Channel<'_>, ours: &HeldLock) -> (Dispute, u32) {
    let breaks = ours.breaks.load(Ordering::Relaxed);
    let (mut dispute, _) = disputed(channel, ours);
    dispute.breaks = breaks;
    (dispute, dispute.odd)
}

/// A lock that is disputed, as another thread disclaims it.
fn disputed(channel: Channel<'_>, ours: &HeldLock) -> (Dispute, u32) {
    ours.breaks.store(later(ours.breaks.load(Ordering::Relaxed), 1), Ordering::Relaxed);
    let Lock::Disputed(dispute) = channel.try_lock(ours) else { panic!("not disputed") };
    ours.end_disclaim();
    (dispute, dispute.odd)
}

#[test]
fn a_renewed_lock_is_not_broken_by_a_proof_about_the_former() {
    let (owned, ours, other) = (heap::Owned::new(16), HeldLock::default(), HeldLock::default());
    let channel = owned.channel();
    let (dispute, odd) = disputed(channel, &ours);
    let next = channel.renew(&ours, dispute);
    assert_eq!(next, Some(odd + 2));
    assert!(ours.holds(odd + 2) && !ours.holds(odd));
    let writes = channel.tail.write_count.load(Ordering::Relaxed);
    let wakes = channel.tail.wake_seq.load(Ordering::Relaxed);
    assert_eq!((difference(odd + 2, writes), wakes), (0, writes as u32), "as if the former had been a message");
    assert!(matches!(channel.try_break(&other, odd), Lock::Busy(_)), "that was about another lock");
}

#[test]
fn a_disputed_lock_that_was_broken_is_not_ours() {
    let (owned, ours, other) = (heap::Owned::new(16), HeldLock::default(), HeldLock::default());
    let channel = owned.channel();
    let (dispute, odd) = disputed(channel, &ours);
    assert!(matches!(channel.try_break(&other, odd), Lock::Taken(_)));
    assert_eq!(channel.renew(&ours, dispute), None);
    assert!(![odd, odd + 2].iter().any(|&odd| ours.holds(odd)), "whoever dies there is none of us");
}

#[test]
fn a_disputed_lock_of_the_channel_before_a_move_is_left_there() {
    let [old, new] = [(); 2].map(|()| heap::Owned::new(16));
    for at_another_address in [true, false] {
        let (ours, other) = (HeldLock::default(), HeldLock::default());
        let (dispute, odd) = disputed(old.channel(), &ours);
        if !at_another_address {
            old.channel().head.sequence.store(0, Ordering::Relaxed); // the new file, in its place
        }
        let channel = if at_another_address { new.channel() } else { old.channel() };
        ours.forget(!at_another_address);
        let Lock::Taken(theirs) = channel.try_lock(&other) else { panic!("not free") };
        assert_eq!(theirs, odd, "by chance the same");
        assert_eq!(channel.renew(&ours, dispute), None, "another address: {at_another_address}");
        assert_eq!(channel.head.sequence.load(Ordering::Relaxed), theirs, "another's");
        assert!(!ours.holds(theirs));
        channel.unlock_unchanged(theirs);
        old.channel().unlock_unchanged(1);
    }
}

#[test]
fn a_move_counts_for_whoever_looked_before_a_decision_that_it_came_after() {
    let held = HeldLock::default();
    let decide = || held.breaks.store(later(held.breaks.load(Ordering::Relaxed), 2), Ordering::Relaxed);
    assert!((0..PLACES as u32).all(|breaks| !held.has_moved_since(breaks)), "never");
    for is_locked in [true, false] {
        for _ in 0..PLACES {
            let before = held.breaks.load(Ordering::Relaxed);
            decide();
            let at = held.breaks.load(Ordering::Relaxed);
            held.forget(is_locked);
            assert!(held.has_moved_since(before));
            assert_eq!(held.has_moved_since(at), !is_locked, "with the lock it was not broken before");
            decide();
            assert!(held.has_moved_since(before) && !held.has_moved_since(held.breaks.load(Ordering::Relaxed)));
        }
    }
}

#[test]
fn a_move_a_round_ago_is_over() {
    let held = HeldLock::default();
    held.forget(true);
    for decision in 0..2 * PLACES {
        let before = held.breaks.load(Ordering::Relaxed);
        held.breaks.store(later(before, 1), Ordering::Relaxed);
        held.end_disclaim();
        assert!(!held.has_moved_since(before), "{decision}");
    }
}

#[test]
fn a_lock_taken_right_after_a_move_that_was_not_said_before_it_is_renewed() {
    let (owned, ours) = (heap::Owned::new(16), HeldLock::default());
    let channel = owned.channel();
    ours.forget(true); // by now the thread had found `breaks`
    let (dispute, odd) = disputed_later(channel, &ours);
    assert_eq!(channel.renew(&ours, dispute), Some(odd + 2), "or it would stand there");
}

#[test]
fn calls_that_find_nobody_are_made_once_a_millisecond_until_waiters_changes() {
    let wakes = Wakes::default();
    let read_and_call = |reads, waiters, ms: u64, woken| {
        let asked = !wakes.is_vain((waiters, reads), || ms * clock::MS);
        if asked {
            wakes.learn((waiters, reads), woken);
        }
        asked
    };
    let call = |waiters, ms, woken| read_and_call(0, waiters, ms, woken);
    let first = (0..100).filter(|_| call(1, 100, 0)).count();
    assert_eq!(first, MISSES as usize + 1, "the last of them begins the millisecond");
    assert!(!call(1, 100, 0) && call(1, 101, 0) && !call(1, 101, 0), "once a millisecond");
    assert!(call(2, 101, 1), "another reader");
    assert!((0..MISSES).all(|_| call(2, 101, 0)), "one was found: all begins anew");
    assert!(!call(2, 101, 0) && read_and_call(1, 2, 101, 1), "it has read, and may have parked again");
}
