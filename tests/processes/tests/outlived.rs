//! A child that was forked and lives on shares the open files of its parent, and so the locks on them. What the parent has left, it
//! holds none on.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, builder, open, read, until};
use std::ops::Range;

/// The bytes of roles and decisions.
const SIDES: Range<i64> = 0..3;
/// Where the masters have their marks, and the slaves.
const MARKS: [Range<i64>; 2] = [1 << 56..1 << 57, 1 << 57..3 << 56];
/// No death is noticed by silence.
const NEVER: &str = "--threshold=60000";

/// So many locks of a side are left: on its byte, and marks.
#[track_caller]
fn has_locks(raw: &Raw, side: usize, roles: usize, marks: usize) {
    let byte = side as i64;
    assert_eq!(raw.locked(byte..byte + 1).len(), roles, "{:?}", raw.locked(SIDES));
    assert_eq!(raw.locked(MARKS[side].clone()).len(), marks, "{:?}", raw.locked(MARKS[side].clone()));
}

/// Waits until a side is locked in, and a child of it shares that.
#[track_caller]
fn fork(peer: &mut Peer, raw: &Raw, side: usize) {
    until("it is locked in", || raw.get(["master_lock", "slave_lock"][side]) != 0);
    has_locks(raw, side, 1, 1);
    peer.ok("fork hold");
}

#[test]
fn of_a_slave_that_has_left() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[NEVER]);
    let mut first = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    fork(&mut first, &raw, 1);
    first.ok("close");
    has_locks(&raw, 1, 0, 0);
    // A third one died in the midst of a message: nobody else is left who might be writing it.
    let mut second = Peer::ours("slave", &name, &[]);
    raw.add("s2m.sequence", 1);
    until("it is repaired", || second.code("write whole") == 0);
    assert_eq!(master.read(5000), Ok("whole".into()));
    until("it is locked in", || raw.get("slave_lock") != 0 && master.alive());
    second.kill();
    until("its death is known", || !master.alive());
}

#[test]
fn of_a_master_that_has_left_for_the_next() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-cleanup"]);
    let raw = name.raw();
    fork(&mut master, &raw, 0);
    master.ok("close");
    has_locks(&raw, 0, 0, 0);
    assert!(raw.locked(0..i64::MAX).is_empty());
}

#[test]
fn of_a_master_that_another_had_ousted() {
    let name = Name::new();
    let mut first = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    let slave = open(&name, Role::Slave);
    fork(&mut first, &raw, 0);
    first.stop();
    let inode = name.inode();
    let second = open(&name, Role::Master);
    assert_eq!(name.inode(), inode, "in place");
    first.resume();
    until("it has lost its place", || first.code("write x") == -15);
    until("its successor is locked in", || raw.locked(0..1).len() == 1);
    has_locks(&raw, 0, 1, 2);
    first.ok("close");
    has_locks(&raw, 0, 1, 1);
    second.write(b"goes on").expect("write");
    assert_eq!(read(&slave, 5000), Ok("goes on".into()));
}

#[test]
fn of_a_slave_that_has_given_up() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--behavior=immediately"]);
    let raw = name.raw();
    fork(&mut slave, &raw, 1);
    master.kill();
    until("it has stopped", || slave.code("read 0") == -11);
    slave.ok("close");
    has_locks(&raw, 1, 0, 0);
}

#[test]
fn of_a_slave_that_has_moved() {
    for capacity in [4096, 64] {
        let name = Name::new();
        let first = open(&name, Role::Master);
        let old = name.raw();
        let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
        fork(&mut slave, &old, 1);
        drop(first);
        let second = builder(&name, Role::Master).capacity(capacity).open().expect("a fresh segment");
        second.write(b"here").expect("write");
        assert_eq!(slave.read(10_000), Ok("here".into()), "{}", slave.log());
        has_locks(&old, 1, 0, 0);
        let new = name.raw_of(capacity);
        until("it is locked in", || new.get("slave_lock") == u64::from(slave.pid()));
        has_locks(&new, 1, 1, 1);
    }
}

#[test]
fn of_a_master_that_has_moved() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let old = name.raw();
    fork(&mut master, &old, 0);
    name.remove();
    until("it has a name again", || name.exists());
    until("it has moved", || old.get("master_alive") == 0);
    let slave = open(&name, Role::Slave);
    master.write("here");
    assert_eq!(read(&slave, 5000), Ok("here".into()));
    until("it holds no lock there", || old.locked(0..i64::MAX).is_empty());
    has_locks(&name.raw(), 0, 1, 1);
}

#[test]
fn a_child_that_closes_what_it_inherited_lets_its_parent_keep_all_locks() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    until("it is locked in", || raw.get("master_lock") != 0);
    for how in ["fork drop", "fork exit", "fork calls"] {
        master.ok(how);
        has_locks(&raw, 0, 1, 1);
    }
}
