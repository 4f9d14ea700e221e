//! The sequence lock: writers, readers, and the breaking of an abandoned lock.

use super::Model;
use crate::channel::{Barrier, HeldLock, Lock, Taken, heap::Owned};
use crate::sync::model::Action::{Relax, Skip};
use loom::{cell::UnsafeCell, thread};
use std::mem::MaybeUninit;
use std::sync::Arc;

pub(super) const WRITE: &str = "src/channel/write.rs";
const READ: &str = "src/channel/read.rs";
/// Two words: the least that can be torn.
pub(super) const SIZE: usize = 16;

pub(super) fn message(byte: u8) -> [MaybeUninit<u8>; SIZE] {
    [MaybeUninit::new(byte); SIZE]
}

/// Entered with the lock held, before publishing: shows that whoever held it before is done, and all it did came before.
#[derive(Default)]
pub(super) struct Guard(UnsafeCell<()>);

impl Guard {
    pub(super) fn enter(&self) {
        self.0.with_mut(|_| {}); // loom finds two that are not ordered
    }
}

/// Writes, if the lock is free.
pub(super) fn write(owned: &Owned, held: &HeldLock, byte: u8) -> bool {
    write_guarded(owned, held, &Guard::default(), byte)
}

pub(super) fn write_guarded(owned: &Owned, held: &HeldLock, guard: &Guard, byte: u8) -> bool {
    let channel = owned.channel();
    match channel.try_lock(held) {
        Lock::Taken(odd) => {
            guard.enter();
            channel.publish(odd, &message(byte)[..channel.capacity], held, || Barrier::Reader);
            true
        }
        Lock::Busy(_) => false,
        Lock::Disputed(odd) => {
            channel.settle(held, odd);
            false
        }
    }
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
    });
    model.holds();
    model.fails(WRITE, "fence(Ordering::Release); // pairs with the acquire fence in read", Skip);
    model.fails(READ, "fence(Ordering::Acquire); // pairs with the release fence in publish", Skip);
    model.fails(READ, "self.head.sequence.load(Ordering::Acquire); // pairs with the release of the even store", Relax);
}
