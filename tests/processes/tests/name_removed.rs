//! A master whose name was taken away from under it.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, builder, elapsed_ms, eventually, ms, pause, until};
use std::{fs, process};

#[test]
fn after_rm_there_is_a_fresh_segment_within_about_a_second_and_the_slave_follows_at_once() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=600000", "--attempts=0", "--wait=0"]);
    master.write("before");
    assert_eq!(slave.read(1000), Ok("before".into()));
    let (old, inode) = (name.raw(), name.inode());
    name.remove();
    let (_, took) = elapsed_ms(|| until("there is a fresh segment", || name.exists()));
    assert!(took < 10_000, "{took} ms");
    assert_ne!(name.inode(), inode);
    until("the old one's flag is 0", || old.get("master_alive") == 0);
    until("the slave has followed", || name.raw().get("slave_pid") == u64::from(slave.pid()));
    until("it can write", || slave.code("write up") == 0);
    master.write("down");
    assert_eq!(slave.read(10_000), Ok("down".into()));
    until("the master has it", || master.read(100).is_ok_and(|text| text == "up"));
    assert!(master.lines_with("[ESHM] warn") >= 1, "{}", master.log());
    master.leave();
    assert!(!name.exists(), "the fresh one is its own too");
}

#[test]
fn the_fresh_segment_is_like_the_old_one() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--capacity=1000", "--threshold=1234"]);
    name.remove();
    until("there is a fresh segment", || name.exists());
    let raw = name.raw_of(1000);
    assert_eq!((raw.get("capacity"), raw.get("stale_threshold"), raw.get("version")), (1000, 1234, 3));
    assert_eq!((raw.get("master_pid"), raw.get("master_alive")), (master.pid().into(), 1));
    until("it beats there", || raw.get("master_heartbeat") > 5);
    until("it is locked in", || raw.get("master_lock") == raw.get("master_generation"));
    let mut slave = Peer::ours("slave", &name, &[]);
    until("the master can write", || master.code("write hello") == 0);
    assert_eq!(slave.read(5000), Ok("hello".into()));
}

#[test]
fn a_value_written_after_the_name_was_removed_and_before_the_move_is_delivered() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0"]);
    name.remove();
    master.write("in between");
    until("there is a fresh segment", || name.exists());
    assert_eq!(slave.read(10_000), Ok("in between".into()));
}

#[test]
fn if_another_live_master_holds_the_name_this_one_is_ousted() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        name.remove();
        // The old one may have been faster: then its fresh segment is replaced, which ousts it as well.
        let mut new = Peer::start(kind, "master", &name, &["--replace"], "warn");
        let inode = name.inode();
        until("the old one is ousted", || old.code("beat") == -15);
        assert_eq!(old.code("write x"), -15);
        old.leave();
        assert_eq!(name.inode(), inode, "{kind}");
        new.write("mine");
    }
}

#[test]
fn if_a_dead_masters_segment_has_the_name_it_is_no_reason_to_go() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    name.raw().until_looked("master"); // the first look at the name is over, and the next one a second away
    name.remove();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", process::id());
    raw.set("master_alive", 0);
    assert!(!eventually(ms(1500), || master.code("beat") == -15));
    master.write("nobody took its place");
}

#[test]
fn a_slave_never_makes_a_segment() {
    let name = Name::new();
    let _master = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    name.remove();
    assert!(!eventually(ms(1500), || name.exists()));
    assert!(slave.alive(), "and goes on with what it has");
}

#[test]
fn a_read_that_waits_in_the_master_gets_its_value_through_the_fresh_segment() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let old = name.raw();
    master.send("read inf");
    name.remove();
    until("the master has moved", || old.get("master_alive") == 0 && name.exists());
    let mut slave = Peer::ours("slave", &name, &[]);
    slave.write("here");
    assert_eq!(master.answer(), "data here");
}

#[test]
fn a_master_that_writes_flat_out_moves_without_harm_to_a_message() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0"]);
    let inode = name.inode();
    slave.send("drain 2600");
    master.send("flood 2500 2048");
    pause(100);
    name.remove();
    until("there is a fresh segment", || name.exists());
    assert_ne!(name.inode(), inode);
    let raw = name.raw();
    until("the slave reads there", || raw.get("m2s.read_count") > 10);
    let (written, read) = (master.answer(), slave.answer());
    assert!(written.starts_with("ok"), "{written}");
    assert!(read.contains("torn=0 repeated=0 failed=0"), "{read}");
}

