//! A reader sleeps while something that is no whole message stands in its channel, however it reads: by the processor time of
//! the very thread that waits.

use eshm::{Endpoint, Error, Role, WakeupMode, records::Record};
use eshm_processes::{Name, Peer, Raw, builder, c::Handle, elapsed_ms, ms, open, read, tasks::own_processor_time, until};
use std::{mem::MaybeUninit, time::Duration};

/// How long each read waits, in milliseconds.
const WAIT: u64 = 500;
/// What of that it may keep a processor busy: a spin before it sleeps, and looks in between.
const MOST: Duration = ms(WAIT / 5);
/// The largest message of the tests with large ones. With a sanitizer one look takes many times as long.
const LARGE: usize = if cfg!(eshm_sanitize) { 1 << 18 } else { 16 << 20 };

/// The result of a wait; nothing may come of it, and it may not cost much.
#[track_caller]
fn sleeps<T: std::fmt::Debug>(what: &str, wait: impl FnOnce() -> T) -> T {
    let before = own_processor_time();
    let (result, took) = elapsed_ms(wait);
    let used = own_processor_time() - before;
    println!("{what}: {used:?} of {took} ms, {result:?}");
    assert!(took >= WAIT, "{what}: {result:?} after {took} ms only");
    assert!(used < MOST, "{what}: {used:?} of the processor in a wait of {took} ms");
    result
}

/// Each way to wait for a message in Rust, one after the other.
#[track_caller]
fn each_read_sleeps(what: &str, slave: &Endpoint) {
    let mut buffer = vec![0; LARGE];
    let result = sleeps(&format!("{what}, read_timeout"), || slave.read_timeout(&mut buffer, ms(WAIT)));
    assert!(result.is_err(), "{what}: {result:?}");
    let mut buffer = vec![MaybeUninit::new(0); LARGE];
    let result = sleeps(&format!("{what}, read_until_signal"), || slave.read_until_signal(&mut buffer, ms(WAIT)));
    assert_eq!(result, Ok(None), "{what}");
    let result = sleeps(&format!("{what}, read_record"), || slave.read_record(ms(WAIT)));
    assert!(result.is_err(), "{what}: {result:?}");
}

/// A released master that beats on, with room for large messages, and the segment's bytes.
fn master(name: &Name) -> (Peer, Raw) {
    let capacity = format!("--capacity={LARGE}");
    (Peer::released("master", name, &["--protocol=3", &capacity]), name.raw_of(LARGE))
}

