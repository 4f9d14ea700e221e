//! The open-file-description locks by which the kernel tells who is dead.

use eshm::{DisconnectBehavior, Role};
use eshm_processes::{Name, Peer, Raw, builder, code, elapsed_ms, eventually, ms, open, pause, tasks::free_pid, until};
use std::{
    fs::OpenOptions,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Where the pid of the slave of ours that came last is.
const MARKED_SLAVE: u64 = 100;
/// An open-file-description lock shows no owner.
const OF_A_FILE: Option<i32> = Some(-1);

#[test]
fn a_master_locks_byte_0_and_its_field_is_its_generation() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let raw = name.raw();
    until("the field is set", || raw.get("master_lock") != 0);
    assert_eq!(raw.get("master_lock"), raw.get("master_generation"));
    assert_eq!(raw.lock_holder(0), OF_A_FILE);
    assert_eq!((raw.get("slave_lock"), raw.lock_holder(1)), (0, None));
    drop(master);
    assert_eq!((raw.get("master_lock"), raw.lock_holder(0)), (0, None));
}

#[test]
fn a_slave_locks_byte_1_and_its_field_is_its_pid() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    until("the field is set", || raw.get("slave_lock") == u64::from(slave.pid()));
    assert_eq!(raw.lock_holder(1), OF_A_FILE);
    slave.leave();
    assert_eq!((raw.get("slave_lock"), raw.lock_holder(1)), (0, None));
}

#[test]
fn a_lock_vanishes_with_its_process_and_the_field_stays() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    until("the field is set", || raw.get("master_lock") != 0);
    master.kill();
    assert_eq!(raw.lock_holder(0), None);
    assert_eq!((raw.get("master_lock"), raw.get("master_alive")), (1, 1));
}

#[test]
fn a_lock_that_somebody_else_holds_is_tried_again_and_the_field_is_0_meanwhile() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let raw = name.raw();
    assert!(raw.try_lock(1));
    raw.set("slave_lock", 12_345); // what a dead predecessor left
    let slave = open(&name, Role::Slave);
    assert_eq!(raw.get("slave_lock"), 0);
    pause(50);
    assert_eq!(raw.get("slave_lock"), 0);
    assert_eq!(raw.get("slave_alive"), 1, "the slave works without it");
    raw.unlock(1);
    until("it has the lock", || raw.get("slave_lock") == u64::from(std::process::id()));
    assert_eq!(raw.lock_holder(1), OF_A_FILE);
    drop(slave);
}

#[test]
fn a_second_slave_has_the_lock_once_the_first_is_gone() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &["--threshold=60000"]);
    let mut first = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    until("the first has it", || raw.get("slave_lock") == u64::from(first.pid()));
    let second = Peer::ours("slave", &name, &[]);
    pause(30);
    assert_eq!(raw.get("slave_lock"), 0, "the one that the header names does not hold it");
    first.kill();
    until("the second has it", || raw.get("slave_lock") == u64::from(second.pid()));
}

#[test]
fn a_half_written_message_is_left_alone_while_anybody_else_could_be_writing_it() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &["--threshold=60000"]);
    let slave = open(&name, Role::Slave);
    let raw = name.raw();
    until("it is locked in", || raw.get("slave_lock") == u64::from(std::process::id()));
    let refused = |who: &str| {
        assert_eq!(code(slave.write(b"x")), -10, "{who}");
        assert_eq!(raw.get("s2m.sequence"), 1, "{who}");
    };
    raw.set("s2m.sequence", 1);
    // None of them says that it does not: without threads they say nothing between their calls.
    let twin = builder(&name, Role::Slave).threads(false).open().expect("a second slave");
    refused("another handle of this process");
    drop(twin);
    let mut second = Peer::ours("slave", &name, &["--no-threads"]);
    refused("another process that attached later");
    second.kill();
    until("nobody else is left", || slave.write(b"repaired").is_ok());
    assert_eq!((raw.get("s2m.sequence"), raw.data("s2m", 8)), (4, b"repaired".to_vec()));
}

#[test]
fn a_forked_childs_exit_does_not_drop_its_parents_lock() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    until("the field is set", || raw.get("master_lock") != 0);
    for how in ["fork drop", "fork exit", "fork calls"] {
        master.ok(how);
        assert_eq!((raw.get("master_lock"), raw.lock_holder(0)), (1, OF_A_FILE), "{how}");
    }
}

