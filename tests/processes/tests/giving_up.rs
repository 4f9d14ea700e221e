//! When a slave stops looking for a master.

use eshm::{Error, Role};
use eshm_processes::{Name, Peer, builder, elapsed_ms, ms, pause, tasks, until};
use std::time::{Duration, Instant};

/// A slave with these options whose master has just died, with the name gone too.
fn orphan(name: &Name, options: &[&str]) -> Peer {
    let mut master = Peer::ours("master", name, &[]);
    let mut slave = Peer::ours("slave", name, options);
    master.leave();
    until("the slave is without its master", || slave.code("write x") == -10);
    slave
}

fn until_gave_up(slave: &Peer) {
    until("the slave gives up", || slave.lines_with("giv") + slave.lines_with("gave") > 0);
}

/// Whether a slave follows a new master within so many milliseconds.
fn follows_within(patience: u64, slave: &mut Peer, name: &Name) -> bool {
    let mut master = Peer::ours("master", name, &[]);
    master.write("come");
    let result = slave.read(patience);
    master.leave();
    result == Ok("come".into())
}

fn follows(slave: &mut Peer, name: &Name) -> bool {
    follows_within(10_000, slave, name)
}

fn stays_away(slave: &mut Peer, name: &Name) -> bool {
    !follows_within(600, slave, name)
}

#[test]
fn it_gives_up_after_so_many_attempts_and_for_good() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=4", "--retry=10", "--wait=0"]);
    until_gave_up(&slave);
    assert!(stays_away(&mut slave, &name));
    assert_eq!((slave.code("stats"), slave.read(0), slave.code("write x")), (-14, Err(-9), -10));
}

#[test]
fn it_gives_up_after_the_time_it_was_given() {
    let name = Name::new();
    let start = Instant::now();
    let mut slave = orphan(&name, &["--attempts=1000000", "--retry=10", "--wait=300"]);
    until_gave_up(&slave);
    assert!(start.elapsed() >= ms(300), "{:?}", start.elapsed());
    assert!(stays_away(&mut slave, &name));
}

#[test]
fn a_time_limit_of_0_is_none() {
    let name = Name::new();
    let start = Instant::now();
    let slave = orphan(&name, &["--attempts=30", "--retry=10", "--wait=0"]);
    until_gave_up(&slave); // by the attempts, which take 10 ms each
    assert!(start.elapsed() >= ms(290), "{:?}", start.elapsed());
}

#[test]
fn an_attempt_limit_of_0_is_none_and_the_time_still_counts() {
    let name = Name::new();
    let start = Instant::now();
    let slave = orphan(&name, &["--attempts=0", "--retry=1", "--wait=400"]);
    until_gave_up(&slave);
    assert!(start.elapsed() >= ms(400), "{:?}", start.elapsed());
}

#[test]
fn no_attempt_limit_with_the_default_time_is_no_limit_at_all() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=0", "--retry=5"]);
    pause(6000); // longer than the 5000 of the default
    assert_eq!(slave.lines_with("giv") + slave.lines_with("gave"), 0, "{}", slave.log());
    assert!(follows(&mut slave, &name));
}

#[test]
fn never_is_for_ever_whatever_the_limits_are() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--behavior=never", "--attempts=2", "--retry=5", "--wait=50"]);
    pause(400);
    assert!(follows(&mut slave, &name));
    assert_eq!(slave.lines_with("giv") + slave.lines_with("gave"), 0, "{}", slave.log());
}

#[test]
fn a_retry_interval_of_0_tries_each_tick() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=0", "--retry=0", "--wait=0"]);
    assert!(follows(&mut slave, &name));
}

#[test]
fn having_given_up_a_read_still_waits_and_a_look_does_not() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=1", "--retry=1", "--wait=0"]);
    until_gave_up(&slave);
    let (result, took) = elapsed_ms(|| slave.read(150));
    assert_eq!(result, Err(-10));
    assert!(took >= 150, "after {took} ms already");
    assert_eq!(slave.read(0), Err(-9));
}

