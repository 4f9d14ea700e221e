//! Processes that are stopped for a while, as by a debugger, a suspended machine or a starved one.

use eshm::Role;
use eshm_processes::{Name, Peer, builder, ms, open, pause, until};
use std::time::Instant;

#[test]
fn a_stopped_peer_is_stale_at_the_threshold_and_recovers() {
    let name = Name::new();
    let master = builder(&name, Role::Master).stale_threshold(ms(300)).open().expect("create");
    let slave = Peer::ours("slave", &name, &[]);
    until("they have met", || name.raw().get("slave_heartbeat") > 5);
    let start = Instant::now();
    slave.stop();
    until("the stopped one is stale", || master.remote_alive() == Ok(false));
    assert!(start.elapsed() >= ms(250), "its lock is held: only silence tells, not {:?}", start.elapsed());
    slave.resume();
    until("it has recovered", || master.remote_alive() == Ok(true));
}

#[test]
fn stopping_both_raises_no_false_alarm() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=500"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    until("they have met", || master.alive() && slave.alive());
    pause(20);
    for round in 0..2 {
        let (first, second) = if round == 0 { (&master, &slave) } else { (&slave, &master) };
        first.stop_soon();
        second.stop_soon();
        pause(900);
        first.resume();
        second.resume();
        pause(60);
        assert!(master.alive() && slave.alive());
    }
    assert_eq!(master.lines_with("stale") + slave.lines_with("stale"), 0, "{}{}", master.log(), slave.log());
}

#[test]
fn a_process_that_was_stopped_finds_its_peer_alive() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=300"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    until("they have met", || master.alive() && slave.alive());
    name.raw().until_looked("master");
    name.raw().until_looked("slave");
    slave.stop();
    until("the master misses it", || !master.alive());
    pause(400);
    slave.resume();
    until("the master has it back", || master.alive());
    assert!(slave.alive());
    assert_eq!(slave.lines_with("stale"), 0, "{}", slave.log());
    slave.write("nothing happened");
    assert_eq!(master.read(5000), Ok("nothing happened".into()));
}

#[test]
fn a_process_that_was_stopped_finds_that_its_peer_died_meanwhile() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::start(kind, "master", &name, &[], "warn");
        let mut slave = Peer::ours("slave", &name, &[]);
        until("they have met", || slave.alive() && name.raw().get("master_heartbeat") > 20);
        slave.stop();
        master.kill();
        slave.resume();
        until("the slave knows", || !slave.alive());
    }
}

#[test]
fn a_stopped_master_that_lost_its_segment_touches_nothing_when_it_runs_on() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let _slave = Peer::ours("slave", &name, &[]);
    let inode = name.inode();
    old.stop();
    let new = Peer::ours("master", &name, &[]);
    assert_eq!(name.inode(), inode);
    new.stop(); // so that whatever moves now was moved by the old one
    let raw = name.raw();
    let fields = ["master_heartbeat", "master_pid", "master_alive", "master_generation", "master_lock"];
    let before = fields.map(|field| raw.get(field));
    old.resume();
    until("the old one knows", || old.code("beat") == -15);
    pause(50);
    assert_eq!(fields.map(|field| raw.get(field)), before, "{fields:?}");
    old.leave();
    assert_eq!(fields.map(|field| raw.get(field)), before, "{fields:?}");
    assert_eq!(name.inode(), inode);
}

#[test]
fn a_master_of_ours_stopped_in_the_middle_of_a_write_is_not_taken_over_in_place() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--retry=10"]);
    old.write("whole");
    assert_eq!(slave.read(1000), Ok("whole".into()));
    let (raw, inode) = (name.raw(), name.inode());
    old.stop();
    raw.add("m2s.sequence", 1); // it was in the middle of one
    let mut new = open_elsewhere(&name);
    assert_ne!(name.inode(), inode, "it is alive: its write is its own");
    assert_eq!(raw.get("master_generation"), 2, "so that it sees that it lost");
    raw.add("m2s.sequence", 1); // and ends it
    old.resume();
    until("the old one knows", || old.code("beat") == -15);
    new.write("sound");
    until("the slave has followed", || slave.read(100) == Ok("sound".into()));
}

fn open_elsewhere(name: &Name) -> Peer {
    Peer::ours("master", name, &[])
}

#[test]
fn an_auto_beside_a_stopped_master_waits_for_it_as_its_slave() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    until("it is locked in", || name.raw().get("master_lock") != 0);
    master.stop();
    let auto = open(&name, Role::Auto);
    assert_eq!(auto.role(), Role::Slave, "its lock is held and its process exists");
    until("it is stale", || auto.remote_alive() == Ok(false));
    master.resume();
    until("it has recovered", || auto.remote_alive() == Ok(true) && auto.stats().is_ok());
    auto.write(b"here").expect("write");
    assert_eq!(master.read(5000), Ok("here".into()));
}

#[test]
fn signals_that_interrupt_a_read_neither_end_nor_shorten_it() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    for options in [&[][..], &["--poll"], &["--no-threads"]] {
        let mut slave = Peer::ours("slave", &name, options);
        slave.ok("handle-usr1");
        let start = Instant::now();
        slave.send("read 300");
        while start.elapsed() < ms(250) {
            // SAFETY: a signal that the peer has a handler for.
            unsafe { libc::kill(slave.pid() as i32, libc::SIGUSR1) };
            pause(3);
        }
        assert!(slave.answer().starts_with("error -10"));
        assert!(start.elapsed() >= ms(300), "{options:?}: after {:?} already", start.elapsed());
        assert!(slave.number("usr1", "count") > 0);
        slave.send("read inf");
        pause(10);
        // SAFETY: as above.
        unsafe { libc::kill(slave.pid() as i32, libc::SIGUSR1) };
        pause(10);
        master.write("there");
        assert_eq!(slave.answer(), "data there");
        slave.leave();
    }
}