#[test]
fn a_slave_that_leaves_while_its_child_lives_leaves_no_claim() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    until("it is locked in", || raw.get("slave_lock") != 0 && master.alive());
    slave.ok("fork hold");
    slave.ok("close");
    assert_eq!((raw.get("slave_lock"), raw.get("slave_alive")), (0, 0));
    until("the flag tells", || !master.alive());
    let mut next = Peer::ours("slave", &name, &[]);
    next.write("works without the lock");
    assert_eq!(master.read(5000), Ok("works without the lock".into()));
}

/// Opens in another thread while byte 2 is locked; whether it waited for the lock, and what it opened.
fn open_while_decided(name: &Name, role: Role, raw: &Raw) -> Role {
    assert!(raw.try_lock(2));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let opener = scope.spawn(|| {
            let endpoint = builder(name, role).open();
            done.store(true, Ordering::SeqCst);
            endpoint
        });
        assert!(!eventually(ms(100), || done.load(Ordering::SeqCst)), "it decided beside another that was deciding");
        raw.unlock(2);
        opener.join().expect("no panic").expect("open").role()
    })
}

#[test]
fn a_decision_to_replace_is_made_under_the_lock_on_byte_2() {
    for role in [Role::Master, Role::Auto] {
        let name = Name::new();
        let raw = Raw::stamped(&name, 3, 4096);
        raw.occupy("master", free_pid());
        assert_eq!(open_while_decided(&name, role, &raw), Role::Master);
    }
}

#[test]
fn a_decision_to_take_over_is_made_under_the_lock_on_byte_2() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let _slave = Peer::ours("slave", &name, &[]);
    old.kill();
    assert_eq!(open_while_decided(&name, Role::Auto, &name.raw()), Role::Master);
}

#[test]
fn the_last_steps_of_destroy_are_done_under_the_lock_on_byte_2() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    assert!(raw.try_lock(2));
    master.send("close");
    assert!(!eventually(ms(50), || master.answered().is_some() || !name.exists()));
    raw.unlock(2);
    assert_eq!(master.answer(), "ok");
    assert!(!name.exists());
}

#[test]
fn once_it_has_the_lock_it_begins_again_if_the_name_leads_elsewhere() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", free_pid());
    assert!(raw.try_lock(2));
    thread::scope(|scope| {
        let opener = scope.spawn(|| open(&name, Role::Auto));
        pause(50);
        // A live master is there by the time it may decide.
        name.remove();
        let mut master = Peer::released("master", &name, &["--protocol=3"]);
        let inode = name.inode();
        raw.unlock(2);
        assert_eq!(opener.join().expect("no panic").role(), Role::Slave);
        assert_eq!(name.inode(), inode, "the live master's segment was not touched");
        master.write("x");
    });
}

#[test]
fn a_slave_that_joins_a_live_master_needs_no_decision() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    assert!(raw.try_lock(2));
    let (_, took) = elapsed_ms(|| {
        thread::scope(|scope| {
            let opener = scope.spawn(|| builder(&name, Role::Slave).open().map(|slave| slave.role()));
            let early = eventually(ms(2000), || opener.is_finished());
            raw.unlock(2);
            assert_eq!(opener.join().expect("no panic"), Ok(Role::Slave));
            early
        })
    });
    assert!(took < 10_000, "{took} ms");
}

/// One that has ended for good, by its own choice or another master's, may have been stopped in a write before that: it says that
/// it was not.
#[test]
fn a_slave_that_has_stopped_for_good_stops_no_repair() {
    let name = Name::new();
    let mut first = Peer::ours("master", &name, &[]);
    let stopped = builder(&name, Role::Slave).disconnect_behavior(DisconnectBehavior::Immediately).open().expect("attach");
    let mut other = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
    first.kill();
    until("it has stopped", || stopped.write(b"x").is_err());
    let _next = Peer::ours("master", &name, &[]);
    until("the other has its master", || other.code("write x") == 0);
    name.raw().add("s2m.sequence", 1); // a third one died in a write
    until("it is repaired", || other.code("write y") == 0);
}

/// Two that come or leave at the same time may wipe out by which others know that they are ours.
#[test]
fn who_is_named_in_the_header_is_known_for_one_of_ours() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let slave = Peer::ours("slave", &name, &[]);
    let file = OpenOptions::new().read(true).write(true).open(name.path()).expect("the segment");
    let marked = || {
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, MARKED_SLAVE).expect("a header");
        u32::from_ne_bytes(bytes)
    };
    assert_eq!(marked(), slave.pid());
    file.write_all_at(&[0; 4], MARKED_SLAVE).expect("write");
    until("it is put back", || marked() == slave.pid());
}
