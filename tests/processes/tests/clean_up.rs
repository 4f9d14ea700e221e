//! What an end leaves behind, and what it must leave alone.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, builder, open, pause, tasks, tasks::free_pid, until};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

#[test]
fn a_master_removes_its_segment_and_a_slave_does_not() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    slave.leave();
    assert!(name.exists());
    master.leave();
    assert!(!name.exists());
}

#[test]
fn without_auto_cleanup_the_segment_stays() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-cleanup"]);
    master.leave();
    assert!(name.exists());
    assert_eq!(name.raw().get("master_alive"), 0);
}

#[test]
fn destroy_unlinks_only_its_own_segment() {
    for what_came in ["another segment", "another file"] {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        name.raw().until_looked("master"); // the first look at the name is over, and the next one a second away
        name.remove();
        let _other = (what_came == "another segment").then(|| {
            let raw = Raw::stamped(&name, 3, 4096);
            raw.occupy("master", std::process::id());
            raw
        });
        if what_came == "another file" {
            std::fs::write(name.path(), b"somebody's").expect("write");
        }
        let inode = name.inode();
        old.leave();
        assert_eq!(name.inode(), inode, "{what_came} is not its own");
    }
}

#[test]
fn a_segment_taken_over_is_removed_by_the_master_that_took_it() {
    for how in ["killed", "ousted"] {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        let _slave = Peer::ours("slave", &name, &[]);
        let inode = name.inode();
        if how == "killed" {
            old.kill();
        }
        let mut new = Peer::ours("master", &name, &[]);
        assert_eq!(name.inode(), inode);
        if how == "ousted" {
            old.leave();
            assert!(name.exists(), "an old master does not remove what the new one has");
        }
        new.leave();
        assert!(!name.exists(), "{how}");
    }
}

#[test]
fn a_killed_slaves_flag_does_not_keep_a_segment_alive() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    slave.kill();
    master.kill();
    let raw = name.raw();
    assert_eq!((raw.get("slave_alive"), raw.get("master_alive")), (1, 1));
    let inode = name.inode();
    let new = open(&name, Role::Master);
    assert_ne!(name.inode(), inode, "nobody lives there: it is replaced");
    drop(new);
    assert!(!name.exists());
}

#[test]
fn a_clean_exit_lowers_the_flag_and_wakes_both_directions() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut parked = Peer::released("slave", &name, &["--protocol=3"]);
    let raw = name.raw();
    parked.send("park 60000");
    until("it is parked", || raw.get("m2s.waiters") == 1 && tasks::state(parked.pid()) == Some('S'));
    pause(10);
    let before = (raw.get("m2s.wake_seq"), raw.get("s2m.wake_seq"));
    master.leave();
    assert_eq!(parked.answer(), "ok woken=1");
    assert_eq!((raw.get("m2s.wake_seq"), raw.get("s2m.wake_seq")), (before.0 + 1, before.1 + 1));
    assert_eq!(raw.get("master_alive"), 0);
    assert_eq!(raw.get("m2s.write_count"), 0);
}

#[test]
fn a_slave_lowers_the_flag_only_while_the_pid_is_its_own() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &[]);
    let mut first = Peer::ours("slave", &name, &[]);
    let second = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    assert_eq!(raw.get("slave_pid"), second.pid().into());
    first.leave();
    assert_eq!((raw.get("slave_alive"), raw.get("slave_pid")), (1, second.pid().into()));
}

#[test]
fn a_slave_that_leaves_alone_lowers_its_flag() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    assert_eq!(raw.get("slave_alive"), 1);
    slave.leave();
    assert_eq!((raw.get("slave_alive"), raw.get("slave_lock")), (0, 0));
}

#[test]
fn a_junk_file_stops_no_start() {
    let name = Name::new();
    std::fs::write(name.path(), b"junk").expect("write");
    let master = open(&name, Role::Master);
    drop(master);
    assert!(!name.exists());
}

