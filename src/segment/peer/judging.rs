//! Judgements of a side whose process is gone: how long its heartbeat is watched, and what is looked at afterwards.

use super::*;
use crate::segment::{
    layout::Layout,
    name::FOLDER,
    view::{Library, View},
};
use crate::sys::file;
use std::{sync::Arc, thread, time::Instant};

/// Attempts at what a busy machine may spoil.
const ATTEMPTS: u32 = 20;

/// A segment without a name, in which a process that is gone is named on `side`, with its flag set.
fn left_by_a_dead(side: Side) -> Segment {
    let layout = Layout::new(64).expect("a capacity");
    let file = file::unnamed(FOLDER).expect("a file");
    file::set_size(file.as_fd(), layout.total() as u64).expect("room");
    let id = file::status(file.as_fd()).expect("its status").id;
    let view = View::of_file(file.as_fd(), layout, false).expect("addresses");
    let header = view.header();
    let pid = (1..4_000_000).rev().find(|&pid| !process::exists(pid)).expect("a free number");
    header.pid[side as usize].store(pid, Ordering::Relaxed);
    header.master_generation.store(1, Ordering::Relaxed);
    header.alive[side as usize].store(1, Ordering::Relaxed);
    Segment { file, id, view: Arc::new(view) }
}

/// The same of one of ours, whose lock is free.
fn with_free_lock(side: Side) -> Segment {
    let segment = left_by_a_dead(side);
    let header = segment.view.header();
    let field = if side == Side::Master { 1 } else { header.pid[1].load(Ordering::Relaxed) as u32 };
    header.lock[side as usize].store(field, Ordering::Relaxed);
    assert_eq!(segment.signs(side), Signs::LockFree);
    segment
}

/// Judges a side; its verdict and whether the heartbeat was watched for [`STILL`].
fn judged(segment: &Segment, side: Side) -> (Verdict, bool) {
    let start = Instant::now();
    let verdict = segment.judge(side, Duration::MAX);
    (verdict, start.elapsed() >= Duration::from_millis(STILL))
}

#[test]
fn the_heartbeat_of_a_free_lock_is_watched_unless_a_master_had_ended_its_last_message() {
    let dead = Verdict::Dead { pinned: false };
    let master = with_free_lock(Side::Master);
    assert!((0..ATTEMPTS).any(|_| judged(&master, Side::Master) == (dead, false)), "there is nothing to wait for");
    let sequence = &master.view.channel(Side::Master.writes()).head.sequence;
    sequence.store(1, Ordering::Relaxed);
    assert_eq!(judged(&master, Side::Master), (dead, true), "in the midst of a message");
    sequence.store(2, Ordering::Relaxed);
    master.view.header().pid[0].store(process::pid(), Ordering::Relaxed);
    assert_eq!(judged(&master, Side::Master), (dead, true), "a process of that number is there");
    assert_eq!(judged(&with_free_lock(Side::Slave), Side::Slave), (dead, true), "its number may be another's");
}

#[test]
fn who_beats_is_alive_though_its_lock_is_free() {
    for side in [Side::Master, Side::Slave] {
        let segment = with_free_lock(side);
        segment.view.channel(side.writes()).head.sequence.store(1, Ordering::Relaxed);
        let alive = thread::scope(|scope| {
            let judge = scope.spawn(|| (0..ATTEMPTS).any(|_| segment.judge(side, Duration::MAX) == Verdict::Alive));
            while !judge.is_finished() {
                segment.view.header().heartbeat[side as usize].fetch_add(1, Ordering::Relaxed);
                clock::sleep(Duration::from_millis(1));
            }
            judge.join().expect("no panic")
        });
        assert!(alive, "{side:?}");
    }
}

#[test]
fn a_side_that_is_given_back_while_it_is_watched_has_left_and_is_not_dead() {
    for side in [Side::Master, Side::Slave] {
        let segment = left_by_a_dead(side);
        segment.view.header().stale_threshold.store(1500, Ordering::Relaxed);
        assert_eq!(segment.signs(side), Signs::NoProcess);
        let verdict = thread::scope(|scope| {
            let judge = scope.spawn(|| segment.judge(side, Duration::MAX));
            clock::sleep(Duration::from_millis(200)); // the passing of time itself: it watches for 1500 ms
            segment.view.header().alive[side as usize].store(0, Ordering::Release);
            judge.join().expect("no panic")
        });
        assert_eq!(verdict, Verdict::Absent, "{side:?}");
    }
}

/// A slave that beats, and the words of one of ours that was killed; what those are after a judgement.
fn judged_beating(segment: &Segment, judge: impl Fn(&Segment) -> Verdict + Sync) -> (bool, i32) {
    let header = segment.view.header();
    let pid = header.pid[1].load(Ordering::Relaxed);
    header.lock[1].store(pid as u32, Ordering::Relaxed);
    header.marked[1].store(pid, Ordering::Relaxed);
    let alive = thread::scope(|scope| {
        let judge = scope.spawn(|| (0..ATTEMPTS).any(|_| judge(segment) == Verdict::Alive));
        while !judge.is_finished() {
            header.heartbeat[1].fetch_add(1, Ordering::Relaxed);
            clock::sleep(Duration::from_millis(1));
        }
        judge.join().expect("no panic")
    });
    assert!(alive);
    (segment.view.is_ours(Side::Slave), header.marked[1].load(Ordering::Relaxed) - pid)
}

#[test]
fn who_beats_though_nothing_of_ours_is_there_is_a_released_one_with_the_number_of_a_dead() {
    let segment = with_free_lock(Side::Slave);
    let pid = segment.view.header().pid[1].load(Ordering::Relaxed);
    assert_eq!(
        judged_beating(&segment, |segment| segment.look(Side::Slave, Duration::MAX, false)),
        (true, 0),
        "only looked at"
    );
    let file = file::reopened(segment.file.as_fd(), libc::O_RDWR);
    let another = Segment { file, id: segment.id, view: segment.view.clone() };
    let mark = another.mark(Side::Slave, 0).expect("a mark");
    let judge = |segment: &Segment| segment.judge(Side::Slave, Duration::MAX);
    assert_eq!(judged_beating(&segment, judge), (true, 0), "it may be that one's heartbeat");
    another.unmark(mark);
    assert_eq!(judged_beating(&segment, judge), (false, -pid));
    assert_eq!(segment.view.library(Side::Slave), Library::ReleasedAfterOurs);
    assert_eq!(segment.signs(Side::Slave), Signs::NoProcess, "no more than that is known of it");
}

#[test]
fn a_master_with_the_number_of_a_dead_one_of_ours_is_a_released_one() {
    let segment = with_free_lock(Side::Master);
    let header = segment.view.header();
    header.marked[0].store(header.pid[0].load(Ordering::Relaxed), Ordering::Relaxed);
    assert_eq!(segment.view.library(Side::Master), Library::Ours);
    header.master_generation.fetch_add(1, Ordering::Relaxed);
    assert_eq!(segment.view.library(Side::Master), Library::ReleasedAfterOurs);
}
