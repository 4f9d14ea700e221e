//! Moving to another segment under reads and writes that are going on.
//!
//! The slave's handle, its reads and writes, the tick that moves it and all that follows are the real code. The peers are other
//! processes: they write to the files through mappings of their own.

use super::{
    Model,
    handle::{self, SIZE},
    park::{WAIT, write},
    sequence_lock::{WRITE, message},
};
use crate::channel::{HeldLock, Taken};
use crate::config::Side;
use crate::endpoint::{
    self,
    core::{Core, State},
    left::Left,
    read::Timeout,
};
use crate::error::Error;
use crate::liveness::reconnect::Reconnect;
use crate::segment::view::View;
use crate::sync::model::Action::{Late, Relax, Skip};
use crate::sync::{self, Ordering};
use crate::sys::{clock, process};
use loom::thread;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Preemptions of an execution.
const PREEMPTIONS: usize = 2;

const REMAP: &str = "src/endpoint/remap.rs";
const LOOK: &str = "src/endpoint/read.rs";
const ATTACH: &str = "src/endpoint/attach.rs";
const CORE: &str = "src/endpoint/core.rs";

/// A slave that has found another segment, and the two files as others map them.
struct Scene {
    core: Arc<Core>,
    old: Arc<View>,
    new: Arc<View>,
}

impl Scene {
    /// With messages of the old segment that nobody has read, and of the new one that was there before the slave came.
    fn new(unread: &[u8], waiting: &[u8]) -> Scene {
        let (old, new) = (handle::view(), handle::view());
        let core = handle::handle(handle::mapped(&old, 1), Side::Slave);
        for (view, bytes) in [(&old, unread), (&new, waiting)] {
            let held = HeldLock::default();
            bytes.iter().for_each(|&byte| write(view, &held, byte));
        }
        let mut monitor = sync::lock(&core.monitor);
        let found = monitor.as_mut().expect("open");
        found.reconnect = Some(Reconnect::new(clock::now()));
        found.pending = Some((handle::mapped(&new, 2), None));
        drop(monitor);
        Scene { core, old, new }
    }

    /// A thread that finds the master lost and ticks until the handle has moved.
    fn mover(&self) -> thread::JoinHandle<()> {
        let core = self.core.clone();
        thread::spawn(move || {
            core.set_state(State::Reconnecting);
            while core.state() != State::Attached {
                core.tick_from_service(1, clock::now());
                thread::yield_now();
            }
        })
    }

    /// A thread that looks for a message so many times; what it got.
    fn reader(&self, looks: u32) -> thread::JoinHandle<Vec<u8>> {
        let core = self.core.clone();
        thread::spawn(move || (0..looks).filter_map(|_| read(&core, Timeout::None).ok()).collect())
    }

    /// What is left to be read.
    fn rest(&self) -> Vec<u8> {
        std::iter::from_fn(|| read(&self.core, Timeout::None).ok()).collect()
    }
}

/// A read, as the Rust API makes it.
fn read(core: &Arc<Core>, timeout: Timeout) -> Result<u8, Error> {
    let mut buffer = [MaybeUninit::new(0); SIZE];
    // SAFETY: the Arc keeps the handle.
    let size = unsafe { endpoint::read(Arc::as_ptr(core), &mut buffer, timeout)? };
    // SAFETY: initialised above.
    let bytes = buffer.map(|byte| unsafe { byte.assume_init() });
    assert!(size == SIZE && bytes.iter().all(|&byte| byte == bytes[0]), "torn: {bytes:?}");
    Ok(bytes[0])
}

fn rising(values: &[u8]) -> bool {
    values.is_sorted_by(|a, b| a < b)
}

/// The channel that the slave writes, in one of the files: how often it was written, and what is in it. It is not locked.
fn written(view: &View) -> (u64, Option<u8>) {
    let channel = view.channel(Side::Slave.writes());
    let mut buffer = [MaybeUninit::new(0); SIZE];
    let count = channel.tail.write_count.load(Ordering::SeqCst);
    match channel.take(0, &mut buffer) {
        Taken::Nothing => (count, None),
        Taken::Value { size: SIZE, .. } => {
            // SAFETY: initialised above.
            let bytes = buffer.map(|byte| unsafe { byte.assume_init() });
            assert!(bytes.iter().all(|&byte| byte == bytes[0]), "torn: {bytes:?}");
            (count, Some(bytes[0]))
        }
        taken => panic!("{taken:?}"),
    }
}

