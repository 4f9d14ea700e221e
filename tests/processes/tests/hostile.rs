//! Bytes from the segment are untrusted: never a crash, a hang or an overrun.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Peer, Raw, elapsed_ms, open, pause, raw::total_size, read, until, wait::eventually};
use std::time::{Duration, Instant};

/// A plain generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A released master's segment with one value that a slave of ours has not read.
fn with_a_value(name: &Name) -> (Peer, Endpoint, Raw) {
    let mut master = Peer::released("master", name, &["--protocol=3"]);
    let slave = open(name, Role::Slave);
    master.write("value");
    (master, slave, name.raw())
}

#[test]
fn a_data_size_over_the_capacity_is_an_error_or_no_data_and_the_next_good_value_is_read() {
    for size in [4097, 4224, 8576, 1 << 20, i32::MAX as u64, u32::MAX as u64] {
        let name = Name::new();
        let (mut master, slave, raw) = with_a_value(&name);
        raw.set("m2s.data_size", size);
        let mut buffer = vec![0; 1 << 16];
        assert!(matches!(slave.try_read(&mut buffer), Ok(None) | Err(_)), "size {size}");
        let (result, took) = elapsed_ms(|| slave.read_timeout(&mut buffer, Duration::from_millis(30)));
        assert!(result.is_err() && took < 5000, "size {size}: {result:?} after {took} ms");
        master.write("good");
        assert_eq!(read(&slave, 1000), Ok("good".into()), "size {size}");
    }
}

#[test]
fn a_size_that_changes_all_the_time_overruns_no_buffer() {
    let name = Name::new();
    let (_master, slave, raw) = with_a_value(&name);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random(7);
            while start.elapsed() < Duration::from_millis(300) {
                raw.set("m2s.data_size", [8, 4096][random.next() as usize % 2]);
                raw.add("m2s.sequence", 2);
            }
        });
        let mut buffer = [0xEE; 64];
        while start.elapsed() < Duration::from_millis(300) {
            if let Ok(Some(size)) = slave.try_read(&mut buffer[..16]) {
                assert!(size <= 16, "{size} bytes into 16");
            }
            assert_eq!(buffer[16..], [0xEE; 48]);
        }
    });
}

#[test]
fn a_sequence_that_is_odd_for_ever_hangs_no_read_and_no_write() {
    let name = Name::new();
    let (_master, slave, raw) = with_a_value(&name);
    for sequence in [1, u32::MAX as u64] {
        raw.set("m2s.sequence", sequence);
        let (result, took) = elapsed_ms(|| read(&slave, 40));
        assert_eq!(result, Err(-10));
        assert!((40..5000).contains(&took), "{took} ms");
        raw.set("s2m.sequence", sequence);
        let (_, took) = elapsed_ms(|| slave.write(b"x"));
        assert!(took < 5000, "{took} ms");
    }
}

#[test]
fn the_sequence_may_wrap() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    for channel in ["m2s", "s2m"] {
        raw.set(&format!("{channel}.sequence"), u32::MAX as u64 - 5);
        raw.set(&format!("{channel}.wake_seq"), u32::MAX as u64 - 2);
        raw.set(&format!("{channel}.write_count"), u64::MAX - 2);
        raw.set(&format!("{channel}.read_count"), u64::MAX - 2);
    }
    let mut master = Peer::released("master", &name, &["--protocol=3", "--takeover"]);
    let slave = open(&name, Role::Slave);
    for turn in 0..8 {
        master.write(&format!("down {turn}"));
        assert_eq!(read(&slave, 5000), Ok(format!("down {turn}")));
        slave.write(b"up").expect("write");
    }
    assert_eq!(raw.get("s2m.sequence") % 2, 0);
}

#[test]
fn every_field_of_the_header_may_be_anything() {
    let fields = [
        "magic",
        "version",
        "master_heartbeat",
        "slave_heartbeat",
        "master_pid",
        "slave_pid",
        "master_alive",
        "slave_alive",
        "stale_threshold",
        "master_generation",
        "features",
        "layout_size",
        "master_lock",
        "slave_lock",
        "capacity",
    ];
    for role in ["master", "slave"] {
        let name = Name::new();
        let (other_role, mut ours);
        if role == "master" {
            ours = Peer::ours("master", &name, &[]);
            other_role = Peer::released("slave", &name, &["--protocol=3"]);
        } else {
            other_role = Peer::released("master", &name, &["--protocol=3"]);
            ours = Peer::ours("slave", &name, &["--retry=0"]);
        }
        let raw = name.raw();
        for field in fields {
            let before = raw.get(field);
            for value in [0, 1, u64::from(u32::MAX), u64::MAX, 0x8000_0000] {
                raw.set(field, value);
                pause(3);
                for command in ["write x", "read 0", "alive", "stats", "beat"] {
                    ours.ask(command);
                }
            }
            raw.set(field, before);
        }
        ours.assert_alive();
        drop(other_role);
    }
}

