//! A reader never sees a mixture of two writes.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, code, elapsed_ms, ms, open, payload::Tally, read, tasks::free_pid, until};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

/// Lets a writer and a reader run flat out against each other.
#[track_caller]
fn flat_out(writer: &mut Peer, reader: &mut Peer, largest: usize) {
    reader.ask("read 0"); // a released reader takes its baseline at its first read
    reader.send("drain 400");
    writer.ok(format_args!("flood 400 {largest}"));
    let answer = reader.answer();
    assert!(answer.contains("torn=0 repeated=0 failed=0") && !answer.contains("reads=0 "), "{answer}");
}

#[test]
fn between_two_of_ours() {
    for largest in [64, 4096] {
        let name = Name::new();
        let (mut master, mut slave) = (Peer::ours("master", &name, &[]), Peer::ours("slave", &name, &[]));
        flat_out(&mut master, &mut slave, largest);
        flat_out(&mut slave, &mut master, largest);
    }
}

#[test]
fn from_a_released_writer() {
    for protocol in ["--protocol=2", "--protocol=3"] {
        let name = Name::new();
        let (mut master, mut slave) = (Peer::released("master", &name, &[protocol]), Peer::ours("slave", &name, &[]));
        flat_out(&mut master, &mut slave, 4096);
    }
}

#[test]
fn with_two_writer_threads_in_one_process() {
    let name = Name::new();
    let (mut master, slave) = (Peer::ours("master", &name, &[]), open(&name, Role::Slave));
    thread::scope(|scope| {
        let writer = |letter: u8| {
            let slave = &slave;
            move || {
                let start = Instant::now();
                while start.elapsed() < ms(400) {
                    // On a loaded machine the other may be held up for longer than a write waits.
                    assert!([0, -10].contains(&code(slave.write(&[letter; 3000]))));
                }
            }
        };
        scope.spawn(writer(b'a'));
        scope.spawn(writer(b'b'));
        let start = Instant::now();
        while start.elapsed() < ms(400) {
            if let Ok(text) = master.read(100) {
                assert_eq!(text.len(), 3000);
                assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]), "a mixture");
            }
        }
    });
    assert_eq!(name.raw().get("s2m.sequence") % 2, 0);
}

#[test]
fn two_processes_that_write_the_same_direction_never_corrupt_it() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut slaves = [Peer::ours("slave", &name, &[]), Peer::ours("slave", &name, &[])];
    for slave in &mut slaves {
        slave.send("flood 500 4096");
    }
    let (start, mut buffer, mut tally) = (Instant::now(), vec![0; 4096], Tally::default());
    while start.elapsed() < ms(500) {
        if let Ok(size) = master.read_timeout(&mut buffer, ms(50)) {
            tally.add(&buffer[..size]);
        }
    }
    for slave in &slaves {
        assert!(slave.answer().starts_with("ok count="));
    }
    assert!(tally.reads > 0 && tally.torn == 0, "{tally:?}"); // the two count on their own, so numbers may repeat
    assert_eq!(name.raw().get("s2m.sequence") % 2, 0);
    slaves[0].write("still working");
    assert_eq!(read(&master, 1000), Ok("still working".into()));
}

#[test]
fn after_a_takeover_of_a_half_written_channel_flat_out_reads_are_whole() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--threshold=200"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    old.write("whole");
    assert_eq!(slave.read(1000), Ok("whole".into()));
    old.kill();
    name.raw().add("m2s.sequence", 1); // as if it had been killed in the middle of a write
    let mut new = Peer::ours("master", &name, &[]);
    new.write("go");
    assert_eq!(slave.read(5000), Ok("go".into()));
    assert_eq!(name.raw().get("m2s.sequence") % 2, 0);
    flat_out(&mut new, &mut slave, 4096);
}

#[test]
fn a_half_written_message_is_neither_a_hang_nor_data() {
    for protocol in ["--protocol=2", "--protocol=3"] {
        let name = Name::new();
        let mut master = Peer::released("master", &name, &[protocol]);
        let slave = open(&name, Role::Slave);
        master.ok("half-write torn");
        assert_eq!(read(&slave, 0), Err(-9));
        let (result, took) = elapsed_ms(|| read(&slave, 60));
        assert_eq!(result, Err(-10));
        assert!((60..2000).contains(&took), "{took} ms");
    }
}

#[test]
fn a_writer_killed_in_the_middle_hangs_no_reader() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    let slave = open(&name, Role::Slave);
    master.write("last whole one");
    assert_eq!(read(&slave, 1000), Ok("last whole one".into()));
    master.send("die-mid-write torn");
    master.wait();
    let (result, took) = elapsed_ms(|| read(&slave, 300));
    assert_eq!(result, Err(-10));
    assert!((300..5000).contains(&took), "{took} ms");
    assert_eq!(read(&slave, 0), Err(-9));
}

#[test]
fn inverted_parity_of_a_released_writer_is_no_data() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.add("m2s.sequence", 1); // left by an earlier writer
    raw.occupy("master", free_pid());
    let mut master = Peer::released("master", &name, &["--protocol=2", "--takeover"]);
    let slave = open(&name, Role::Slave);
    for text in ["one", "two", "three"] {
        master.write(text);
        assert_eq!(raw.get("m2s.sequence") % 2, 1);
        assert_eq!(read(&slave, 30), Err(-10), "the count advances, but no value is sound");
    }
}

