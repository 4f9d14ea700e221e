//! Openings that come to nothing after a side was taken: no lock is left of them, also where a child that was forked meanwhile has
//! the file.

use super::*;
use crate::sys::{file::reopened, lock, process};
use std::{ops::Range, os::fd::AsFd};

/// All bytes that a lock may be on.
const ALL: Range<i64> = 0..i64::MAX;

fn name(test: &str) -> Name {
    Name::new(format!("open_{test}_{}", process::pid()).as_bytes()).expect("a name")
}

/// A fresh segment with a master, and what a forked child and another process have of its file.
fn fresh(name: &Name) -> (Opened, OwnedFd, OwnedFd) {
    let opened = begin_master(name, &Settings::default(), None).expect("room").expect("a name of its own");
    let childs = opened.segment.file.try_clone().expect("a descriptor");
    let others = reopened(childs.as_fd(), libc::O_RDWR);
    (opened, childs, others)
}

#[test]
fn a_segment_that_is_taken_away_again_is_not_locked() {
    let name = name("abandoned");
    let (opened, _childs, others) = fresh(&name);
    assert!(lock::held_by_other(others.as_fd(), ALL));
    abandon(&name, &opened.segment, opened.attachment, Duration::ZERO);
    assert!(!lock::held_by_other(others.as_fd(), ALL));
    assert!(!opened.segment.is_named(&name));
}

#[test]
fn a_slave_that_finds_the_name_gone_as_it_has_attached_holds_no_lock() {
    let name = name("nameless");
    let (master, _, others) = fresh(&name);
    let Ok(Found::Valid(segment)) = find(&name, Settings::default().capacity) else { panic!("it is valid") };
    let _childs = segment.file.try_clone().expect("a descriptor");
    abandon(&name, &master.segment, master.attachment, Duration::ZERO);
    assert!(matches!(attach_slave(&name, &Settings::default(), segment), Ok(None)));
    assert!(!lock::held_by_other(others.as_fd(), ALL));
}