/// What may stand in a channel.
type Trouble = (&'static str, fn(&mut Peer, &Raw, &Endpoint));

const TROUBLES: [Trouble; 5] = [
    ("half a message", |master, _, _| drop(master.ok("half-write half"))),
    ("half a large message", |master, _, _| drop(master.ok(format_args!("half-write {}", "x".repeat(2000))))),
    ("a size that cannot be", |master, raw, _| {
        master.write("odd");
        raw.set("m2s.data_size", u64::from(u32::MAX));
    }),
    // As a released writer after one that died in its message: at even while it copies, with the count behind.
    ("a writer in doubt", |master, raw, slave| in_doubt(master, raw, slave, 10)),
    ("a writer in doubt of a large one", |master, raw, slave| in_doubt(master, raw, slave, LARGE)),
];

/// A writer whose count does not bear out what it rests on.
fn in_doubt(master: &mut Peer, raw: &Raw, slave: &Endpoint, size: usize) {
    master.ok("half-write half");
    // It looks several times, with its service thread or within a read, and finds the same.
    for _ in 0..3 {
        let before = raw.get("slave_heartbeat");
        until("it has looked", || read(slave, 20) == Err(-10) && raw.get("slave_heartbeat") > before + 25);
    }
    master.ok(format_args!("half-write-bytes {size} 7"));
}

#[test]
fn a_read_of_any_kind_sleeps_beside_what_is_no_whole_message() {
    for threads in [true, false] {
        for (trouble, arrange) in TROUBLES {
            let name = Name::new();
            let (mut master, raw) = master(&name);
            let slave = builder(&name, Role::Slave).threads(threads).open().expect("a slave");
            // What a read before has learnt, of the last size and of spinning, is no excuse either.
            master.ok("write-bytes 1000 7");
            assert_eq!(read(&slave, 10_000).map(|text| text.len()), Ok(1000));
            arrange(&mut master, &raw, &slave);
            each_read_sleeps(&format!("{trouble}, threads {threads}"), &slave);
        }
    }
}

#[test]
fn the_size_of_half_a_message_is_not_told() {
    let name = Name::new();
    let (mut master, raw) = master(&name);
    let slave = open(&name, Role::Slave);
    master.write("x");
    assert_eq!(read(&slave, 10_000), Ok("x".into()));
    in_doubt(&mut master, &raw, &slave, 100);
    assert_eq!(sleeps("a small buffer", || slave.read_timeout(&mut [0; 10], ms(WAIT))), Err(Error::Timeout));
    assert_eq!(slave.try_read(&mut [0; 10]), Ok(None));
}

#[test]
fn so_do_the_reads_of_c() {
    for (trouble, arrange) in TROUBLES {
        let name = Name::new();
        let (mut master, raw) = master(&name);
        let (slave, watcher) = (Handle::init(name.as_str(), 1).expect("a slave"), open(&name, Role::Slave));
        master.ok("write-bytes 1000 7");
        let mut buffer = vec![0; LARGE];
        assert_eq!(slave.read_ex(&mut buffer, 10_000), (0, 1000));
        arrange(&mut master, &raw, &watcher);
        let what = |call| format!("{trouble}, {call}");
        assert_eq!(sleeps(&what("eshm_read_data"), || slave.read_data(WAIT as u32)), -10);
        assert_eq!(sleeps(&what("eshm_read_ex"), || slave.read_ex(&mut buffer, WAIT as u32)).0, -10);
        assert_eq!(slave.destroy(), 0);
    }
}

#[test]
fn a_read_that_polls_does_not_fight_for_half_a_large_message() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    master.write(&"x".repeat(1000));
    assert_eq!(read(&slave, 10_000).map(|text| text.len()), Ok(1000));
    name.raw().add("m2s.sequence", 1); // as its writer is held up in the next one
    slave.set_wakeup_mode(WakeupMode::Poll);
    each_read_sleeps("half a message, polled for", &slave);
}

#[test]
fn a_record_is_waited_for_beside_a_message_that_is_none() {
    let name = Name::new();
    let (mut master, _) = master(&name);
    let slave = open(&name, Role::Slave);
    master.ok(format_args!("write-bytes {} 255", LARGE / 4));
    assert!(matches!(slave.read_record(ms(10_000)), Err(Error::Record(_))), "told at once");
    let again = sleeps("a message that was refused", || slave.read_record(ms(WAIT)));
    assert!(matches!(again, Err(Error::Record(_))), "{again:?}");
    assert_eq!(slave.read_timeout(&mut vec![0; LARGE], ms(10_000)), Ok(LARGE / 4), "it stays readable");
}

#[test]
fn what_was_not_read_before_a_move_is_read_as_a_record_also_while_the_new_writer_is_held_up() {
    for is_record in [true, false] {
        let name = Name::new();
        let old = open(&name, Role::Master);
        let slave = builder(&name, Role::Slave).reconnect_retry_interval(ms(5)).max_reconnect_attempts(0);
        let slave = slave.reconnect_wait(ms(0)).open().expect("a slave");
        let record = Record::from_iter([("left", 7.into())]);
        let written = if is_record { old.write_record(&record).map(drop) } else { old.write(b"none") };
        written.expect("write");
        let raw = name.raw();
        // A master that replaces the segment, as the slave looks like no living one.
        raw.set("slave_alive", 0);
        let _new = Peer::released("master", &name, &["--protocol=3", "--replace"]);
        raw.set("master_alive", 0);
        let new = name.raw();
        until("the slave has followed", || new.get("slave_alive") == 1);
        new.add("m2s.sequence", 1);
        if is_record {
            assert_eq!(slave.read_record(ms(10_000)), Ok(record), "the last one of the old master");
        } else {
            assert!(matches!(slave.read_record(ms(10_000)), Err(Error::Record(_))), "told at once");
            let again = sleeps("a kept message that was refused", || slave.read_record(ms(WAIT)));
            assert!(matches!(again, Err(Error::Record(_))), "{again:?}");
            assert_eq!(read(&slave, 10_000), Ok("none".into()), "it stays readable");
        }
        drop(old);
    }
}
