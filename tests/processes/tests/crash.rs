//! Kills at any moment, again and again: the survivor is never harmed and the next start always works.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Peer, builder, ms, open, payload, until};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Reads until told to stop, and checks each message by itself.
fn watch(endpoint: &Endpoint, stop: &AtomicBool, whole: &AtomicU64) {
    let mut buffer = vec![0; 8192];
    while !stop.load(Ordering::Relaxed) {
        if let Ok(size) = endpoint.read_timeout(&mut buffer, ms(5)) {
            assert!(payload::number(&buffer[..size]).is_some(), "a torn message of {size} bytes");
            whole.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Kills the peer after a while that differs from round to round.
fn kill_somewhere(peer: &mut Peer, round: u64) {
    let wait = Duration::from_micros(3000 + round * 1371 % 9000);
    let start = Instant::now();
    while start.elapsed() < wait {
        thread::yield_now();
    }
    peer.kill();
}

#[test]
fn masters_killed_in_the_middle_of_anything() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = builder(&name, Role::Slave)
        .reconnect_retry_interval(ms(1))
        .max_reconnect_attempts(0)
        .reconnect_wait(ms(0))
        .open()
        .expect("attach");
    let (stop, whole) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&slave, &stop, &whole));
        for round in 0..25 {
            master.send("flood 20000 4096");
            let before = whole.load(Ordering::Relaxed);
            until("the slave reads this master", || whole.load(Ordering::Relaxed) > before || watcher.is_finished());
            kill_somewhere(&mut master, round);
            master = Peer::ours(if round % 2 == 0 { "master" } else { "auto" }, &name, &[]);
            assert_eq!(master.ok("role"), "Master", "round {round}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    until("slave and master talk", || slave.write(b"alive").is_ok() && master.read(50).is_ok());
}

#[test]
fn slaves_killed_in_the_middle_of_anything() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let inode = name.inode();
    let (stop, whole) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&master, &stop, &whole));
        for round in 0..25 {
            let mut slave = Peer::ours("slave", &name, &[]);
            slave.send("flood 20000 4096");
            let before = whole.load(Ordering::Relaxed);
            until("the master reads this slave", || whole.load(Ordering::Relaxed) > before || watcher.is_finished());
            kill_somewhere(&mut slave, round);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(name.inode(), inode);
    assert_eq!(master.write(b"alive"), Ok(()));
}

#[test]
fn readers_killed_in_the_middle_of_anything() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    master.send("flood 3000 1024");
    for round in 0..12 {
        let before = raw.get("m2s.read_count");
        let mut slave = Peer::ours("slave", &name, &[]);
        slave.send("drain 20000");
        until("it reads", || raw.get("m2s.read_count") > before);
        kill_somewhere(&mut slave, round);
    }
    assert!(master.answer().starts_with("ok count="));
    let mut slave = Peer::ours("slave", &name, &[]);
    master.write("still here");
    assert_eq!(slave.read(5000), Ok("still here".into()));
}

#[test]
fn both_killed_at_once() {
    let name = Name::new();
    for round in 0..8 {
        let mut master = Peer::ours("master", &name, &[]);
        let mut slave = Peer::ours("slave", &name, &[]);
        master.send("flood 20000 512");
        slave.send("flood 20000 512");
        kill_somewhere(&mut master, round);
        slave.kill();
    }
    let master = open(&name, Role::Master);
    let slave = open(&name, Role::Slave);
    master.write(b"after all").expect("write");
    assert_eq!(eshm_processes::read(&slave, 1000), Ok("after all".into()));
}