#[test]
fn a_flat_out_writer_with_inverted_parity_gives_no_mixture() {
    for protocol in ["--protocol=2", "--protocol=3"] {
        let name = Name::new();
        let raw = Raw::stamped(&name, if protocol.ends_with('3') { 3 } else { 2 }, 4096);
        raw.add("m2s.sequence", 1);
        raw.occupy("master", free_pid());
        let mut master = Peer::released("master", &name, &[protocol, "--takeover"]);
        let mut slave = Peer::ours("slave", &name, &[]);
        slave.send("drain 400");
        master.ok("flood 400 4096");
        let answer = slave.answer();
        assert!(answer.contains("torn=0 repeated=0"), "{answer}");
    }
}

#[test]
fn a_writer_with_inverted_parity_that_stops_in_the_middle_gives_no_data() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.add("m2s.sequence", 1);
    raw.occupy("master", free_pid());
    let mut master = Peer::released("master", &name, &["--protocol=3", "--takeover"]);
    let slave = open(&name, Role::Slave);
    for text in ["one", "two", "three"] {
        master.write(text);
        assert_eq!(read(&slave, 30), Err(-10));
    }
    master.ok("half-write torn");
    assert_eq!(raw.get("m2s.sequence") % 2, 0, "even in the middle of a write");
    assert_eq!(read(&slave, 500), Err(-10), "a count that did not follow tells that it is not done");
}

/// A released writer with inverted parity that stops in the middle, after one of ours that counted its last message but did
/// not finish it: then the copy has the count of a whole message.
#[test]
fn a_released_successor_of_one_of_ours_that_died_after_it_counted_gives_no_half_message() {
    for options in [&["--threshold=60000"] as &[&str], &["--threshold=60000", "--no-threads"]] {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &["--threshold=60000"]);
        let mut slave = Peer::ours("slave", &name, options);
        let raw = name.raw();
        old.write("whole");
        assert_eq!(slave.read(1000), Ok("whole".into()));
        old.kill();
        for field in ["m2s.sequence", "m2s.write_count", "m2s.wake_seq"] {
            raw.add(field, 1);
        }
        let before = raw.get("slave_heartbeat");
        until("it has looked", || slave.code("read 5") == -10 && raw.get("slave_heartbeat") > before + 2);
        let mut new = Peer::released("master", &name, &["--protocol=3", "--takeover"]);
        new.ok("half-write torn");
        assert_eq!((raw.get("m2s.sequence"), raw.get("m2s.write_count")), (4, 2), "as after a whole one");
        assert_eq!(slave.read(0), Err(-9));
        assert_eq!(slave.read(300), Err(-10));
    }
}

/// Nothing happens between the calls of a handle without threads, so its read may come before it has looked at the new writer.
#[test]
fn a_writer_that_came_since_the_last_look_is_not_believed_for_its_predecessors_sake() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--threshold=60000"]);
    let mut slave = Peer::ours("slave", &name, &["--threshold=60000", "--no-threads"]);
    let raw = name.raw();
    old.write("whole");
    assert_eq!(slave.read(1000), Ok("whole".into()));
    old.kill();
    raw.occupy("master", std::process::id());
    raw.add("m2s.sequence", 2); // the old one died in a write, and the new one, a released one, copies
    assert_eq!(slave.read(0), Err(-9));
}

#[test]
fn a_writer_found_in_the_middle_of_an_inverted_copy_gives_no_mixture_when_it_goes_on() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.set("stale_threshold", 60_000);
    raw.set("m2s.sequence", 2); // 1 at rest; the writer was held up in a copy before the slave came
    raw.set("m2s.data_size", 8);
    raw.occupy("master", std::process::id());
    let slave = open(&name, Role::Slave);
    for round in 0..4 {
        assert_eq!(read(&slave, 120), Err(-10), "round {round}"); // held up for long
        raw.add("m2s.sequence", 1);
        raw.add("m2s.write_count", 1);
        raw.add("m2s.sequence", 1); // done, and in the middle of the next one
        assert_eq!(read(&slave, 0), Err(-9), "round {round}");
    }
}

#[test]
fn a_value_that_is_overwritten_all_the_time_is_an_ordinary_timeout_at_worst() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.occupy("master", std::process::id());
    let slave = open(&name, Role::Slave);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                raw.add("m2s.sequence", 1); // odd, even, odd: hardly ever still for a copy
            }
        });
        let (_, took) = elapsed_ms(|| read(&slave, 50));
        stop.store(true, Ordering::Relaxed);
        assert!(took < 5000, "{took} ms");
    });
}

#[test]
fn a_flat_out_writer_grants_a_reader_the_quiet_moment_it_asks_for() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let raw = name.raw();
    master.send("flood 60000 4096"); // its end is not waited for
    until("it writes", || raw.get("m2s.write_count") > 10);
    raw.set("m2s.reader_waiting", 1);
    until("it has seen it", || raw.get("m2s.reader_waiting") == 0);
}
