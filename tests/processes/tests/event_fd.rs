//! The event descriptor towards peers in other processes, released ones too.

use eshm::{Endpoint, Error, Role, WakeupMode};
use eshm_processes::{Name, Peer, builder, ms, open, pause, read, until, wait::HANG};
use std::{
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

/// Whether the descriptor is readable within `limit`.
fn readable(endpoint: &Endpoint, limit: Duration) -> bool {
    let fd = endpoint.event_fd().expect("a descriptor").as_raw_fd();
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one live struct.
    let ready = unsafe { libc::poll(&mut entry, 1, limit.as_millis() as i32) };
    assert!(ready >= 0 && (ready == 0 || entry.revents == libc::POLLIN), "{ready} {}", entry.revents);
    ready == 1
}

/// Waits, on the descriptor alone, for the next value.
#[track_caller]
fn next(endpoint: &Endpoint) -> String {
    loop {
        assert!(readable(endpoint, HANG), "nothing came");
        endpoint.remote_alive().expect("an answer"); // a change that came with it
        match read(endpoint, 0) {
            Ok(text) => return text,
            Err(code) => assert_eq!(code, -9),
        }
    }
}

/// Waits, on the descriptor alone, until the peer is as expected.
#[track_caller]
fn until_peer_is(endpoint: &Endpoint, alive: bool) {
    loop {
        assert!(readable(endpoint, HANG), "no change came");
        if endpoint.remote_alive() == Ok(alive) {
            return;
        }
    }
}

/// Waits until nothing is left to be taken.
#[track_caller]
fn until_quiet(endpoint: &Endpoint) {
    until("nothing is readable", || endpoint.remote_alive().is_ok() && !readable(endpoint, Duration::ZERO));
}

#[test]
fn a_released_writer_of_either_protocol_is_heard_within_a_millisecond() {
    for protocol in ["--protocol=2", "--protocol=3"] {
        for side in ["master", "slave"] {
            let name = Name::new();
            let early = (side == "slave").then(|| open(&name, Role::Master));
            let mut released = Peer::released(side, &name, &[protocol]);
            let ours = early.unwrap_or_else(|| open(&name, Role::Slave));
            let mut times = Vec::new();
            until("they have met", || ours.remote_alive() == Ok(true));
            until_quiet(&ours);
            for turn in 0..200 {
                released.send(format_args!("write {turn}"));
                assert_eq!(released.answer(), "ok");
                let written = Instant::now();
                assert_eq!(next(&ours), turn.to_string());
                times.push(written.elapsed());
                assert!(!readable(&ours, Duration::ZERO), "it is taken");
            }
            times.sort();
            let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
            println!("{side} {protocol}: {median:?}, at most {most:?}");
            assert!(median < ms(2), "{side} {protocol}: {median:?}, at most {most:?}");
        }
    }
}

#[test]
fn a_released_peer_comes_falls_silent_returns_and_leaves() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    assert!(!readable(&master, Duration::ZERO));
    let mut slave = Peer::released("slave", &name, &["--protocol=3"]);
    until_peer_is(&master, true);
    until_quiet(&master);
    for _ in 0..3 {
        slave.ok("beat off");
        until_peer_is(&master, false);
        slave.ok("beat on");
        until_peer_is(&master, true);
        until_quiet(&master);
    }
    slave.ok("leave");
    until_peer_is(&master, false);
    until_quiet(&master);
}

#[test]
fn while_another_handle_reads_so_fast_that_ticks_are_rare_values_are_heard() {
    let (fast, slow) = (Name::new(), Name::new());
    let mut flood = Peer::ours("master", &fast, &[]);
    let reader = open(&fast, Role::Slave);
    let mut writer = Peer::ours("master", &slow, &[]);
    let watcher = open(&slow, Role::Slave);
    until_quiet(&watcher);
    flood.send("flood 1000 64");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (start, mut buffer) = (Instant::now(), [0; 64]);
            while start.elapsed() < ms(1000) {
                let _ = reader.read_timeout(&mut buffer, ms(1)); // the end of the flood is no failure
            }
        });
        let mut times = Vec::new();
        for turn in 0..200 {
            writer.write(&turn.to_string());
            let written = Instant::now();
            assert_eq!(next(&watcher), turn.to_string());
            times.push(written.elapsed());
        }
        times.sort();
        assert!(times[times.len() / 2] < ms(20), "three threads want two processors: {times:?}");
    });
    assert!(flood.answer().starts_with("ok"));
}

#[test]
fn what_a_dead_writer_left_half_written_is_not_readable() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=2"]);
    let slave = builder(&name, Role::Slave).reconnect_wait(Duration::ZERO).max_reconnect_attempts(0).open().expect("open");
    master.write("whole");
    assert_eq!(next(&slave), "whole");
    until_quiet(&slave);
    master.send("die-mid-write half");
    until_peer_is(&slave, false);
    until_quiet(&slave);
    pause(20);
    assert!(!readable(&slave, Duration::ZERO), "it would be readable for ever, with nothing to read");
}

#[test]
fn a_size_that_cannot_be_is_not_readable() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    let slave = open(&name, Role::Slave);
    until_quiet(&slave);
    master.write("x");
    assert_eq!(next(&slave), "x");
    let raw = name.raw();
    raw.set("m2s.data_size", 100_000);
    raw.add("m2s.sequence", 2);
    raw.add("m2s.write_count", 1);
    pause(20);
    assert!(!readable(&slave, Duration::ZERO));
    assert_eq!(read(&slave, 0), Err(-9));
    master.write("sound");
    assert_eq!(next(&slave), "sound");
}

#[test]
fn an_unread_value_of_the_old_segment_and_the_next_masters_first_are_both_readable() {
    let name = Name::new();
    let mut first = Peer::ours("master", &name, &[]);
    let slave = builder(&name, Role::Slave).reconnect_retry_interval(ms(5)).max_reconnect_attempts(0).open().expect("open");
    until_quiet(&slave);
    first.write("last words");
    first.ok("leave");
    let mut second = Peer::ours("master", &name, &[]);
    until("it has followed", || slave.remote_alive() == Ok(true) && slave.stats().is_ok_and(|stats| stats.slave_alive));
    assert_eq!(next(&slave), "last words");
    until_quiet(&slave);
    second.write("first words");
    assert_eq!(next(&slave), "first words");
}

#[test]
fn in_either_wakeup_mode_and_by_records_too_a_read_lowers_it() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    until_quiet(&slave);
    for mode in [WakeupMode::Push, WakeupMode::Poll] {
        slave.set_wakeup_mode(mode);
        master.write("text");
        assert!(readable(&slave, HANG));
        assert!(matches!(slave.read_record(ms(0)), Err(Error::Record(_))));
        assert!(readable(&slave, Duration::ZERO), "what is no record stays");
        assert_eq!(slave.read_timeout(&mut [0; 8], ms(1000)), Ok(4));
        assert!(!readable(&slave, Duration::ZERO));
    }
}

#[test]
fn without_threads_there_is_none_and_else_one() {
    let name = Name::new();
    let alone = builder(&name, Role::Master).threads(false).open().expect("open");
    assert!(matches!(alone.event_fd(), Err(Error::InvalidParameter(_))));
    drop(alone);
    let endpoint = open(&name, Role::Master);
    let fd = endpoint.event_fd().expect("a descriptor").as_raw_fd();
    assert_eq!(endpoint.event_fd().expect("the same").as_raw_fd(), fd);
}