#[test]
fn an_unread_value_is_delivered_once() {
    let model = Model::new("move, an unread value and a reader", || {
        let scene = Scene::new(&[1], &[]);
        let (reader, mover) = (scene.reader(2), scene.mover());
        let mut values = reader.join().expect("the reader");
        mover.join().expect("the mover");
        values.append(&mut scene.rest());
        assert_eq!(values, [1]);
    })
    .barrier_between()
    .preemptions(3);
    model.holds();
    model.fails(REMAP, "self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // pairs with park", Skip);
    model.fails(REMAP, "self.has_kept.store(true, Ordering::Release);", Skip);
}

#[test]
fn an_unread_value_goes_to_one_of_two_readers() {
    let model = Model::new("move, an unread value and two readers", || {
        let scene = Scene::new(&[1], &[]);
        let (first, second, mover) = (scene.reader(1), scene.reader(1), scene.mover());
        let mut values = first.join().expect("a reader");
        values.append(&mut second.join().expect("a reader"));
        mover.join().expect("the mover");
        values.append(&mut scene.rest());
        assert_eq!(values, [1]);
    })
    .barrier_between()
    .preemptions(1);
    model.holds();
    model.fails(LOOK, "self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed)", Skip);
}

#[test]
fn the_new_segments_value_is_read_once_and_after_the_old_ones() {
    let model = Model::new("move, a value in each segment", || {
        let scene = Scene::new(&[1], &[2]);
        let (reader, mover) = (scene.reader(3), scene.mover());
        let mut values = reader.join().expect("the reader");
        mover.join().expect("the mover");
        values.append(&mut scene.rest());
        assert!(rising(&values) && values.last() == Some(&2), "{values:?}");
    })
    .barrier_between()
    .preemptions(PREEMPTIONS);
    model.holds();
    model.fails(REMAP, "self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // pairs with park", Skip);
    model.fails(REMAP, "self.cursor.store(epoch | u64::from(baseline), Ordering::SeqCst);", Skip);
}

#[test]
fn a_value_of_the_old_segments_sequence_is_not_taken_for_the_new_ones() {
    let model = Model::new("move, the same sequence in both segments", || {
        // The old one's value is read: in both segments the next even sequence is 4.
        let scene = Scene::new(&[1], &[5, 6]);
        assert_eq!(scene.rest(), [1]);
        let (reader, mover) = (scene.reader(2), scene.mover());
        let held = HeldLock::default();
        write(&scene.old, &held, 2);
        let mut values = reader.join().expect("the reader");
        mover.join().expect("the mover");
        values.append(&mut scene.rest());
        assert!(rising(&values) && values.last() == Some(&6), "{values:?}");
    })
    .barrier_between()
    .preemptions(PREEMPTIONS);
    model.holds();
    model.fails(REMAP, "self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // pairs with park", Skip);
}

/// A handle that has moved looks back at a value which came after that, beside a reader and so many
/// values that come to the new segment. What was read.
fn look_back(newer: &[u8]) -> Vec<u8> {
    let scene = Scene::new(&[1], &[]);
    let core = handle::handle(handle::mapped(&scene.new, 2), Side::Slave);
    let scene = Scene { core: core.clone(), ..scene };
    let reader = scene.reader(1);
    let ticker = thread::spawn({
        let old = scene.old.clone();
        move || {
            let mut monitor = sync::lock(&core.monitor);
            let monitor = monitor.as_mut().expect("open");
            monitor.left = Left { view: Some(old), known: (0, 0), rest: 2 };
            core.look_back(monitor, 1);
        }
    });
    let held = HeldLock::default();
    newer.iter().for_each(|&byte| write(&scene.new, &held, byte));
    let mut values = reader.join().expect("the reader");
    ticker.join().expect("the ticker");
    values.append(&mut scene.rest());
    values
}

#[test]
fn a_value_that_comes_late_to_the_segment_that_was_left_is_delivered_once() {
    let model = Model::new("move, a late value", || assert_eq!(look_back(&[]), [1])).barrier_between().preemptions(3);
    model.holds();
    model.fails(REMAP, "self.has_kept.store(true, Ordering::Release);", Skip);
}

