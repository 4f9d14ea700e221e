//! What a read gives: the newest value that was written after the handle attached and was not read before.

use eshm::{Error, Role, WakeupMode};
use eshm_processes::{Name, Peer, builder, code, elapsed_ms, ms, open, payload, read, until};
use std::{collections::HashSet, sync::Mutex, thread, time::Instant};

#[test]
fn a_value_written_between_attach_and_the_first_read_is_delivered() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    master.write("first");
    assert_eq!(slave.read(0), Ok("first".into()));
    slave.write("back");
    assert_eq!(master.read(0), Ok("back".into()));
}

#[test]
fn a_value_written_before_attach_is_not_delivered() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    master.write("early");
    let mut slave = Peer::ours("slave", &name, &[]);
    assert_eq!(slave.read(0), Err(-9));
    assert_eq!(slave.read(30), Err(-10));
    master.write("late");
    assert_eq!(slave.read(1000), Ok("late".into()));
}

#[test]
fn priming_with_one_non_blocking_read_keeps_working() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    assert_eq!(slave.read(0), Err(-9));
    master.write("one");
    assert_eq!(slave.read(0), Ok("one".into()));
}

#[test]
fn intermediate_values_are_overwritten_and_the_newest_wins() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    for text in ["one", "two", "three"] {
        master.write(text);
    }
    assert_eq!(slave.read(0), Ok("three".into()));
    assert_eq!(slave.read(0), Err(-9));
    assert_eq!(master.number("stats", "m2s_write_count"), 3);
    assert_eq!(master.number("stats", "m2s_read_count"), 1);
}

#[test]
fn the_two_directions_are_independent() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    master.write(b"down").expect("write");
    slave.write(b"up").expect("write");
    assert_eq!(read(&master, 0), Ok("up".into()));
    assert_eq!(read(&slave, 0), Ok("down".into()));
    assert_eq!((read(&master, 0), read(&slave, 0)), (Err(-9), Err(-9)));
}

#[test]
fn each_slave_gets_the_newest_value_for_itself() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slaves = [Peer::ours("slave", &name, &[]), Peer::ours("slave", &name, &[])];
    master.write("for all");
    for slave in &mut slaves {
        assert_eq!(slave.read(1000), Ok("for all".into()));
        assert_eq!(slave.read(0), Err(-9));
    }
}

#[test]
fn an_empty_message_and_the_largest_one_are_messages() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    let mut buffer = [7; 4096];
    master.write(b"").expect("write");
    assert_eq!(slave.try_read(&mut buffer), Ok(Some(0)));
    assert_eq!(slave.try_read(&mut buffer), Ok(None));
    let mut largest = [0; 4096];
    payload::fill(&mut largest, 1);
    master.write(&largest).expect("write");
    assert_eq!(slave.try_read(&mut buffer), Ok(Some(4096)));
    assert_eq!(buffer, largest);
    assert_eq!(master.write(&[0; 4097]), Err(Error::BufferTooSmall { size: 4096, given: 4097 }));
    assert_eq!(slave.try_read(&mut buffer), Ok(None), "a refused message changes nothing");
}

#[test]
fn a_too_small_buffer_keeps_the_value_and_tells_its_size() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    master.write("twelve bytes");
    for timeout in ["0", "5000", "inf"] {
        let (answer, took) = elapsed_ms(|| slave.ask(format_args!("read-into 5 {timeout}")));
        assert_eq!(answer, "error -13 12");
        assert!(took < 4000, "waited {took} ms");
    }
    assert_eq!(slave.read(0), Ok("twelve bytes".into()));
    assert_eq!(slave.read(0), Err(-9));
}

#[test]
fn a_newer_value_replaces_one_kept_for_a_larger_buffer() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    master.write(b"too long for it").expect("write");
    assert_eq!(slave.try_read(&mut [0; 4]), Err(Error::BufferTooSmall { size: 15, given: 4 }));
    master.write(b"fits").expect("write");
    let mut buffer = [0; 4];
    assert_eq!(slave.try_read(&mut buffer), Ok(Some(4)));
    assert_eq!(&buffer, b"fits");
}

#[test]
fn no_value_comes_twice_when_writes_land_during_reads() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    slave.send("drain 700");
    let written = master.number("flood 600 64", "count");
    let answer = slave.answer();
    assert!(answer.contains(" torn=0 repeated=0 failed=0") && !answer.contains("reads=0"), "{answer} of {written}");
}

#[test]
fn several_reader_threads_share_the_values_and_none_gets_one_twice() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    master.send("flood 500 256");
    let (seen, doubles) = (Mutex::new(HashSet::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut buffer = [0; 256];
                // Ends once the writer has been quiet for long.
                while let Ok(size) = slave.read_timeout(&mut buffer, ms(1500)) {
                    let number = payload::number(&buffer[..size]);
                    if number.is_none() || !seen.lock().expect("no panic").insert(number) {
                        doubles.lock().expect("no panic").push(number);
                    }
                }
            });
        }
    });
    assert_eq!(doubles.into_inner().expect("no panic"), []);
    assert!(!seen.into_inner().expect("no panic").is_empty());
    assert!(master.answer().starts_with("ok"));
}

#[test]
fn a_timeout_is_never_shorter_than_asked() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    for (threads, mode) in [(true, WakeupMode::Push), (true, WakeupMode::Poll), (false, WakeupMode::Push)] {
        let slave = builder(&name, Role::Slave).threads(threads).open().expect("attach");
        slave.set_wakeup_mode(mode);
        for wait in [1u64, 2, 5, 20, 60] {
            let start = Instant::now();
            assert_eq!(code(slave.read_timeout(&mut [0; 8], ms(wait))), -10);
            assert!(start.elapsed() >= ms(wait), "{wait} ms, {threads} {mode:?}: {:?}", start.elapsed());
        }
    }
}

#[test]
fn a_blocked_read_returns_as_soon_as_there_is_a_value() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    for options in [&[][..], &["--poll"]] {
        let mut slave = Peer::ours("slave", &name, options);
        slave.send("read inf");
        master.write("here");
        until("the read returns", || slave.answered().as_deref() == Some("data here"));
        slave.leave();
    }
}
