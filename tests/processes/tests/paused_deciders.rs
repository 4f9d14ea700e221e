//! Somebody who decides about a segment by its word in the header, as a mere reader's lock is in the way, is stopped in the midst of
//! that. Another, who cannot see that process, takes the word for one of nobody after a while, decides, and has a live channel. The
//! first then goes on, and destroys nothing of it. In a build without failpoints there is nothing here; run it as `overlap`.
#![cfg(eshm_failpoints)]

use eshm::Role;
use eshm_processes::{
    Name, Peer, Raw, elapsed_ms, eventually, ms, open,
    read_lock::{LIMIT, ReadLock, flows_both_ways, killed_pair, until_locked_in},
    sandbox::{Number, has_pid_namespaces},
};
use std::{
    fs, thread,
    time::{Duration, Instant},
};

const READER: ReadLock = ReadLock { bytes: "2", owner: "--owner=file" };
/// A slave that stays until it has a master.
const PATIENT: &[&str] = &["--attempts=0", "--wait=0", "--retry=5"];

/// What another pid namespace sees of a word after a while, played: it is taken away.
#[track_caller]
fn forget_word(raw: &Raw) {
    assert_ne!(raw.get("decider"), 0, "it decides by its word");
    raw.set("decider", 0);
}

/// A master and a slave that a third one, let go on, leaves as they are.
#[track_caller]
fn goes_on_beside(name: &Name, decider: &mut Peer, slave: Option<Peer>) {
    let master = open(name, Role::Auto);
    assert_eq!(master.role(), Role::Master);
    let mut slave = slave.unwrap_or_else(|| Peer::ours("slave", name, PATIENT));
    flows_both_ways(&master, &mut slave, READER);
    let (raw, inode) = (name.raw(), name.inode());
    let generation = raw.get("master_generation");
    opens_as_slave(decider);
    assert_eq!(name.inode(), inode, "its name leads elsewhere\n{}", decider.log());
    assert_eq!((raw.get("master_generation"), raw.get("master_alive")), (generation, 1), "{}", decider.log());
    flows_both_ways(&master, &mut slave, READER);
}

/// It opens after all, as the slave of the master that has come.
#[track_caller]
fn opens_as_slave(decider: &mut Peer) {
    decider.resume();
    let greeting = decider.answer_within(LIMIT);
    assert_eq!(greeting.as_deref(), Some("ok Slave"), "{}", decider.log());
}

#[test]
fn a_leftover_that_another_has_replaced_is_not_replaced_again() {
    let name = Name::new();
    killed_pair(&name);
    let _reader = READER.take(&name);
    let mut decider = Peer::planned("auto", &name, &[], "takeover.judged=stop");
    decider.until_stopped();
    forget_word(&name.raw());
    goes_on_beside(&name, &mut decider, None);
}

#[test]
fn a_segment_that_another_has_taken_over_is_not_taken_over_again() {
    let name = Name::new();
    let mut first = Peer::ours("master", &name, &[]);
    let slave = Peer::ours("slave", &name, PATIENT);
    until_locked_in(&name.raw());
    first.kill();
    let _reader = READER.take(&name);
    let mut decider = Peer::planned("auto", &name, &[], "takeover.judged=stop");
    decider.until_stopped();
    let raw = name.raw();
    forget_word(&raw);
    let generation = raw.get("master_generation");
    goes_on_beside(&name, &mut decider, Some(slave));
    assert_eq!(raw.get("master_generation"), generation + 1, "the other took it over in place");
}

#[test]
fn a_file_that_is_no_segment_and_that_another_has_replaced_is_not_replaced_again() {
    let name = Name::new();
    fs::write(name.path(), vec![1; 8576]).expect("write to /dev/shm");
    let _reader = READER.take(&name);
    let mut decider = Peer::planned("auto", &name, &[], "junk.judged=stop");
    decider.until_stopped();
    forget_word(&name.raw());
    goes_on_beside(&name, &mut decider, None);
}

#[test]
fn a_master_that_was_stopped_as_it_left_ends_nothing_of_the_next() {
    for in_place in [true, false] {
        let name = Name::new();
        let mut leaving = Peer::planned("master", &name, &[], "close.judged=stop").greeted();
        let slave = in_place.then(|| Peer::ours("slave", &name, PATIENT));
        let _reader = READER.take(&name);
        leaving.send("leave");
        leaving.until_stopped();
        let raw = name.raw();
        forget_word(&raw);
        // It has not said yet that it leaves.
        let next = open(&name, Role::Master);
        let mut slave = slave.unwrap_or_else(|| Peer::ours("slave", &name, PATIENT));
        flows_both_ways(&next, &mut slave, READER);
        let inode = name.inode();
        leaving.resume();
        assert_eq!(leaving.answer_within(LIMIT).as_deref(), Some("ok"), "{}", leaving.log());
        assert_eq!(name.inode(), inode, "in place: {in_place}");
        assert_eq!(name.raw().get("master_alive"), 1, "in place: {in_place}");
        flows_both_ways(&next, &mut slave, READER);
    }
}

/// For which one opening begins anew, with what a busy machine adds.
const OPENING: Duration = ms(15_500);

/// Nothing is played: the others wait until they take the word for one of nobody. That is longer than one opening goes on, which
/// opens all the same.
#[test]
fn one_of_another_namespace_that_was_stopped_for_long_destroys_no_live_channel() {
    if !has_pid_namespaces() {
        return;
    }
    let name = Name::new();
    killed_pair(&name);
    let _reader = READER.take(&name);
    let mut decider = Peer::elsewhere("ours", "auto", &name, &[], Number::Free, "takeover.judged=stop");
    decider.until_stopped();
    let stopped = Instant::now();
    let mut master = Peer::planned("auto", &name, &[], "");
    let (greeting, took) = elapsed_ms(|| master.answer_within(ms(10_500) + LIMIT));
    assert_eq!(greeting.as_deref(), Some("ok Master"), "{}", master.log());
    assert!(took >= 10_000, "{took} ms: it did not wait for the other");
    let inode = name.inode();
    let mut slave = Peer::ours("slave", &name, PATIENT);
    thread::sleep(OPENING.saturating_sub(stopped.elapsed()));
    opens_as_slave(&mut decider);
    assert_eq!(name.inode(), inode);
    assert!(eventually(LIMIT, || master.code("write on") == 0 && slave.read(100) == Ok("on".into())), "{}", master.log());
}
