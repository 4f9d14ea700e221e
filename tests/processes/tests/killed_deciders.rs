//! Somebody who decides about a segment is killed or stopped in the midst of it, beside others who may
//! only read the file and lock it. In a build without failpoints there is nothing here; run it as
//! `overlap`.
#![cfg(eshm_failpoints)]

use eshm::Role;
use eshm_processes::{
    Name, Peer, eventually, ms,
    read_lock::{LIMIT, ReadLock, flows_both_ways, killed_pair, until_locked_in},
    sandbox::{Number, places},
};
use std::{fs, time::Duration};

/// What stands under the name as somebody starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum On {
    /// What a killed pair left.
    Leftover,
    /// A live slave with a dead master.
    Slave,
    /// A file that is no segment.
    Junk,
}

impl On {
    /// Puts it there; the slave, if one lives.
    #[track_caller]
    fn prepare(self, name: &Name) -> Option<Peer> {
        match self {
            On::Leftover => killed_pair(name),
            On::Junk => fs::write(name.path(), vec![1; 8576]).expect("write to /dev/shm"),
            On::Slave => {
                let mut master = Peer::ours("master", name, &[]);
                let slave = Peer::ours("slave", name, &["--attempts=0", "--wait=0", "--retry=5"]);
                until_locked_in(&name.raw());
                master.kill();
                return Some(slave);
            }
        }
        None
    }

    /// Read locks that can be had there.
    fn locks(self) -> Vec<Option<ReadLock>> {
        let bytes: &[&str] = if self == On::Slave { &["2"] } else { &["2", "whole"] };
        ReadLock::on(bytes).into_iter().map(Some).chain([None]).collect()
    }
}

/// Starts somebody with a plan at a place.
fn start_at(place: Option<Number>, role: &str, name: &Name, plan: &str) -> Peer {
    match place {
        None => Peer::planned(role, name, &[], plan),
        Some(number) => Peer::elsewhere("ours", role, name, &[], number, plan),
    }
}

/// When the next one to start is there. Beside a read lock a decider is known by its process alone: one of another pid namespace
/// cannot be seen to be gone, and is waited for as long as any decision takes.
fn limit(place: Option<Number>, lock: Option<ReadLock>) -> Duration {
    if place.is_some() && lock.is_some() { ms(10_000) + LIMIT } else { LIMIT }
}

/// The next one to start is master soon, and leaves nothing.
#[track_caller]
fn the_next_goes_on(name: &Name, slave: Option<Peer>, lock: Option<ReadLock>) {
    let lock = lock.unwrap_or(ReadLock { bytes: "none", owner: "nobody" });
    let master = lock.opens(name, Role::Auto);
    assert_eq!(master.role(), Role::Master, "{lock:?}");
    if let Some(mut slave) = slave {
        flows_both_ways(&master, &mut slave, lock);
    }
    drop(master);
    assert!(!name.exists(), "{lock:?}");
}

#[track_caller]
fn killed_as_it_starts(place: Option<Number>, on: On, points: &[&str]) {
    for point in points {
        for lock in on.locks() {
            if place.is_some() && lock.is_some() {
                continue; // each takes 10 s; see who_waits_for_a_decision_goes_on_when_that_one_is_killed
            }
            let name = Name::new();
            let slave = on.prepare(&name);
            let _reader = lock.map(|lock| lock.take(&name));
            let mut doomed = start_at(place, "auto", &name, &format!("{point}=kill"));
            assert!(doomed.was_killed(), "{place:?}: it never came by {point} beside {lock:?}: {}", doomed.log());
            the_next_goes_on(&name, slave, lock);
        }
    }
}

#[test]
fn killed_as_it_replaces_a_leftover() {
    for place in places() {
        killed_as_it_starts(place, On::Leftover, &["takeover.locked", "replace.unlinked", "replace.displaced"]);
    }
}

#[test]
fn killed_as_it_takes_over() {
    let points = ["takeover.locked", "takeover.judged", "takeover.stamped", "takeover.attached"];
    for place in places() {
        killed_as_it_starts(place, On::Slave, &points);
    }
}