#[test]
fn a_late_value_never_comes_after_one_of_the_new_segment() {
    let model = Model::new("move, a late value and a new one", || {
        let values = look_back(&[2]);
        assert!(rising(&values) && values.last() == Some(&2), "{values:?}");
    })
    .barrier_between()
    .preemptions(PREEMPTIONS);
    model.holds();
    model.fails(REMAP, "self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed)", Skip);
    model.fails(REMAP, "self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed)", Relax);
}

/// So many threads of the slave write while it moves.
fn writers(count: u8) -> impl Fn() + Send + Sync + 'static {
    move || {
        let scene = Scene::new(&[], &[]);
        let writers = (1..=count).map(|byte| {
            let core = scene.core.clone();
            thread::spawn(move || core.write(&message(byte)).is_ok())
        });
        let (writers, mover): (Vec<_>, _) = (writers.collect(), scene.mover());
        let done: u64 = writers.into_iter().map(|writer| u64::from(writer.join().expect("a writer"))).sum();
        mover.join().expect("the mover");
        let (old, new) = (written(&scene.old), written(&scene.new));
        assert_eq!(old.0 + new.0, done, "each once, or not at all");
        for (count, value) in [old, new] {
            assert_eq!(count > 0, value.is_some());
        }
    }
}

#[test]
fn a_write_is_in_one_segment_whole() {
    let model = Model::new("move, a write", writers(1)).barrier_between().barrier_in_process().preemptions(3);
    model.holds();
    model.fails(WRITE, "compare_exchange(even, even.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)", Skip);
    model.fails(WRITE, "self.head.sequence.store(odd.wrapping_sub(1), Ordering::Release);", Skip);
}

#[test]
fn who_has_left_the_old_segment_holds_no_lock_there() {
    let model = Model::new("move, the old segment as the other side sees it", || {
        let scene = Scene::new(&[], &[]);
        let header = scene.old.header();
        header.pid[1].store(process::pid(), Ordering::Relaxed); // the mover is not there yet
        header.alive[1].store(1, Ordering::Relaxed);
        let core = scene.core.clone();
        core.write(&message(1)).expect("a write");
        let mover = scene.mover();
        if header.alive[1].load(Ordering::Acquire) == 0 {
            // pairs with detach
            let taken = scene.old.channel(Side::Slave.writes()).take(0, &mut [MaybeUninit::new(0); SIZE]);
            assert!(matches!(taken, Taken::Value { .. }), "{taken:?}");
        }
        mover.join().expect("the mover");
        assert_eq!(header.alive[1].load(Ordering::Acquire), 0);
    })
    .barrier_between()
    .barrier_in_process()
    .preemptions(3);
    model.holds();
    model.fails(ATTACH, "header.alive[side as usize].store(0, Ordering::Release);", Relax);
    model.fails(WRITE, "self.head.sequence.store(odd.wrapping_sub(1), Ordering::Release);", Late);
}

#[test]
fn writes_of_two_threads_are_each_in_one_segment_whole() {
    let model = Model::new("move, two writes", writers(2)).barrier_between().barrier_in_process().preemptions(1);
    model.holds();
}

#[test]
fn a_parked_reader_does_not_sleep_on_a_word_that_was_replaced() {
    let model = Model::new("move, a parked reader", || {
        let scene = Scene::new(&[], &[2]);
        let core = scene.core.clone();
        let reader = thread::spawn(move || read(&core, Timeout::Infinite));
        scene.mover().join().expect("the mover");
        assert_eq!(reader.join().expect("the reader"), Ok(2));
        let waiters = [&scene.old, &scene.new].map(|view| view.channel(0).tail.waiters.load(Ordering::SeqCst));
        assert_eq!(waiters, [0, 0], "each was counted out where it was counted in");
    })
    .barrier_between()
    .preemptions(1);
    model.holds();
    model.fails(WAIT, "self.parked.fetch_add(1, Ordering::SeqCst);", Skip);
    model.fails(CORE, "self.event.fetch_add(1, Ordering::SeqCst);", Skip);
    model.fails(CORE, "futex::wake(&self.event, futex::Scope::Private);", Skip);
    model.fails(REMAP, "if self.parked.load(Ordering::SeqCst) != 0 {", Skip);
}
