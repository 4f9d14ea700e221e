//! The sequence lock: writers, readers, and the breaking of an abandoned lock.

use super::Model;
use crate::channel::{Barrier, HeldLock, Lock, Taken, heap::Owned};
use crate::sync::model::Action::{Relax, Skip};
use crate::sync::{self, Mutex, Ordering};
use loom::{cell::UnsafeCell, thread};
use std::mem::MaybeUninit;
use std::sync::Arc;

pub(super) const WRITE: &str = "src/channel/write.rs";
pub(super) const READ: &str = "src/channel/read.rs";
/// Two words: the least that can be torn.
pub(super) const SIZE: usize = 16;

pub(super) fn message(byte: u8) -> [MaybeUninit<u8>; SIZE] {
    [MaybeUninit::new(byte); SIZE]
}

/// Entered with the lock held, before publishing: shows that whoever held it before is done, and all it did came before.
pub(super) struct Guard {
    inside: UnsafeCell<()>,
    /// The right of a handle's threads to decide about a lock.
    one: Mutex<()>,
}

impl Default for Guard {
    fn default() -> Self {
        Guard { inside: UnsafeCell::new(()), one: Mutex::new(()) }
    }
}

impl Guard {
    pub(super) fn enter(&self) {
        self.inside.with_mut(|_| {}); // loom finds two that are not ordered
    }

    pub(super) fn decide(&self) -> sync::Held<'_, ()> {
        sync::hold(&self.one)
    }
}

/// Writes, if the lock is free.
pub(super) fn write(owned: &Owned, held: &HeldLock, byte: u8) -> bool {
    write_guarded(owned, held, &Guard::default(), byte)
}

pub(super) fn write_guarded(owned: &Owned, held: &HeldLock, guard: &Guard, byte: u8) -> bool {
    let channel = owned.channel();
    let odd = match channel.try_lock(held) {
        Lock::Taken(odd) => odd,
        Lock::Busy(_) => return false,
        Lock::Disputed(dispute) => {
            let one = guard.decide();
            held.end_disclaim();
            let Some(odd) = channel.renew(held, dispute) else { return false };
            drop(one);
            odd
        }
    };
    guard.enter();
    channel.publish(odd, &message(byte)[..channel.capacity], held, || Barrier::Reader);
    true
}

/// One read: what was taken, checked to be whole, and at which sequence.
pub(super) fn read(owned: &Owned, seen: u32) -> Option<(u8, u32)> {
    let mut buffer = [MaybeUninit::new(0); SIZE];
    let Taken::Value { size, sequence } = owned.channel().take(seen, &mut buffer) else { return None };
    assert_eq!(size, SIZE);
    // SAFETY: initialised above.
    let bytes = buffer.map(|byte| unsafe { byte.assume_init() });
    assert!(bytes.iter().all(|&byte| byte == bytes[0]), "torn: {bytes:?}");
    Some((bytes[0], sequence))
}

#[test]
fn a_writer_and_a_reader() {
    let model = Model::new("one writer, one reader", || {
        let (owned, held) = (Arc::new(Owned::new(SIZE)), HeldLock::default());
        let reader = thread::spawn({
            let owned = owned.clone();
            move || {
                let first = read(&owned, 0);
                let second = read(&owned, first.map_or(0, |(_, sequence)| sequence));
                if let (Some((old, before)), Some((new, after))) = (first, second) {
                    assert!(new > old && after > before, "twice, or backwards");
                }
            }
        });
        assert!(write(&owned, &held, 1) && write(&owned, &held, 2));
        reader.join().expect("the reader");
        assert_eq!(read(&owned, 0), Some((2, 4)));
    })
    .preemptions(3);
    model.holds();
    model.fails(WRITE, "fence(Ordering::Release); // pairs with the acquire fence in read", Skip);
    model.fails(READ, "fence(Ordering::Acquire); // pairs with the release fence in publish", Skip);
    model.fails(READ, "self.head.sequence.load(Ordering::Acquire); // pairs with the release of the even store", Relax);
    model.fails(WRITE, "self.head.sequence.store(odd.wrapping_add(1), Ordering::Release); // pairs", Relax);
    model.fails(WRITE, "self.head.data_size.store(message.len() as u32, Ordering::Relaxed);", Skip);
}

#[test]
fn a_writer_and_two_readers() {
    let model = Model::new("one writer, two readers", || {
        let (owned, held) = (Arc::new(Owned::new(SIZE)), HeldLock::default());
        let readers = [0, 1].map(|_| {
            let owned = owned.clone();
            thread::spawn(move || read(&owned, 0))
        });
        assert!(write(&owned, &held, 1) && write(&owned, &held, 2));
        for reader in readers {
            if let Some((byte, sequence)) = reader.join().expect("a reader") {
                assert_eq!(sequence, 2 * u32::from(byte));
            }
        }
    })
    .preemptions(2);
    model.holds();
    model.fails(WRITE, "fence(Ordering::Release); // pairs with the acquire fence in read", Skip);
    model.fails(READ, "fence(Ordering::Acquire); // pairs with the release fence in publish", Skip);
}

/// Two handles, as if a second slave wrote the same direction.
#[test]
fn two_writers_and_a_reader() {
    let model = Model::new("two writers, one reader", || {
        let (owned, guard) = (Arc::new(Owned::new(SIZE)), Arc::new(Guard::default()));
        let writers = [1, 2].map(|byte| {
            let (owned, guard) = (owned.clone(), guard.clone());
            thread::spawn(move || write_guarded(&owned, &HeldLock::default(), &guard, byte))
        });
        read(&owned, 0);
        let written: u32 = writers.into_iter().map(|writer| u32::from(writer.join().expect("a writer"))).sum();
        let channel = owned.channel();
        assert!(written > 0, "each hindered the other");
        assert_eq!(channel.head.sequence.load(Ordering::Relaxed), 2 * written, "parity drifted");
        assert_eq!(channel.tail.write_count.load(Ordering::Relaxed), u64::from(written), "a count was lost");
        assert!(read(&owned, 0).is_some());
    })
    .preemptions(2);
    model.holds();
    model.fails(WRITE, "let taken = self.head.sequence.compare_exchange(even", Relax);
    model.fails(WRITE, "self.head.sequence.store(odd.wrapping_add(1), Ordering::Release); // pairs", Relax);
}
