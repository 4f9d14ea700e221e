//! A new master on the segment of a live slave: in place where that is sound, else by a fresh segment.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, builder, elapsed_ms, open, pause, read, tasks::free_pid, until};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

#[test]
fn a_master_that_finds_a_live_slave_and_a_dead_master_takes_over_in_place() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--threshold=1234"]);
    let slave = open(&name, Role::Slave);
    for text in ["one", "two", "three"] {
        old.write(text);
    }
    assert_eq!(read(&slave, 1000), Ok("three".into()));
    slave.write(b"for a master").expect("write");
    let (raw, inode) = (name.raw(), name.inode());
    let generation = raw.get("master_generation");
    let sequence = raw.get("m2s.sequence");
    old.kill();
    let mut new = Peer::ours("master", &name, &["--threshold=7777", "--capacity=64"]);
    assert_eq!(name.inode(), inode);
    assert_eq!(raw.get("master_generation"), generation + 1);
    assert_eq!((raw.get("stale_threshold"), raw.get("capacity")), (1234, 4096), "the creator's");
    assert_eq!((raw.get("m2s.write_count"), raw.get("m2s.read_count"), raw.get("s2m.write_count")), (3, 1, 1));
    assert_eq!(raw.get("m2s.sequence"), sequence);
    assert_eq!(raw.data("m2s", 5), b"three");
    assert_eq!((raw.get("master_pid"), raw.get("master_alive")), (new.pid().into(), 1));
    assert_eq!(new.read(0), Err(-9), "written before it attached");
    new.write("four");
    assert_eq!(read(&slave, 5000), Ok("four".into()));
    assert_eq!(raw.get("m2s.write_count"), 4);
}

#[test]
fn the_slaves_baseline_goes_on_over_a_takeover() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    old.write("read");
    assert_eq!(read(&slave, 1000), Ok("read".into()));
    old.kill();
    let mut new = Peer::ours("master", &name, &[]);
    until("the slave has its new master", || slave.remote_alive() == Ok(true) && slave.stats().is_ok());
    assert_eq!(read(&slave, 30), Err(-10), "nothing comes twice");
    new.write("new");
    assert_eq!(read(&slave, 5000), Ok("new".into()));
}

#[test]
fn a_value_still_unread_at_a_takeover_is_delivered() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    old.write("unread");
    old.kill();
    let _new = Peer::ours("master", &name, &[]);
    assert_eq!(read(&slave, 1000), Ok("unread".into()));
}

#[test]
fn a_slave_whose_process_is_not_visible_here_is_alive_by_its_heartbeat() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.set("stale_threshold", 2000);
    raw.occupy("slave", free_pid());
    raw.occupy("master", free_pid());
    raw.set("master_alive", 0);
    let (inode, stop) = (name.inode(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                raw.add("slave_heartbeat", 1);
                pause(1);
            }
        });
        let _master = open(&name, Role::Master);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(name.inode(), inode, "taken over in place");
    });
}

#[test]
fn a_slave_notices_a_takeover_at_once_however_rarely_it_tries_to_reconnect() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=600000", "--attempts=0", "--wait=0"]);
    old.kill();
    until("the slave is without its master", || slave.ask("stats").starts_with("error -14"));
    let mut new = Peer::ours("master", &name, &[]);
    new.write("back");
    let (result, took) = elapsed_ms(|| slave.read(10_000));
    assert_eq!(result, Ok("back".into()));
    assert!(took < 5000, "{took} ms");
}

#[test]
fn a_new_generation_is_a_new_master_once_its_flag_is_up() {
    let name = Name::new();
    let mut old = Peer::released("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=600000", "--attempts=0", "--wait=0"]);
    let raw = name.raw();
    old.ok("beat off");
    raw.set("master_alive", 0);
    until("the slave is without its master", || slave.code("stats") == -14);
    raw.add("master_generation", 1);
    pause(50);
    assert_eq!(slave.code("stats"), -14, "it is on its way");
    raw.set("master_alive", 1);
    until("it has a master", || slave.code("stats") == 0);
}

