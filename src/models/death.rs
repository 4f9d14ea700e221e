//! A writer dies after its k-th store, for every k, and a successor on another handle goes on.

use super::Model;
use super::sequence_lock::{SIZE, message, read, write};
use crate::channel::{Barrier, HeldLock, Lock, heap::Owned};
use crate::sync::Ordering;
use crate::sync::model::{self, Died};
use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether a write that dies after `effects` stores and wake-ups came to its end.
fn write_and_die(owned: &Owned, held: &HeldLock, byte: u8, effects: u32) -> bool {
    model::die_after(Some(effects));
    let result = catch_unwind(AssertUnwindSafe(|| write(owned, held, byte)));
    model::die_after(None);
    match result {
        Ok(written) => {
            assert!(written, "nobody else writes");
            true
        }
        Err(payload) if payload.is::<Died>() => false,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Writes `byte` as the successor of a dead writer does: straight on, or by breaking the lock it left.
fn succeed(owned: &Owned, held: &HeldLock, byte: u8) {
    let channel = owned.channel();
    match channel.try_lock(held) {
        Lock::Taken(odd) => channel.publish(odd, &message(byte), held, || Barrier::Reader),
        Lock::Busy(odd) => {
            let Lock::Taken(next) = channel.try_break(held, odd) else { panic!("nobody else breaks") };
            assert_eq!(next, odd.wrapping_add(2));
            channel.publish(next, &message(byte), held, || Barrier::Reader);
        }
        Lock::Disputed(_) => panic!("nobody else breaks"),
    }
}

/// Message 1 is whole. Message 2's writer dies after `effects`; message 3 is its successor's. A reader looks on.
fn dies_after(effects: u32, ended: Arc<AtomicBool>) -> impl Fn() + Send + Sync + 'static {
    move || {
        let owned = Arc::new(Owned::new(SIZE));
        let channel = owned.channel();
        let first = HeldLock::default();
        assert!(write(&owned, &first, 1));
        channel.tail.waiters.store(1, Ordering::SeqCst); // a reader is parked: the wake-up is a step of its own
        let reader = thread::spawn({
            let owned = owned.clone();
            move || {
                let (mut seen, mut newest) = (0, 0);
                for _ in 0..2 {
                    if let Some((byte, sequence)) = read(&owned, seen) {
                        assert!(byte > newest, "{byte} after {newest}");
                        (newest, seen) = (byte, sequence);
                    }
                }
            }
        });
        let whole = write_and_die(&owned, &first, 2, effects);
        ended.store(whole, Relaxed);
        let (sequence, writes) =
            (channel.head.sequence.load(Ordering::Relaxed), channel.tail.write_count.load(Ordering::Relaxed));
        assert!((2..=4).contains(&sequence) && (1..=2).contains(&writes), "{sequence} {writes}");
        assert!(!whole || sequence == 4 && writes == 2);
        succeed(&owned, &HeldLock::default(), 3);
        let after = channel.head.sequence.load(Ordering::Relaxed);
        let odd = sequence & 1 == 1;
        // From odd through odd + 2 to even; else to odd and even.
        assert_eq!(after, if odd { sequence + 3 } else { sequence + 2 });
        assert_eq!(channel.tail.write_count.load(Ordering::Relaxed), writes + 1);
        reader.join().expect("the reader");
        assert_eq!(read(&owned, sequence), Some((3, after)));
    }
}

/// For every step at which the writer may die.
fn each_death(check: impl Fn(Model)) -> u32 {
    for effects in 0.. {
        let ended = Arc::new(AtomicBool::new(false));
        check(
            Model::new("a writer that dies, and its successor", dies_after(effects, ended.clone()))
                .barrier_in_process()
                .preemptions(2),
        );
        if ended.load(Relaxed) {
            return effects;
        }
    }
    unreachable!()
}

#[test]
fn at_every_store() {
    let steps = each_death(|model| model.holds());
    // The lock; both words, size, two counts; even; the memory of wake-ups; the wake-up; `held.odd`.
    assert!(steps >= 9, "{steps}");
}
