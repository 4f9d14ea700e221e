//! Somebody who may only read the segment's file can lock it for reading. Such a lock conflicts
//! with ours, but it stops no decision: starts, ends, removals. What it must not prove is in
//! `read_lock_proofs.rs`.

use eshm::{
    Role,
    inspect::{Removal, remove_orphan, remove_orphan_if},
};
use eshm_processes::{
    Name, Peer, Raw, builder, code, elapsed_ms, eventually, ms, open, read,
    read_lock::{LIMIT, OWNERS, ReadLock, flows_both_ways, killed_pair, until_locked_in},
    tasks::free_pid,
};
use std::{fs, thread};

/// A message goes from one to the other, also if the reader is on its way to a new segment yet.
#[track_caller]
fn flows(what: &str, mut write: impl FnMut(&str) -> bool, mut take: impl FnMut() -> Option<String>) {
    let mut number = 0;
    let came = eventually(LIMIT, || {
        number += 1;
        let text = format!("message {number}");
        write(&text) && take() == Some(text)
    });
    assert!(came, "nothing comes {what}");
}

#[test]
fn a_master_that_ends_removes_its_name() {
    for lock in ReadLock::on(&["1", "2"]) {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let _reader = lock.take(&name);
        master.leave();
        assert!(!name.exists(), "{lock:?}: {}", master.log());
    }
}

#[test]
fn a_pair_that_ends_leaves_nothing() {
    for order in [["master", "slave"], ["slave", "master"]] {
        for lock in ReadLock::on(&["2"]) {
            let name = Name::new();
            let mut pair = order.map(|_| None);
            for role in ["master", "slave"] {
                let at = order.iter().position(|known| *known == role).expect("one of the two");
                pair[at] = Some(Peer::ours(role, &name, &[]));
            }
            let _reader = lock.take(&name);
            for peer in pair.iter_mut().flatten() {
                peer.leave();
                assert_eq!(peer.lines_with("deciding"), 0, "{}", peer.log());
            }
            assert!(!name.exists(), "{order:?} {lock:?}");
        }
    }
}

#[test]
fn a_start_replaces_what_a_killed_pair_left() {
    for role in [Role::Master, Role::Auto] {
        for lock in ReadLock::everywhere() {
            let name = Name::new();
            killed_pair(&name);
            let (_reader, inode) = (lock.take(&name), name.inode());
            let master = lock.opens(&name, role);
            assert_eq!(master.role(), Role::Master);
            assert_ne!(name.inode(), inode, "it is replaced");
            drop(master);
            assert!(!name.exists(), "{lock:?}");
        }
    }
}

#[test]
fn a_slave_attaches_to_what_a_killed_pair_left_and_follows_the_next_master() {
    for lock in ReadLock::everywhere() {
        let name = Name::new();
        killed_pair(&name);
        let _reader = lock.take(&name);
        let slave = lock.opens(&name, Role::Slave);
        let mut master = Peer::planned("master", &name, &[], "");
        assert!(master.answer_within(LIMIT).is_some_and(|line| line.starts_with("ok")), "{lock:?}: {}", master.log());
        flows("down", |text| master.code(&format!("write {text}")) == 0, || read(&slave, 100).ok());
        flows("up", |text| slave.write(text.as_bytes()).is_ok(), || master.read(100).ok());
    }
}

#[test]
fn a_start_takes_the_segment_of_a_live_slave_over_in_place() {
    for role in [Role::Master, Role::Auto] {
        for lock in ReadLock::on(&["0", "2"]) {
            let name = Name::new();
            let mut old = Peer::ours("master", &name, &[]);
            let mut slave = Peer::ours("slave", &name, &[]);
            until_locked_in(&name.raw());
            old.kill();
            let (_reader, inode) = (lock.take(&name), name.inode());
            let master = lock.opens(&name, role);
            assert_eq!((master.role(), name.inode()), (Role::Master, inode));
            flows_both_ways(&master, &mut slave, lock);
            drop(master);
            assert!(!name.exists(), "{lock:?}");
        }
    }
}

#[test]
fn a_second_slave_attaches_beside_a_live_one_whose_master_is_dead() {
    for lock in ReadLock::on(&["0", "2"]) {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        let _first = Peer::ours("slave", &name, &["--attempts=0", "--wait=0"]);
        until_locked_in(&name.raw());
        old.kill();
        let _reader = lock.take(&name);
        let second = lock.opens(&name, Role::Slave);
        let (_, took) = elapsed_ms(|| drop(second));
        assert!(took < LIMIT.as_millis() as u64, "{lock:?}: it leaves after {took} ms");
    }
}

#[test]
fn a_second_auto_is_the_slave_of_a_live_master() {
    for lock in ReadLock::on(&["1", "2"]) {
        let name = Name::new();
        let mut master = Peer::ours("auto", &name, &[]);
        let _reader = lock.take(&name);
        let slave = lock.opens(&name, Role::Auto);
        assert_eq!(slave.role(), Role::Slave);
        flows("down", |text| master.code(&format!("write {text}")) == 0, || read(&slave, 100).ok());
    }
}

#[test]
fn a_start_replaces_a_file_that_is_no_segment() {
    for role in [Role::Master, Role::Auto] {
        for lock in ReadLock::everywhere() {
            let name = Name::new();
            fs::write(name.path(), vec![1; 8576]).expect("write to /dev/shm");
            let _reader = lock.take(&name);
            assert_eq!(lock.opens(&name, role).role(), Role::Master);
            assert!(!name.exists(), "{lock:?}");
            fs::write(name.path(), vec![1; 8576]).expect("write to /dev/shm");
            assert_eq!(code(builder(&name, Role::Slave).open()), -3);
        }
    }
}

