//! Breaking a lock that has stood for long, while threads of the very handle may hold it: they may be slow, they are not dead.

use super::Model;
use super::sequence_lock::{Guard, WRITE, message, write_guarded};
use crate::channel::{Barrier, HeldLock, Lock, heap::Owned};
use crate::sync::{
    Ordering,
    model::Action::{Late, Skip},
};
use loom::thread;
use std::sync::Arc;

/// One handle: a thread that writes and, with `second`, another that begins once a lock was broken; and one that breaks, twice,
/// whatever lock it finds, as if it had stood for 20 ms.
fn threads_of_one_handle(second: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let (owned, held, guard) = (Arc::new(Owned::new(8)), Arc::new(HeldLock::default()), Arc::new(Guard::default()));
        let writer = |byte| {
            let (owned, held, guard) = (owned.clone(), held.clone(), guard.clone());
            thread::spawn(move || write_guarded(&owned, &held, &guard, byte))
        };
        let channel = owned.channel();
        let mut writers = vec![writer(1)];
        let mut broken = 0;
        for _ in 0..2 {
            thread::yield_now(); // the 20 ms
            let odd = channel.head.sequence.load(Ordering::Relaxed);
            let one = guard.decide();
            if odd & 1 == 1
                && let Lock::Taken(next) = channel.try_break(&held, odd)
            {
                drop(one);
                guard.enter();
                channel.publish(next, &message(9)[..8], &held, || Barrier::Reader);
                broken += 1;
            }
            if second && broken == 1 && writers.len() == 1 {
                writers.push(writer(2));
            }
        }
        let written: u32 = writers.into_iter().map(|writer| u32::from(writer.join().expect("a writer"))).sum();
        let (sequence, writes) =
            (channel.head.sequence.load(Ordering::Relaxed), channel.tail.write_count.load(Ordering::Relaxed));
        assert_eq!(sequence & 1, 0, "left locked");
        let messages = u64::from(broken + written);
        // Each write may have renewed its lock.
        assert!((messages..=messages + u64::from(written)).contains(&writes), "a count was lost");
        assert_eq!(sequence, 2 * writes as u32 + 2 * broken, "the sequence went back");
    }
}

#[test]
fn a_lock_of_the_same_handle() {
    let model = Model::new("breaking, a writer of the same handle", threads_of_one_handle(false))
        .barrier_in_process()
        .preemptions(4);
    model.holds();
    model.fails(WRITE, "sync::light_barrier(); // pairs with the heavy barrier of try_break", Skip);
    model.fails(WRITE, "sync::heavy_barrier(); // pairs with the light barrier of try_lock", Skip);
    model.fails(WRITE, "held.odd(breaks).store(odd, Ordering::Relaxed); // before `breaks` is looked at again", Skip);
}

#[test]
fn a_late_store_and_a_live_writer() {
    let model = Model::new("breaking, a late thread and a live writer", threads_of_one_handle(true))
        .barrier_in_process()
        .preemptions(3);
    model.holds();
    model.fails(WRITE, "held.odd(breaks).store(odd, Ordering::Relaxed); // before `breaks` is looked at again", Late);
}

/// One handle whose thread writes twice while the handle disclaims whatever lock it finds standing; another handle breaks that lock,
/// since nobody else is left who could hold it.
fn disclaimed() {
    let [ours, theirs] = [0, 1].map(|_| Arc::new(HeldLock::default()));
    let (owned, guard) = (Arc::new(Owned::new(8)), Arc::new(Guard::default()));
    let writer = {
        let (owned, ours, guard) = (owned.clone(), ours.clone(), guard.clone());
        thread::spawn(move || [1, 2].map(|byte| u32::from(write_guarded(&owned, &ours, &guard, byte))))
    };
    let (channel, mut broken) = (owned.channel(), 0);
    thread::yield_now(); // the 20 ms
    let odd = channel.head.sequence.load(Ordering::Relaxed);
    let is_disclaimed = odd & 1 == 1 && {
        let _one = guard.decide();
        channel.disclaim(&ours, odd)
    };
    // Whatever the writer does from here on, the other has its proof.
    if is_disclaimed {
        if let Lock::Taken(next) = channel.try_break(&theirs, odd) {
            guard.enter();
            channel.publish(next, &message(9)[..8], &theirs, || Barrier::Reader);
            broken += 1;
        }
        let _one = guard.decide();
        ours.end_disclaim();
    }
    let written: u32 = writer.join().expect("a writer").iter().sum();
    let (sequence, writes) =
        (channel.head.sequence.load(Ordering::Relaxed), channel.tail.write_count.load(Ordering::Relaxed));
    assert_eq!(sequence & 1, 0, "left locked");
    let messages = u64::from(broken + written);
    // Each write may have renewed its lock.
    assert!((messages..=messages + u64::from(written)).contains(&writes), "a count was lost");
    assert_eq!(sequence, 2 * writes as u32 + 2 * broken, "the sequence went back");
}

#[test]
fn a_lock_that_a_live_handle_disclaims() {
    let model = Model::new("breaking, a lock that is disclaimed", disclaimed).barrier_in_process().preemptions(4);
    model.holds();
    model.fails(WRITE, "held.breaks.store(later(breaks, 1), Ordering::Relaxed);", Skip);
    model.fails(WRITE, "sync::heavy_barrier(); // pairs with the light barrier of try_lock", Skip);
}