#[test]
fn killed_as_it_replaces_a_file_that_is_no_segment() {
    for place in places() {
        killed_as_it_starts(place, On::Junk, &["junk.unlinked"]);
    }
}

#[test]
fn killed_as_it_leaves() {
    for place in places() {
        for point in ["close.decided", "close.unlinked", "detach.flag"] {
            for lock in On::Slave.locks().into_iter().filter(|lock| place.is_none() || lock.is_none()) {
                let name = Name::new();
                let mut doomed = start_at(place, "master", &name, &format!("{point}=kill")).greeted();
                let _reader = lock.map(|lock| lock.take(&name));
                doomed.send("leave");
                assert!(doomed.was_killed(), "it never came by {point}");
                the_next_goes_on(&name, None, lock);
            }
        }
    }
}

/// Killed by itself or by somebody else while another waits for its decision.
#[test]
fn who_waits_for_a_decision_goes_on_when_that_one_is_killed() {
    for place in places() {
        let mut locks = On::Leftover.locks();
        if place.is_some() {
            locks.drain(1..locks.len() - 1); // each takes 10 s, but for none
        }
        for lock in locks {
            let name = Name::new();
            On::Leftover.prepare(&name);
            let _reader = lock.map(|lock| lock.take(&name));
            let mut deciding = start_at(place, "auto", &name, "takeover.locked=stop");
            deciding.until_stopped();
            let next = Peer::planned("auto", &name, &[], "");
            assert_eq!(next.answer_within(ms(200)), None, "{place:?}, {lock:?}: it decided beside the other");
            deciding.kill();
            let answer = next.answer_within(limit(place, lock));
            assert_eq!(answer.as_deref(), Some("ok Master"), "{place:?}, {lock:?}: {}", next.log());
        }
    }
}

/// The same, but it goes on: what it decides is done, and the other finds that.
#[test]
fn two_decide_one_after_the_other() {
    for place in places() {
        for on in [On::Leftover, On::Slave] {
            for lock in on.locks() {
                let name = Name::new();
                let _slave = on.prepare(&name);
                let _reader = lock.map(|lock| lock.take(&name));
                let mut deciding = start_at(place, "auto", &name, "takeover.locked=stop");
                deciding.until_stopped();
                let next = Peer::planned("auto", &name, &[], "");
                assert_eq!(next.answer_within(ms(200)), None, "{place:?}, {lock:?}: it decided beside the other");
                deciding.resume();
                let greetings = [&deciding, &next].map(|peer| peer.answer_within(LIMIT).unwrap_or_default());
                assert_eq!(greetings, ["ok Master", "ok Slave"], "{place:?}, {on:?}, {lock:?}: {}", next.log());
            }
        }
    }
}

#[test]
fn a_master_that_leaves_waits_for_a_decision_and_then_removes_its_name() {
    for lock in On::Slave.locks() {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let _reader = lock.map(|lock| lock.take(&name));
        let mut deciding = start_at(None, "auto", &name, "takeover.locked=stop");
        deciding.until_stopped();
        master.send("leave");
        assert!(!eventually(ms(150), || master.answered().is_some() || !name.exists()), "{lock:?}");
        deciding.kill();
        assert_eq!(master.answer(), "ok");
        assert!(!name.exists(), "{lock:?}: {}", master.log());
    }
}

/// The word stands for the lock only while no writer has that: one that got it in between goes first.
#[test]
fn a_lock_that_came_between_a_look_at_it_and_the_word_goes_first() {
    let name = Name::new();
    On::Leftover.prepare(&name);
    let mut reader = ReadLock::on(&["2"])[0].take(&name);
    let mut deciding = start_at(None, "auto", &name, "decision.worded=stop");
    deciding.until_stopped();
    reader.ok("release");
    let raw = name.raw();
    assert!(raw.try_lock(2));
    deciding.resume();
    assert_eq!(deciding.answer_within(ms(300)), None, "it decided beside the holder of the lock");
    raw.unlock(2);
    assert_eq!(deciding.answer_within(LIMIT).as_deref(), Some("ok Master"));
}