#[test]
fn a_protocol_2_segment_is_restamped_by_the_master_that_takes_it_over() {
    let name = Name::new();
    let mut old = Peer::released("master", &name, &["--protocol=2"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let (raw, inode) = (name.raw(), name.inode());
    assert_eq!((raw.get("version"), raw.get("features"), raw.get("layout_size")), (2, 0, 0));
    old.ok("beat off");
    raw.set("master_alive", 0); // left, with the name kept
    until("the slave looks for a master", || slave.ask("stats").starts_with("error"));
    let mut new = Peer::ours("master", &name, &[]);
    assert_eq!(name.inode(), inode, "its slave lives");
    assert_eq!((raw.get("version"), raw.get("features"), raw.get("layout_size")), (3, 1, 8576));
    assert_eq!(raw.get("capacity"), 4096);
    new.write("restamped");
    assert_eq!(slave.read(5000), Ok("restamped".into()));
}

#[test]
fn a_dead_masters_half_written_message_is_left_odd_until_its_successors_first_write_makes_it_even() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--threshold=3000"]);
    let slave = open(&name, Role::Slave);
    old.write("whole");
    assert_eq!(read(&slave, 1000), Ok("whole".into()));
    let (raw, inode) = (name.raw(), name.inode());
    old.kill();
    raw.set_data("m2s", b"to"); // as it is in the middle of a write
    raw.add("m2s.sequence", 1);
    let odd = raw.get("m2s.sequence");
    assert_eq!(odd % 2, 1);
    let new = open(&name, Role::Master);
    assert_eq!(name.inode(), inode, "its lock proves it dead");
    assert_eq!(raw.get("m2s.sequence"), odd);
    assert_eq!(read(&slave, 30), Err(-10), "torn bytes are never published");
    new.write(b"whole again").expect("write");
    assert_eq!(raw.get("m2s.sequence"), odd + 3, "from odd through odd + 2 to even");
    assert_eq!(read(&slave, 5000), Ok("whole again".into()));
}

#[test]
fn a_master_that_cannot_show_the_old_one_dead_replaces_a_half_written_segment() {
    let name = Name::new();
    let mut old = Peer::released("master", &name, &["--protocol=2"]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0"]);
    old.ok("half-write torn");
    old.stop(); // neither dead nor done
    let (raw, inode) = (name.raw(), name.inode());
    let mut new = Peer::ours("master", &name, &[]);
    assert_ne!(name.inode(), inode);
    assert_eq!(raw.get("m2s.sequence") % 2, 1, "its write is its own");
    new.write("sound");
    assert_eq!(slave.read(10_000), Ok("sound".into()));
    old.resume();
}

#[test]
fn whatever_becomes_of_a_released_master_killed_mid_write_its_torn_bytes_are_not_published() {
    let name = Name::new();
    let mut old = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0"]);
    old.write("whole");
    assert_eq!(slave.read(1000), Ok("whole".into()));
    old.send("die-mid-write torn");
    old.wait();
    let mut new = Peer::ours("master", &name, &[]);
    assert!(matches!(slave.read(50), Err(-10)));
    new.write("sound");
    assert_eq!(slave.read(10_000), Ok("sound".into()));
    assert_eq!(name.raw().get("m2s.sequence") % 2, 0);
}

#[test]
fn a_dead_slaves_half_written_message_is_recovered_from_by_the_next_slave() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=3000"]);
    let mut old = Peer::ours("slave", &name, &[]);
    old.write("whole");
    assert_eq!(master.read(1000), Ok("whole".into()));
    old.kill();
    let raw = name.raw();
    raw.add("s2m.sequence", 1);
    let odd = raw.get("s2m.sequence");
    until("the master knows", || !master.alive());
    assert_eq!(raw.get("s2m.sequence"), odd, "a side that proves its peer dead leaves the peer's channel odd");
    let mut new = Peer::ours("slave", &name, &[]);
    new.write("whole again");
    assert_eq!(raw.get("s2m.sequence"), odd + 3);
    assert_eq!(master.read(1000), Ok("whole again".into()));
}

#[test]
fn a_writer_that_is_not_alone_waits_at_most_20_ms_and_changes_nothing() {
    let name = Name::new();
    let mut first = Peer::ours("master", &name, &[]);
    // Without threads it does not say between its calls that it is not the one.
    let holder = builder(&name, Role::Slave).threads(false).open().expect("a slave");
    let mut second = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    raw.add("s2m.sequence", 1); // somebody is writing, as far as the second can tell
    let (odd, bytes, counts) = (raw.get("s2m.sequence"), raw.data("s2m", 64), raw.get("s2m.write_count"));
    let (code, took) = elapsed_ms(|| second.code("write not now"));
    assert_eq!(code, -10);
    assert!(took < 1000, "{took} ms");
    assert_eq!((raw.get("s2m.sequence"), raw.data("s2m", 64), raw.get("s2m.write_count")), (odd, bytes, counts));
    raw.add("s2m.sequence", 1); // and is done with it
    raw.add("s2m.write_count", 1);
    raw.add("s2m.wake_seq", 1);
    second.write("now");
    assert_eq!(first.read(1000), Ok("now".into()));
    drop(holder);
}

#[test]
fn after_a_second_slave_died_in_the_middle_of_a_write_the_first_ones_values_are_read() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut first = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    until("the first has the lock", || raw.get("slave_lock") != 0);
    let mut second = Peer::ours("slave", &name, &[]);
    for turn in 0..5 {
        second.write(&format!("second {turn}"));
        assert_eq!(master.read(1000), Ok(format!("second {turn}")));
    }
    raw.until_looked("master");
    second.kill();
    raw.add("s2m.sequence", 1); // in the middle of its next one
    until("the first repairs it", || first.code("write first") == 0);
    assert_eq!(master.read(5000), Ok("first".into()));
    first.write("and so on");
    assert_eq!(master.read(5000), Ok("and so on".into()));
}

#[test]
fn a_writer_that_holds_its_sides_lock_breaks_an_odd_sequence() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.set("s2m.sequence", 7); // an earlier slave died in it
    raw.occupy("slave", free_pid());
    let mut master = Peer::released("master", &name, &["--protocol=3", "--takeover"]);
    assert_eq!(master.read(0), Err(-10));
    let slave = open(&name, Role::Slave);
    until("it holds the lock", || raw.get("slave_lock") != 0);
    slave.write(b"whole").expect("write");
    assert_eq!(raw.get("s2m.sequence"), 10);
    assert_eq!(master.read(1000), Ok("whole".into()));
}

#[test]
fn a_half_written_channel_whose_lock_a_forked_child_holds_on_to_is_replaced() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let _slave = Peer::ours("slave", &name, &[]);
    old.write("whole");
    old.ok("fork hold");
    let (raw, inode) = (name.raw(), name.inode());
    raw.set("m2s.sequence", raw.get("m2s.sequence") + 1);
    old.kill();
    let mut new = Peer::ours("master", &name, &[]);
    assert_ne!(name.inode(), inode, "its lock would never become the successor's");
    new.write("in a fresh segment");
}