#[test]
fn a_kill_stops_no_start_and_each_start_is_a_master_again() {
    let name = Name::new();
    for round in 0..10 {
        let mut peer = Peer::ours(if round % 2 == 0 { "auto" } else { "master" }, &name, &[]);
        assert_eq!(peer.ok("role"), "Master", "round {round}");
        peer.kill();
    }
}

#[test]
fn a_failed_open_leaves_nothing() {
    let name = Name::new();
    assert!(builder(&name, Role::Slave).open().is_err());
    assert!(!name.exists());
    let raw = Raw::stamped(&name, 4, 4096);
    raw.occupy("master", free_pid());
    for role in [Role::Master, Role::Slave, Role::Auto] {
        assert!(builder(&name, role).open().is_err());
    }
    assert_eq!((raw.get("master_alive"), raw.get("slave_alive"), raw.get("slave_pid")), (1, 0, 0));
}

/// A slave that plays a release, and has read `text` from this master.
fn released_reader(name: &Name, protocol: &str, master: &mut Peer, text: &str) -> Peer {
    let mut slave = Peer::released("slave", name, &[protocol]);
    slave.read(0).expect_err("its baseline");
    master.write(text);
    assert_eq!(slave.read(10_000), Ok(text.into()));
    slave
}

#[test]
fn a_master_that_ends_beside_a_released_slave_leaves_the_segment_to_the_next_which_goes_on_counting() {
    for protocol in ["--protocol=2", "--protocol=3"] {
        let name = Name::new();
        let mut first = Peer::ours("master", &name, &[]);
        let mut slave = released_reader(&name, protocol, &mut first, "one");
        let inode = name.inode();
        first.leave();
        assert_eq!((name.inode(), name.raw().get("master_alive")), (inode, 0), "{protocol}");
        // By the drop of an endpoint in this process, too.
        let second = open(&name, Role::Master);
        second.write(b"two").expect("write");
        assert_eq!(slave.read(10_000), Ok("two".into()));
        drop(second);
        let mut third = Peer::ours("auto", &name, &[]);
        assert_eq!((third.ok("role"), name.inode()), ("Master".into(), inode));
        third.write("three");
        assert_eq!((slave.read(10_000), name.raw().get("m2s.write_count")), (Ok("three".into()), 3));
        slave.leave();
        third.leave();
        assert!(!name.exists(), "who comes last removes it");
    }
}

#[test]
fn a_released_slave_that_has_left_or_died_or_one_of_ours_keeps_no_segment() {
    for what in ["left", "died", "ours", "ours and died", "of this process"] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let mut other = None;
        match what {
            "ours" => other = Some(Peer::ours("slave", &name, &[])),
            "ours and died" => Peer::ours("slave", &name, &[]).kill(),
            "of this process" => {
                master.ok(format_args!("also slave {}", name.as_str()));
                master.ok(format_args!("also slave {}", name.as_str())); // without the lock
            }
            _ => {
                let mut slave = released_reader(&name, "--protocol=2", &mut master, "x");
                if what == "left" { slave.leave() } else { slave.kill() }
            }
        }
        master.ok("close");
        assert!(!name.exists(), "{what}");
        drop(other);
    }
}

#[test]
fn a_released_slave_whose_process_is_not_to_be_seen_keeps_the_segment_while_it_beats() {
    for beats in [true, false] {
        // On a busy machine it may miss its beats.
        let kept = (0..5).filter(|_| {
            let name = Name::new();
            let master = open(&name, Role::Master);
            let (raw, done) = (name.raw(), AtomicBool::new(false));
            raw.occupy("slave", free_pid()); // as one in another pid namespace
            thread::scope(|scope| {
                scope.spawn(|| {
                    while beats && !done.load(Ordering::Relaxed) {
                        raw.add("slave_heartbeat", 1);
                        pause(1);
                    }
                });
                drop(master);
                done.store(true, Ordering::Relaxed);
            });
            name.exists()
        });
        assert_eq!(kept.count() > 0, beats);
    }
}
