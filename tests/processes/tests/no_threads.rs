//! Handles with `use_threads` false: nothing happens between calls, everything within them.

use eshm_processes::{Name, Peer, elapsed_ms, pause, tasks, until};

#[test]
fn there_is_no_service_thread() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &["--no-threads"]);
    let slave = Peer::ours("slave", &name, &["--no-threads"]);
    assert_eq!(tasks::other_threads(slave.pid()), []);
}

#[test]
fn it_beats_in_update_heartbeat_read_and_write_and_not_between() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-threads"]);
    let raw = name.raw();
    for command in ["beat", "write x", "read 0", "read 2"] {
        let before = raw.get("master_heartbeat");
        pause(5);
        assert_eq!(raw.get("master_heartbeat"), before, "between calls");
        master.ask(command);
        assert!(raw.get("master_heartbeat") > before, "in {command}");
    }
}

#[test]
fn a_blocked_read_beats_every_millisecond() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-threads"]);
    let raw = name.raw();
    let before = raw.get("master_heartbeat");
    let (result, took) = elapsed_ms(|| master.read(2000));
    assert_eq!(result, Err(-10));
    let beats = raw.get("master_heartbeat") - before;
    assert!((100..took * 2 + 100).contains(&beats), "{beats} beats in {took} ms");
}

#[test]
fn a_master_without_threads_is_alive_while_it_is_in_calls_and_stale_while_it_is_not() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-threads", "--threshold=1000"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    master.send("read 4000");
    pause(3000); // three thresholds
    assert!(slave.alive());
    assert_eq!(slave.lines_with("stale"), 0);
    assert!(master.answer().starts_with("error -10"));
    until("it is stale", || !slave.alive());
    master.send("read 2000");
    until("it has recovered", || slave.alive());
}

#[test]
fn it_finds_its_remote_stale_by_its_own_calls() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--no-threads", "--attempts=0", "--wait=0", "--retry=10"]);
    until("it is alive", || {
        slave.ask("beat");
        slave.alive()
    });
    master.ok("beat off");
    until("its reads and beats tell", || {
        slave.ask("read 1");
        !slave.alive()
    });
    assert!(slave.ask("stats").starts_with("error -14"));
    master.ok("beat on");
    until("it is back", || {
        slave.ask("beat");
        slave.ask("stats").starts_with("ok")
    });
    master.write("again");
    assert_eq!(slave.read(5000), Ok("again".into()));
}

#[test]
fn it_reconnects_in_a_blocked_read() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--no-threads", "--attempts=0", "--wait=0", "--retry=10"]);
    old.leave();
    slave.send("read inf");
    pause(30);
    let mut new = Peer::ours("master", &name, &[]);
    new.write("found you");
    assert_eq!(slave.answer(), "data found you");
}

#[test]
fn it_stops_in_a_blocked_read_under_immediately() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--no-threads", "--behavior=immediately"]);
    slave.send("read inf");
    pause(30);
    master.kill();
    assert!(slave.answer().starts_with("error -11"));
}

#[test]
fn a_master_without_threads_finds_itself_ousted() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--no-threads"]);
    let mut new = Peer::ours("master", &name, &[]);
    until("it knows", || old.code("write x") == -15);
    assert_eq!(old.code("beat"), -15);
    old.leave();
    assert!(name.exists());
    new.write("x");
}

#[test]
fn two_without_threads_talk_to_each_other() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-threads", "--threshold=5000"]);
    let mut slave = Peer::ours("slave", &name, &["--no-threads"]);
    for turn in 0..20 {
        slave.send("read 10000");
        master.write(&format!("down {turn}"));
        assert_eq!(slave.answer(), format!("data down {turn}"));
        master.send("read 10000");
        slave.write(&format!("up {turn}"));
        assert_eq!(master.answer(), format!("data up {turn}"));
    }
}

#[test]
fn a_protocol_2_writer_is_heard_without_threads() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=2"]);
    let mut slave = Peer::ours("slave", &name, &["--no-threads"]);
    for turn in 0..10 {
        slave.send("read 10000");
        pause(3);
        master.write(&format!("turn {turn}"));
        assert_eq!(slave.answer(), format!("data turn {turn}"));
    }
}
