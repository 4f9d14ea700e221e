//! Parking and waking: no wake-up is lost.

use super::{
    Model, handle,
    sequence_lock::{WRITE, message},
};
use crate::channel::{Barrier, HeldLock, Lock};
use crate::config::Side;
use crate::endpoint::core::Core;
use crate::endpoint::{Target, Timeout};
use crate::segment::view::View;
use crate::sync::model::Action::Skip;
use crate::sync::{Ordering, model};
use loom::thread;
use std::mem::MaybeUninit;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

pub(super) const WAIT: &str = "src/endpoint/wait.rs";

/// Writes as a master of ours.
pub(super) fn write(view: &View, held: &HeldLock, byte: u8) {
    let channel = view.channel(Side::Master.writes());
    let Lock::Taken(odd) = channel.try_lock(held) else { panic!("nobody else writes") };
    channel.publish(odd, &message(byte), held, || Barrier::Reader);
}

/// Writes as a released master of protocol 2 does: no `wake_seq`, no look at `waiters`.
fn write_as_released(view: &View, byte: u8) {
    let channel = view.channel(Side::Master.writes());
    channel.head.sequence.fetch_add(1, Ordering::AcqRel);
    loom::sync::atomic::fence(Ordering::Release);
    for word in channel.words {
        word.store(u64::from_ne_bytes([byte; 8]), Ordering::Relaxed);
    }
    channel.head.data_size.store(handle::SIZE as u32, Ordering::Relaxed);
    channel.head.sequence.fetch_add(1, Ordering::Release);
    channel.tail.write_count.fetch_add(1, Ordering::Release);
}

/// A thread that reads until it gets `last`.
fn read_until(core: &Arc<Core>, last: u8, done: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (core, done) = (core.clone(), done.clone());
    thread::spawn(move || {
        let mut newest = 0;
        while newest != last {
            let mut buffer = [MaybeUninit::new(0); handle::SIZE];
            let size = core.read_slow(&mut Target::Buffer(&mut buffer), Timeout::Infinite).expect("a message");
            assert_eq!(size, handle::SIZE);
            // SAFETY: initialised above.
            let bytes = buffer.map(|byte| unsafe { byte.assume_init() });
            assert!(bytes.iter().all(|&byte| byte == bytes[0]) && bytes[0] > newest, "{bytes:?} after {newest}");
            newest = bytes[0];
        }
        done.store(true, Relaxed);
    })
}

/// The tick's look after readers, again and again until the reader is done.
fn tick_until(core: &Core, done: &AtomicBool) {
    while !done.load(Relaxed) {
        core.look_after_parked(false);
        thread::yield_now();
    }
}

/// A reader and a writer that signals; no tick, and no time but for a reader that met an odd sequence.
fn signalled(writes: u8) -> impl Fn() + Send + Sync + 'static {
    move || {
        model::sleep_through(|last| last & 1 == 0);
        let view = handle::view();
        let core = handle::handle(handle::segment(&view, 1), Side::Slave);
        let held = HeldLock::default();
        let reader = read_until(&core, writes, &Arc::default());
        for byte in 1..=writes {
            if writes > 1 && (byte == 1 || byte == writes) {
                thread::yield_now(); // the reader comes first, and again before the last
            }
            write(&view, &held, byte);
        }
        reader.join().expect("the reader");
    }
}

#[test]
fn a_writer_that_signals() {
    let model = Model::new("park, a writer that signals", signalled(1)).barrier_between().preemptions(3);
    model.holds();
    model.fails(WRITE, "Barrier::Reader => sync::light_barrier_between()", Skip);
    model.fails(WAIT, "sync::heavy_barrier_between(); // pairs with the light one in publish", Skip);
    model.fails(WRITE, "word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);", Skip);
    model.fails(WRITE, "futex::wake(&tail.wake_seq, futex::Scope::Shared)", Skip);
}

#[test]
fn a_burst_and_then_one_more() {
    // Wakes that find nobody are held back from the second on, see MISSES.
    let model = Model::new("park, a burst and one more", signalled(3)).barrier_between().preemptions(1);
    model.holds();
    model.fails("src/channel/read.rs", "count.store(count.load(Ordering::Relaxed).wrapping_add(1)", Skip);
}

#[test]
fn a_writer_that_does_not_signal() {
    let model = Model::new("park, a writer that does not signal", || {
        let view = handle::view();
        let core = handle::handle(handle::segment(&view, 1), Side::Slave);
        let done = Arc::default();
        let reader = read_until(&core, 1, &done);
        let writer = thread::spawn(move || write_as_released(&view, 1));
        tick_until(&core, &done);
        reader.join().expect("the reader");
        writer.join().expect("the writer");
    })
    .barrier_between()
    .preemptions(2);
    model.holds();
    model.fails(WAIT, "futex::wake(&rx.tail.wake_seq, futex::Scope::Shared);", Skip);
}

#[test]
fn a_tick_finds_who_met_an_odd_sequence() {
    let model = Model::new("park, a reader that meets an odd sequence", || {
        let view = handle::view();
        let core = handle::handle(handle::segment(&view, 1), Side::Slave);
        let done = Arc::default();
        let reader = read_until(&core, 1, &done);
        let writer = thread::spawn(move || write(&view, &HeldLock::default(), 1));
        tick_until(&core, &done);
        reader.join().expect("the reader");
        writer.join().expect("the writer");
    })
    .barrier_between()
    .preemptions(2);
    model.holds();
    model.fails(WAIT, "futex::wake(&rx.tail.wake_seq, futex::Scope::Shared);", Skip);
}