#[test]
fn a_start_replaces_a_file_that_was_never_finished() {
    for stage in ["--until=open", "--until=size", "--until=magic", "--until=version"] {
        for role in [Role::Master, Role::Auto] {
            for lock in ReadLock::on(&["2", "whole"]) {
                let name = Name::new();
                Peer::released("master", &name, &["--protocol=3", stage]).kill();
                let _reader = lock.take(&name);
                assert_eq!(lock.opens(&name, role).role(), Role::Master, "{stage}");
                assert!(!name.exists(), "{stage} {lock:?}");
            }
        }
    }
}

#[test]
fn two_that_start_at_once_end_as_one_of_each() {
    for lock in ReadLock::everywhere() {
        for _ in 0..3 {
            let name = Name::new();
            killed_pair(&name);
            let _reader = lock.take(&name);
            let mut both = [(); 2].map(|()| Peer::planned("auto", &name, &["--later"], ""));
            both.iter().for_each(|peer| assert_eq!(peer.answer(), "waiting"));
            both.iter_mut().for_each(|peer| peer.send("go"));
            let mut greetings = both.each_ref().map(|peer| peer.answer_within(LIMIT).unwrap_or_default());
            greetings.sort();
            assert_eq!(greetings, ["ok Master", "ok Slave"], "{lock:?}: {}{}", both[0].log(), both[1].log());
        }
    }
}

/// The same round after round, with somebody who locks every byte of every file that comes by.
#[test]
fn two_that_start_at_once_end_as_one_of_each_whatever_is_locked_meanwhile() {
    for (role, on) in [("auto", "nothing"), ("auto", "ours"), ("auto", "slave"), ("master", "ours"), ("master", "slave")] {
        for owner in OWNERS {
            let name = Name::new();
            let _reader = Peer::reader(&name, &["--bytes=each", "--again", owner]);
            let driver = Peer::start("races", role, &name, &[&format!("--on={on}"), "--rounds=15"], "off");
            let mut line = driver.greeting.clone();
            while line.starts_with("round ") {
                line = driver.answer(); // which says why, if the driver died
            }
            assert!(line.starts_with("ok rounds=15"), "{role} on {on}: {line}");
            assert!(role == "master" || line.contains("master_slave=15"), "{role} on {on}: {line}");
        }
    }
}

#[test]
fn what_nobody_will_use_again_can_be_removed() {
    for lock in ReadLock::everywhere() {
        let name = Name::new();
        killed_pair(&name);
        let _reader = lock.take(&name);
        let (removal, took) = elapsed_ms(|| remove_orphan(name.as_str()));
        assert_eq!(removal, Ok(Removal::Removed), "{lock:?}");
        assert!(took < LIMIT.as_millis() as u64 && !name.exists(), "{lock:?}: {took} ms");
    }
}

/// Others take the word of one that they cannot see for nobody's, after a while.
#[test]
fn what_another_has_decided_about_meanwhile_is_not_removed() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", free_pid());
    let _reader = ReadLock::on(&["2"])[0].take(&name);
    let removal = remove_orphan_if(name.as_str(), None, |_, _| {
        assert_ne!(raw.get("decider"), 0, "it decides by its word");
        raw.set("decider", 0);
        true
    });
    assert!(matches!(removal, Ok(Removal::Kept(_))) && name.exists(), "{removal:?}");
    assert_eq!(remove_orphan_if(name.as_str(), None, |_, _| true), Ok(Removal::Removed));
}

#[test]
fn what_somebody_uses_is_not_removed() {
    for lock in ReadLock::on(&["1", "2"]) {
        let name = Name::new();
        let _master = Peer::ours("master", &name, &[]);
        let _reader = lock.take(&name);
        assert!(matches!(remove_orphan(name.as_str()), Ok(Removal::Kept(_))), "{lock:?}");
        assert!(name.exists());
    }
}

#[test]
fn a_slave_that_gives_up_leaves() {
    for options in [&["--attempts=2", "--retry=5", "--wait=0"] as &[&str], &["--behavior=immediately"]] {
        for lock in ReadLock::on(&["0", "2"]) {
            let name = Name::new();
            let mut master = Peer::ours("master", &name, &[]);
            let mut slave = Peer::ours("slave", &name, options);
            let raw = name.raw();
            until_locked_in(&raw);
            let locked = if lock.bytes == "2" { Some(lock.take(&name)) } else { None };
            master.kill();
            let _reader = locked.unwrap_or_else(|| lock.take(&name));
            let left = eventually(LIMIT, || raw.get("slave_alive") == 0 && raw.lock_holder(1).is_none());
            assert!(left, "{options:?} beside {lock:?}: {}", slave.log());
            slave.assert_alive();
        }
    }
}

/// What was so before: who could write decides, and is waited for.
#[test]
fn a_decision_of_one_who_may_write_is_waited_for_beside_a_reader() {
    let name = Name::new();
    killed_pair(&name);
    let raw = name.raw();
    assert!(raw.try_lock(2));
    let _readers = [Peer::reader(&name, &["--bytes=0"]), Peer::reader(&name, &["--bytes=1"])];
    thread::scope(|scope| {
        let opener = scope.spawn(|| open(&name, Role::Auto));
        assert!(!eventually(ms(150), || opener.is_finished()), "it decided beside another that was deciding");
        raw.unlock(2);
        assert_eq!(opener.join().expect("no panic").role(), Role::Master);
    });
}