#[test]
fn a_master_that_ends_in_the_middle_of_its_move_does_as_auto_cleanup_says() {
    for cleanup in [true, false] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, if cleanup { &[] } else { &["--no-cleanup"] });
        name.raw().add("m2s.sequence", 1); // a write that stands in the way of the move for a while
        name.remove();
        until("there is a fresh segment", || name.exists());
        master.ok("close");
        assert_eq!(name.exists(), !cleanup);
    }
}

/// 1.0 remembers the count last read, and hears nothing of a segment that has not come as far.
#[test]
fn a_released_slave_that_follows_hears_all_that_it_has_not_read_and_nothing_twice() {
    for unread in [false, true] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let mut slave = Peer::released("slave", &name, &["--protocol=2"]);
        slave.read(0).expect_err("its baseline");
        for text in ["one", "two", "three"] {
            master.write(text);
            assert_eq!(slave.read(10_000), Ok(text.into()));
        }
        if unread {
            master.write("unread");
        }
        let old = name.raw();
        name.remove();
        until("the old one's flag is 0", || old.get("master_alive") == 0);
        slave.ok("follow");
        assert_eq!(slave.read(0), if unread { Ok("unread".into()) } else { Err(-10) });
        master.write("next");
        assert_eq!(slave.read(10_000), Ok("next".into()));
        let mut ours = Peer::ours("slave", &name, &[]);
        assert_eq!(ours.read(0), Err(-9), "nothing is new to it");
        master.write("last");
        assert_eq!(ours.read(10_000), Ok("last".into()));
    }
}

/// How often a process has the file mapped.
fn mappings(pid: u32, inode: u64) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("a live process");
    maps.lines().filter(|line| line.split_whitespace().nth(4) == Some(&inode.to_string())).count()
}

/// A slave writes there until it follows: one of ours for a tick, a released one for the threshold.
#[test]
fn what_a_slave_writes_to_the_segment_that_the_master_has_left_is_read() {
    for options in [&["--threshold=60000"][..], &["--threshold=60000", "--no-threads"]] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, options);
        let mut slave = Peer::released("slave", &name, &["--protocol=2"]);
        slave.write("before");
        assert_eq!(master.read(10_000), Ok("before".into()));
        let old = name.raw();
        name.remove();
        until("the master has moved", || master.code("beat") == 0 && old.get("master_alive") == 0);
        // Its sleep has an end after a second.
        let is_woken = (0..5).any(|_| {
            master.send("read inf");
            pause(20);
            slave.write("waited for");
            let (answer, took) = elapsed_ms(|| master.answer());
            assert_eq!(answer, "data waited for", "{options:?}");
            took < 500
        });
        assert!(is_woken, "{options:?}");
        slave.write("overwritten");
        slave.write("newest");
        until("the newest comes", || master.read(100).is_ok_and(|text| text == "newest"));
        assert_eq!(master.read(20), Err(-10), "{options:?}: nothing comes twice");
        slave.write("unread");
        pause(20); // or read before any tick has found it
        slave.ok("follow");
        slave.write("newer");
        assert_eq!(master.read(10_000), Ok("newer".into()));
        assert_eq!(master.read(100), Err(-10), "{options:?}: nothing older comes after it");
    }
}

#[test]
fn a_large_message_in_the_segment_that_the_master_has_left_is_read() {
    let name = Name::new();
    let master = builder(&name, Role::Master).stale_threshold(ms(60_000)).capacity(1 << 18).open().expect("open");
    let mut slave = Peer::released("slave", &name, &["--capacity=262144"]);
    let old = name.raw_of(1 << 18);
    name.remove();
    until("the master has moved", || old.get("master_alive") == 0);
    for byte in [7, 9] {
        slave.ok(format_args!("write-bytes 200000 {byte}"));
        let mut buffer = vec![0; 1 << 18];
        assert_eq!(master.read_timeout(&mut buffer, ms(10_000)), Ok(200_000));
        assert!(buffer[..200_000].iter().all(|&found| found == byte));
    }
}

#[test]
fn the_segment_that_a_master_has_left_is_let_go_after_a_while_or_for_a_newer_message() {
    for writes in [false, true] {
        let name = Name::new();
        let threshold = if writes { "--threshold=60000" } else { "--threshold=100" };
        let master = Peer::ours("master", &name, &[threshold]);
        let inode = name.inode().expect("a name");
        name.remove();
        until("there is a fresh segment", || name.exists());
        if writes {
            let old = || mappings(master.pid(), inode);
            until("the master has moved", || name.raw().get("master_heartbeat") > 10 && old() == 1);
            Peer::ours("slave", &name, &[]).write("newer");
        }
        let gone = eventually(ms(20_000), || mappings(master.pid(), inode) == 0);
        assert!(gone, "{threshold}");
    }
}