#[test]
fn having_stopped_immediately_it_does_not_look_for_another_master() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--behavior=immediately", "--retry=1"]);
    assert!(stays_away(&mut slave, &name));
    assert_eq!(slave.read(50), Err(-11));
}

#[test]
fn a_success_begins_the_limits_anew() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=1000000", "--retry=5", "--wait=2500"]);
    for _ in 0..4 {
        pause(900); // together more than the limit
        assert!(follows(&mut slave, &name), "{}", slave.log());
        until("the slave is without its master", || slave.ask("stats").starts_with("error -14"));
    }
}

#[test]
fn having_given_up_it_still_hands_out_the_value_it_had_not_read() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=1", "--retry=1", "--wait=0"]);
    master.write("last words");
    master.leave();
    until_gave_up(&slave);
    assert_eq!(slave.read(50), Ok("last words".into()));
    assert_eq!(slave.read(50), Err(-10));
}

#[test]
fn having_given_up_it_is_not_there_any_more() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = Peer::ours("slave", &name, &["--attempts=1", "--retry=1", "--wait=0"]);
    let raw = name.raw();
    until("it is locked in", || raw.get("slave_lock") != 0);
    assert!(raw.try_lock(2), "another process decides about the segment");
    master.kill();
    until_gave_up(&slave);
    pause(50);
    assert_eq!((raw.get("slave_alive"), raw.get("slave_lock")), (1, slave.pid().into()), "not beside a decision");
    raw.unlock(2);
    until("its flag and its lock are given back", || raw.get("slave_alive") == 0 && raw.lock_holder(1).is_none());
    assert_eq!(raw.get("slave_lock"), 0);
}

#[test]
fn what_an_old_master_writes_after_the_end_is_not_read() {
    for (options, looking, waiting) in
        [(&["--behavior=immediately"][..], -11, -11), (&["--attempts=1", "--retry=1", "--wait=0"], -9, -10)]
    {
        let name = Name::new();
        let mut master = Peer::released("master", &name, &["--protocol=3"]);
        let mut slave = Peer::ours("slave", &name, options);
        master.write("unread");
        master.ok("beat off");
        until("it is the end", || slave.code("write x") == -10);
        if waiting == -10 {
            until_gave_up(&slave);
        }
        master.ok("beat on");
        assert_eq!(slave.read(0), Ok("unread".into()), "{options:?}");
        master.write("late");
        assert_eq!((slave.read(0), slave.read(50)), (Err(looking), Err(waiting)), "{options:?}");
    }
}

#[test]
fn a_read_without_limit_ends_as_its_slave_gives_up_and_later_ones_at_once() {
    for threads in [true, false] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let options = ["--attempts=3", "--retry=10", "--wait=0", "--no-threads"];
        let mut slave = Peer::ours("slave", &name, &options[..if threads { 3 } else { 4 }]);
        slave.send("read inf");
        until("it waits", || tasks::state(slave.pid()) == Some('S'));
        master.leave();
        assert!(slave.answer().starts_with("error -10"), "threads: {threads}");
        assert_eq!(slave.lines_with("giving up"), 1);
        assert!(slave.ask("read inf").starts_with("error -10"));
    }
}

#[test]
fn a_record_that_is_refused_ends_a_read_without_limit_once_its_slave_has_given_up() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let builder = builder(&name, Role::Slave).max_reconnect_attempts(1).reconnect_retry_interval(ms(1));
    let slave = builder.reconnect_wait(ms(0)).open().expect("attach");
    master.write("no record");
    master.leave();
    until("it has given up", || {
        slave.read_timeout(&mut [], Duration::MAX) == Err(Error::BufferTooSmall { size: 9, given: 0 })
    });
    for _ in 0..2 {
        assert!(matches!(slave.read_record(Duration::MAX), Err(Error::Record(_))));
    }
    assert_eq!(slave.try_read(&mut [0; 16]), Ok(Some(9)));
    until("it has given up", || slave.read_record(Duration::MAX) == Err(Error::Timeout));
}
