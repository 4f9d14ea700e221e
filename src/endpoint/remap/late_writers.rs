//! What a move finds of writers that were held up: in the addresses it would use again, and in what the handle remembers.

use super::*;
use crate::channel::HeldLock;
use crate::config::Role;
use crate::endpoint::Endpoint;
use crate::liveness::parity::Parity;
use crate::segment::{layout::Layout, name::FOLDER};
use crate::sys::{file, process};
use std::os::fd::AsFd;

/// Another capacity than the handles of these tests have.
const OTHER: usize = 100;

fn open(test: &str, role: Role) -> Endpoint {
    Endpoint::builder(format!("move_{test}_{}", process::pid())).role(role).threads(false).open().expect("open")
}

/// A segment that has no name, for messages of so many bytes.
fn segment(capacity: usize) -> Segment {
    let layout = Layout::new(capacity).expect("a capacity");
    let file = file::unnamed(FOLDER).expect("a file");
    file::set_size(file.as_fd(), layout.total() as u64).expect("room");
    let id = file::status(file.as_fd()).expect("its status").id;
    let view = View::of_file(file.as_fd(), layout, false).expect("addresses");
    Segment { file, id, view: Arc::new(view) }
}

#[test]
fn addresses_where_a_late_writer_is_at_work_are_not_used_again() {
    for busy in [None, Some(0), Some(1)] {
        let master = open("spare", Role::Master);
        let mut held = sync::hold(&master.core.monitor);
        let monitor = held.as_mut().expect("open");
        let (late, spare, new) = (HeldLock::default(), segment(OTHER).view, segment(OTHER).view);
        if let Some(which) = busy {
            assert!(matches!(spare.channel(which).try_lock(&late), Lock::Taken(1)));
        }
        new.channel(0).tail.write_count.store(77, Ordering::Relaxed); // tells it from the spare
        monitor.spares.push(spare.clone());
        let old = monitor.segment.view.clone();
        let (placed, over_old) = put_in_place(monitor, &old, new);
        assert!(!over_old, "another layout");
        assert_eq!(placed.channel(0).tail.write_count.load(Ordering::Relaxed), 77);
        assert_eq!(Arc::ptr_eq(&placed, &spare), busy.is_none(), "{busy:?}");
        assert_eq!(monitor.spares.len(), usize::from(busy.is_some()), "kept for later: {busy:?}");
        let Some(which) = busy else { continue };
        let sequences = [which, 1 - which].map(|which| spare.channel(which).head.sequence.load(Ordering::Relaxed));
        assert_eq!(sequences, [1, 0], "the late one has its lock, and the other is free again");
    }
}

#[test]
fn a_segment_of_the_same_layout_takes_the_old_ones_addresses_whatever_else_is_there() {
    let master = open("same", Role::Master);
    let mut held = sync::hold(&master.core.monitor);
    let monitor = held.as_mut().expect("open");
    let old = monitor.segment.view.clone();
    monitor.spares.push(segment(old.layout.capacity).view);
    let new = segment(old.layout.capacity).view;
    new.channel(0).tail.write_count.store(77, Ordering::Relaxed);
    let (placed, over_old) = put_in_place(monitor, &old, new);
    assert!(over_old && Arc::ptr_eq(&placed, &old), "a thread that reads there goes on in the new one");
    assert_eq!(old.channel(0).tail.write_count.load(Ordering::Relaxed), 77);
    assert_eq!(monitor.spares.len(), 1);
    // What the master finds at its end is not its own.
    file::unlink(master.core.name.path()).expect("the name");
}

#[test]
fn addresses_that_are_used_again_were_locked_until_the_exchange() {
    let spare = segment(OTHER).view;
    assert!(is_unused(&spare));
    for which in [0, 1] {
        let lock = spare.channel(which).try_lock(&HeldLock::default());
        assert!(matches!(lock, Lock::Busy(1)), "a late writer would come between");
    }
}

#[test]
fn a_lock_that_was_held_before_a_move_is_not_taken_for_one_in_the_new_segment() {
    let (master, slave) = (open("forget", Role::Master), open("forget", Role::Slave));
    slave.write(b"locked at 1").expect("write");
    let new = segment(slave.capacity().expect("attached"));
    // Another slave died there in a write. The move itself locks the old one with this very number.
    new.view.channel(Side::Slave.writes()).head.sequence.store(3, Ordering::Relaxed);
    let core = &slave.core;
    let mut held = sync::hold(&core.monitor);
    core.replace_segment(held.as_mut().expect("open"), new, |_, _| {}).expect("nothing stands in the way");
    core.end_move(0);
    assert!(![1, 3].iter().any(|&odd| core.writer.holds(odd)));
    assert!(matches!(core.tx().try_break(&core.writer, 3), Lock::Taken(5)), "it is no thread of ours");
    core.tx().unlock_unchanged(5);
    drop(held);
    drop((slave, master));
}

/// Reads what was left of a channel with this sequence and count, of a writer that is at even only when it is done.
fn left_unread(sequence: u32, writes: u64) -> Option<Vec<u8>> {
    let (master, slave) = (open("kept", Role::Master), open("kept", Role::Slave));
    master.write(b"left").expect("write");
    let core = &slave.core;
    let channel = core.rx();
    channel.head.sequence.store(sequence, Ordering::Relaxed);
    channel.tail.write_count.store(writes, Ordering::Relaxed);
    core.parity.store(Parity::of_stranger(0), Ordering::Relaxed); // 0 marks a whole message, and nothing else does
    core.judged.store(core.writer_now(), Ordering::Relaxed);
    let held = sync::hold(&core.monitor); // as a tick does
    core.end_reading(&held.as_ref().expect("open").segment);
    drop(held);
    let mut buffer = [0; 64];
    let size = slave.try_read(&mut buffer).expect("an open handle")?;
    Some(buffer[..size].to_vec())
}

#[test]
fn what_is_left_unread_is_kept_if_it_is_whole() {
    assert_eq!(left_unread(2, 1).as_deref(), Some(&b"left"[..]));
    assert_eq!(left_unread(1, 1), None, "a writer is at work, or died");
    assert_eq!(left_unread(2, 0), None, "a released writer is in the midst of it: its count has not followed");
    assert_eq!(left_unread(4, 1), None);
}

#[test]
fn what_comes_late_to_the_segment_that_was_left_is_not_kept_once_something_newer_was_read() {
    let (master, slave) = (open("late", Role::Master), open("late", Role::Slave));
    master.write(b"late").expect("write");
    let core = &slave.core;
    let held = sync::hold(&core.monitor); // as a tick does
    let segment = &held.as_ref().expect("open").segment;
    let before = core.cursor.load(Ordering::Relaxed).wrapping_sub(2); // something was claimed since
    assert_eq!(core.keep(core.rx(), (0, None), before, (None, segment)), 0, "nothing is saved");
    assert!(!core.has_kept.load(Ordering::Relaxed), "an event descriptor would be readable for ever");
    let now = core.cursor.load(Ordering::Relaxed);
    assert_ne!(core.keep(core.rx(), (0, None), now, (None, segment)), 0);
    assert!(core.has_kept.load(Ordering::Relaxed));
    drop(held);
    let mut buffer = [0; 64];
    assert_eq!(slave.try_read(&mut buffer), Ok(Some(4)));
    assert_eq!(&buffer[..4], b"late");
}
