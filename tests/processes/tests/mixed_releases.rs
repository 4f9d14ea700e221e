//! Ours with each released peer: both protocols, in both roles.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, elapsed_ms, open, read, until};

const PROTOCOLS: [&str; 2] = ["--protocol=2", "--protocol=3"];

/// A conversation of a few turns in which every message must arrive.
#[track_caller]
fn converse(ours: &mut Peer, released: &mut Peer) {
    assert_eq!(released.read(0), Err(-10), "a released reader's baseline is its first read");
    for turn in 0..40 {
        ours.write(&format!("question {turn}"));
        assert_eq!(released.read(10_000), Ok(format!("question {turn}")));
        released.write(&format!("answer {turn}"));
        assert_eq!(ours.read(10_000), Ok(format!("answer {turn}")));
    }
}

#[test]
fn our_master_with_released_slaves() {
    for protocol in PROTOCOLS {
        for wakeup in [&[][..], &["--poll"]] {
            let name = Name::new();
            let mut master = Peer::ours("master", &name, wakeup);
            let mut slave = Peer::released("slave", &name, &[protocol]);
            converse(&mut master, &mut slave);
            assert!(master.alive());
        }
    }
}

#[test]
fn our_slave_with_released_masters() {
    for protocol in PROTOCOLS {
        for wakeup in [&[][..], &["--poll"]] {
            let name = Name::new();
            let mut master = Peer::released("master", &name, &[protocol]);
            let mut slave = Peer::ours("slave", &name, wakeup);
            converse(&mut slave, &mut master);
            assert!(slave.alive());
        }
    }
}

#[test]
fn our_slave_leaves_a_protocol_2_stamp_as_it_is() {
    let name = Name::new();
    let _master = Peer::released("master", &name, &["--protocol=2"]);
    let _slave = open(&name, Role::Slave);
    let raw = name.raw();
    assert_eq!((raw.get("version"), raw.get("features"), raw.get("layout_size")), (2, 0, 0));
}

#[test]
fn every_message_of_a_peer_that_never_signals_is_heard() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=2"]);
    let slave = open(&name, Role::Slave);
    let (_, took) = elapsed_ms(|| {
        for turn in 0..100 {
            master.write(&format!("message {turn}"));
            assert_eq!(read(&slave, 5000), Ok(format!("message {turn}")));
        }
    });
    assert!(took < 15_000, "{took} ms");
}

#[test]
fn flat_out_reads_of_a_released_reader_are_served() {
    for protocol in PROTOCOLS {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let mut slave = Peer::released("slave", &name, &[protocol]);
        slave.ask("read 0");
        slave.send("drain 400");
        master.ok("flood 300 256");
        let answer = slave.answer();
        assert!(!answer.contains("reads=0 "), "{answer}");
    }
}

#[test]
fn a_protocol_2_slave_maps_8576_bytes_of_a_protocol_3_segment_and_it_works() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::released("slave", &name, &["--protocol=2"]);
    slave.write("from protocol 2");
    assert_eq!(master.read(5000), Ok("from protocol 2".into()));
    assert_eq!(name.raw().get("version"), 3);
}

#[test]
fn released_crashes_are_noticed_by_the_threshold() {
    for (side, role) in [("master", Role::Slave), ("slave", Role::Master)] {
        let name = Name::new();
        let early = (role == Role::Master).then(|| open(&name, role));
        let mut peer = Peer::released(side, &name, &["--protocol=3"]);
        let ours = early.unwrap_or_else(|| open(&name, role));
        until("they have met", || name.raw().get(&format!("{side}_heartbeat")) > 20);
        peer.kill();
        until("the crash is noticed", || ours.remote_alive() == Ok(false));
    }
}

#[test]
fn a_flag_or_a_pid_that_a_released_creator_zeroed_is_set_again() {
    let name = Name::new();
    let _master = Peer::released("master", &name, &[]);
    let slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    for field in ["slave_alive", "slave_pid"] {
        raw.set(field, 0);
        until("the slave sets it again", || raw.get("slave_alive") == 1 && raw.get("slave_pid") == slave.pid().into());
    }
    raw.set("slave_alive", 0);
    raw.set("slave_pid", 0);
    until("the slave sets both again", || raw.get("slave_alive") == 1 && raw.get("slave_pid") == slave.pid().into());
}

#[test]
fn a_masters_flag_is_set_again_too() {
    let name = Name::new();
    let master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    raw.set("master_alive", 0);
    until("it is set again", || raw.get("master_alive") == 1);
    raw.set("master_pid", 0);
    until("it is set again", || raw.get("master_pid") == master.pid().into());
}

#[test]
fn a_slaves_flag_is_set_again_after_a_second_slave_has_left() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let mut first = Peer::ours("slave", &name, &[]);
        let mut second = Peer::start(kind, "slave", &name, &[], "warn");
        let raw = name.raw();
        second.leave();
        until("the first has its place again", || {
            raw.get("slave_alive") == 1 && (kind == "released" || raw.get("slave_pid") == first.pid().into())
        });
        first.write("here");
        assert_eq!(master.read(5000), Ok("here".into()));
        until("it is alive", || master.alive());
    }
}

/// Waits until the master has looked at what is there now: it beats, then looks, once a tick.
fn await_looks(raw: &Raw) {
    for _ in 0..3 {
        let beat = raw.get("master_heartbeat");
        until("the master's next tick", || raw.get("master_heartbeat") != beat);
    }
}

#[test]
fn a_writer_killed_between_its_value_and_its_count_costs_its_successor_no_message() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let mut old = Peer::released("slave", &name, &["--protocol=3"]);
        old.write("whole");
        assert_eq!(master.read(5000), Ok("whole".into()));
        let raw = name.raw();
        await_looks(&raw);
        old.kill();
        raw.add("s2m.sequence", 2); // its next value is out, but not counted
        await_looks(&raw);
        let mut new = Peer::start(kind, "slave", &name, &["--protocol=3"], "warn");
        for turn in 0..10 {
            new.write(&format!("turn {turn}"));
            assert_eq!(master.read(5000), Ok(format!("turn {turn}")), "{kind}");
        }
    }
}
