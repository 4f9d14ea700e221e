//! A large message that was not read before the segment is left: it is neither lost, nor copied while others wait, nor kept for longer
//! than it is of use.

use eshm::{
    DisconnectBehavior, Endpoint, Error, Role, WakeupMode,
    records::{Record, Value},
};
use eshm_processes::{Name, Peer, Raw, builder, ms, open, tasks, until};
use std::{
    process,
    sync::{Mutex, MutexGuard},
};

/// Bytes of the largest message.
const CAPACITY: usize = 64 << 20;
/// Bytes of one that is large enough not to be copied at once.
const LARGE: usize = 1 << 20;

/// What a test looks at is the process's: one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Kilobytes of memory that no file has.
fn own_memory() -> u64 {
    let text = tasks::status(process::id(), process::id(), "RssAnon").expect("a line of it");
    text.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn maps() -> usize {
    tasks::resources(process::id()).maps
}

/// A slave that has moved to a new master's small segment, and has not read what the old one wrote.
fn moved(name: &Name, message: &[u8]) -> (Endpoint, Endpoint) {
    let old = builder(name, Role::Master).capacity(CAPACITY).open().expect("create");
    let slave = open(name, Role::Slave);
    old.write(message).expect("write");
    drop(old);
    let new = open(name, Role::Master);
    until("the slave has moved", || slave.capacity() == Ok(4096));
    until("it is attached", || slave.write(b"here").is_ok());
    (new, slave)
}

fn message() -> Vec<u8> {
    (0..LARGE).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn it_is_read_whole_and_once_and_its_memory_is_given_back() {
    let _alone = alone();
    let (name, message) = (Name::new(), message());
    let (new, slave) = moved(&name, &message);
    let held = maps();
    let too_small = slave.read_timeout(&mut [0; 100], ms(0));
    assert_eq!(too_small, Err(Error::BufferTooSmall { size: LARGE, given: 100 }));
    let mut buffer = vec![0; LARGE];
    assert_eq!(slave.read_timeout(&mut buffer, ms(0)), Ok(LARGE));
    assert!(buffer == message);
    assert_eq!(slave.read_timeout(&mut buffer, ms(20)), Err(Error::Timeout), "not again");
    until("its memory is given back", || maps() == held - 1); // the thread that frees what was left has it too
    new.write(b"next").expect("write");
    assert_eq!(slave.read_timeout(&mut buffer, ms(20_000)), Ok(4));
}

#[test]
fn nothing_of_it_is_copied_before_it_is_read() {
    let _alone = alone();
    let (name, message) = (Name::new(), vec![7; CAPACITY]);
    let before = own_memory();
    let (_new, slave) = moved(&name, &message);
    let more = own_memory().saturating_sub(before);
    assert!(more < CAPACITY as u64 / 1024 / 2, "{more} KiB more");
    drop(slave);
}

#[test]
fn a_newer_one_takes_its_place_and_so_does_the_end() {
    let _alone = alone();
    let before = maps();
    for newer in [true, false] {
        let name = Name::new();
        let (new, slave) = moved(&name, &message());
        if newer {
            let held = maps();
            new.write(b"newer").expect("write");
            let mut buffer = vec![0; LARGE];
            until("it is there", || slave.try_read(&mut buffer) == Ok(Some(5)));
            assert_eq!(slave.try_read(&mut buffer), Ok(None));
            until("its memory is given back", || maps() == held - 1); // the thread that frees what was left has it too
        }
        drop((slave, new));
    }
    until("all is given back", || maps() == before);
}

#[test]
fn what_an_old_master_that_lives_after_all_writes_there_is_not_read() {
    let _alone = alone();
    let name = Name::new();
    let old = builder(&name, Role::Master).capacity(CAPACITY).open().expect("create");
    let slave = open(&name, Role::Slave);
    old.write(&message()).expect("write");
    let raw = Raw::open(&name, CAPACITY).expect("the old one");
    drop(old);
    let new = open(&name, Role::Master);
    until("the slave has moved", || slave.capacity() == Ok(4096) && slave.write(b"here").is_ok());
    raw.set("m2s.data_size", 5);
    raw.add("m2s.sequence", 2);
    let mut buffer = vec![0; LARGE];
    assert_eq!(slave.try_read(&mut buffer), Ok(None), "overwritten");
    raw.add("m2s.sequence", 2);
    assert_eq!(slave.try_read(&mut buffer), Ok(None), "nor later");
    new.write(b"new").expect("write");
    assert_eq!(slave.read_timeout(&mut buffer, ms(20_000)), Ok(3));
}

#[test]
fn it_is_read_as_a_record_too_and_one_that_is_refused_stays() {
    let _alone = alone();
    let name = Name::new();
    let record = Record::from_iter([("scan", Value::Binary(message()))]);
    let (_new, slave) = moved(&name, &record.encode().expect("it has a form"));
    assert_eq!(slave.read_record(ms(0)), Ok(record));
    assert_eq!(slave.read_record(ms(0)), Err(Error::Timeout));

    let name = Name::new();
    let (_new, slave) = moved(&name, &message());
    assert!(matches!(slave.read_record(ms(0)), Err(Error::Record(_))));
    // Who asks again sleeps, and does not copy it each time that it wakes.
    slave.set_wakeup_mode(WakeupMode::Poll);
    let before = tasks::own_processor_time();
    assert!(matches!(slave.read_record(ms(500)), Err(Error::Record(_))));
    let used = tasks::own_processor_time() - before;
    assert!(used < ms(if cfg!(eshm_sanitize) { 250 } else { 100 }), "{used:?}");
    let mut buffer = vec![0; LARGE];
    assert_eq!(slave.try_read(&mut buffer), Ok(Some(LARGE)));
}

#[test]
fn it_is_read_before_the_stale_result() {
    let _alone = alone();
    let name = Name::new();
    let master = builder(&name, Role::Master).capacity(CAPACITY).open().expect("create");
    let slave = builder(&name, Role::Slave).disconnect_behavior(DisconnectBehavior::Immediately).open().expect("attach");
    let message = message();
    master.write(&message).expect("write");
    drop(master);
    until("it has stopped", || slave.write(b"up").is_err());
    let mut buffer = vec![0; LARGE];
    assert_eq!(slave.read_timeout(&mut buffer, ms(0)), Ok(LARGE));
    assert!(buffer == message);
    assert_eq!(slave.read_timeout(&mut buffer, ms(0)), Err(Error::MasterStale));
}

/// A slave with so many bytes of address space left as its master ends, and the master that came then.
fn under_a_limit(name: &Name, message: &[u8], room: usize) -> (Peer, Endpoint) {
    let master = builder(name, Role::Master).capacity(CAPACITY).open().expect("create");
    let mut slave = Peer::faults(name);
    slave.ok("init slave");
    master.write(message).expect("write");
    slave.ok(format_args!("limit as {room}"));
    drop(master);
    let next = open(name, Role::Master);
    until("the slave has moved", || {
        let _ = slave.ask("write up");
        next.try_read(&mut [0; 10]) == Ok(Some(2))
    });
    (slave, next)
}

#[test]
fn without_address_space_a_small_one_is_kept_and_a_large_one_is_lost_and_the_process_lives() {
    let name = Name::new();
    let (mut slave, _next) = under_a_limit(&name, b"unread", 4 << 20);
    assert_eq!(slave.ask("read 0"), "data unread");

    let name = Name::new();
    let (mut slave, next) = under_a_limit(&name, &message(), 4 << 20);
    assert_eq!(slave.ask("read 0"), "code -9");
    assert_eq!(slave.lines_with("an unread message of 1048576 bytes is lost"), 1, "{}", slave.log());
    next.write(b"next").expect("write");
    assert_eq!(slave.ask("read 20000"), "data next");
}