#[test]
fn random_bytes_all_over_the_segment_are_survived_in_both_roles() {
    for role in ["master", "slave"] {
        let name = Name::new();
        let _master = (role == "slave").then(|| Peer::ours("master", &name, &[]));
        let mut peer = Peer::ours(role, &name, &["--retry=0", "--attempts=0"]);
        let raw = name.raw();
        let mut random = Random(0x5EED);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(500) {
            for _ in 0..200 {
                let at = random.next() as usize;
                // The first line and the channels' ends are where it hurts.
                let offset = at % [128, total_size(4096), total_size(4096)][at % 3];
                raw.set_byte(offset, random.next() as u8);
            }
            for command in ["write x", "read 0", "read 2", "alive", "stats", "beat"] {
                peer.ask(command);
            }
        }
        peer.assert_alive();
        peer.leave();
    }
}

#[test]
fn random_files_are_opened_in_no_role_with_a_crash() {
    let mut random = Random(0xF11E);
    for round in 0..60 {
        let name = Name::new();
        let size = [8576, 8576, 4096, 128, 56, (random.next() % 30_000) as usize][round % 6];
        let mut bytes: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
        if round % 2 == 0 && size >= 56 {
            bytes[..4].copy_from_slice(&0x4553_484D_u32.to_ne_bytes());
            bytes[4..8].copy_from_slice(&(2 + (round % 2) as u32).to_ne_bytes());
            bytes[40..44].copy_from_slice(&50u32.to_ne_bytes()); // a threshold that is over soon
        }
        std::fs::write(name.path(), &bytes).expect("write the file");
        for role in [Role::Slave, Role::Auto, Role::Master] {
            if let Ok(endpoint) = Endpoint::builder(name.as_str()).role(role).open() {
                let _ = (read(&endpoint, 0), endpoint.write(b"x"), endpoint.stats());
            }
        }
    }
}

#[test]
fn garbage_counters_change_no_delivery() {
    let name = Name::new();
    let (mut master, slave, raw) = with_a_value(&name);
    assert_eq!(read(&slave, 1000), Ok("value".into()));
    for garbage in [0, 5, u64::MAX] {
        raw.set("m2s.write_count", garbage);
        raw.set("m2s.read_count", garbage);
        assert_eq!(read(&slave, 0), Err(-9), "the count is a statistic");
        master.write("next");
        assert_eq!(read(&slave, 1000), Ok("next".into()));
    }
}

#[test]
fn waiters_may_be_anything() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    for garbage in [1, 1000, u64::from(u32::MAX), 0] {
        raw.set("m2s.waiters", garbage);
        raw.set("m2s.reader_waiting", garbage);
        slave.send("read 10000");
        master.write("x");
        assert_eq!(slave.answer(), "data x");
    }
}

#[test]
fn a_wake_seq_that_somebody_else_moves_is_no_value() {
    let name = Name::new();
    let (_master, slave, raw) = with_a_value(&name);
    assert_eq!(read(&slave, 1000), Ok("value".into()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually(Duration::from_millis(80), || {
                raw.add("m2s.wake_seq", 1);
                raw.futex_wake("m2s");
                false
            })
        });
        let (result, took) = elapsed_ms(|| read(&slave, 60));
        assert_eq!(result, Err(-10));
        assert!(took >= 60);
    });
    until("it still works", || slave.remote_alive() == Ok(true));
}

#[test]
fn a_pid_that_is_none_is_no_live_peer_at_start() {
    for pid in [0, -1, -2, i32::MIN, i32::MAX] {
        let name = Name::new();
        let raw = Raw::stamped(&name, 2, 4096);
        raw.set("stale_threshold", 50);
        raw.occupy("master", pid as u32);
        raw.occupy("slave", pid as u32);
        let inode = name.inode();
        assert_eq!(open(&name, Role::Auto).role(), Role::Master, "pid {pid}");
        assert_ne!(name.inode(), inode, "nobody lives there");
    }
}

#[test]
fn a_threshold_of_weeks_in_a_leftover_hangs_no_start() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.set("stale_threshold", u32::MAX.into());
    raw.occupy("master", eshm_processes::tasks::free_pid());
    let (_, took) = elapsed_ms(|| Endpoint::builder(name.as_str()).role(Role::Auto).open());
    assert!(took < 20_000, "{took} ms");
}
