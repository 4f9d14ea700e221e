//! Whether a message is whole, where only the count of writes can tell: a released writer of inverted parity is at even
//! while it copies.

use super::{
    Model,
    sequence_lock::{READ, SIZE},
};
use crate::channel::{Taken, heap::Owned};
use crate::sync::Ordering;
use crate::sync::model::Action::Relax;
use loom::thread;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Writes as a released writer does: it adds to the sequence whatever it finds there, and counts at the end.
fn write_as_released(owned: &Owned, byte: u8) {
    let channel = owned.channel();
    channel.head.sequence.fetch_add(1, Ordering::AcqRel);
    loom::sync::atomic::fence(Ordering::Release);
    for word in channel.words {
        word.store(u64::from_ne_bytes([byte; 8]), Ordering::Relaxed);
    }
    channel.head.data_size.store(SIZE as u32, Ordering::Relaxed);
    channel.head.sequence.fetch_add(1, Ordering::Release);
    channel.tail.write_count.fetch_add(1, Ordering::Release);
}

#[test]
fn a_copy_at_even_is_never_taken_for_a_whole_message() {
    let model = Model::new("doubt, a writer that copies at even", || {
        let owned = Arc::new(Owned::new(SIZE));
        // An earlier writer died in its copy: odd is at rest from now on.
        owned.channel().head.sequence.store(1, Ordering::Relaxed);
        let writer = thread::spawn({
            let owned = owned.clone();
            move || write_as_released(&owned, 1)
        });
        let channel = owned.channel();
        if let Taken::Value { sequence, .. } = channel.take(0, &mut [MaybeUninit::new(0); SIZE]) {
            assert!(!channel.is_whole(sequence, |difference| difference == 0), "a part of a message at {sequence}");
        }
        writer.join().expect("the writer");
    })
    .preemptions(3);
    model.holds();
    model.fails(READ, "let writes = self.tail.write_count.load(Ordering::Acquire);", Relax);
}

#[test]
fn a_message_at_rest_is_whole() {
    let model = Model::new("doubt, a writer that copies at odd", || {
        let owned = Arc::new(Owned::new(SIZE));
        let writer = thread::spawn({
            let owned = owned.clone();
            move || write_as_released(&owned, 1)
        });
        writer.join().expect("the writer");
        let channel = owned.channel();
        let taken = channel.take(0, &mut [MaybeUninit::new(0); SIZE]);
        assert_eq!(taken, Taken::Value { size: SIZE, sequence: 2 });
        assert!(channel.is_whole(2, |difference| difference == 0));
    });
    model.holds();
}
