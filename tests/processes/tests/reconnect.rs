//! How a slave finds its next master.

use eshm::{DisconnectBehavior, Role};
use eshm_processes::{Name, Peer, Raw, builder, elapsed_ms, eventually, ms, open, pause, read, tasks::free_pid, until};
use std::fs;

/// A slave of ours with no limits.
fn patient(name: &Name) -> Peer {
    Peer::ours("slave", name, &["--attempts=0", "--wait=0", "--retry=20"])
}

fn until_detached(slave: &mut Peer) {
    until("the slave is without its master", || slave.ask("stats").starts_with("error -14"));
}

#[test]
fn the_new_masters_first_message_is_delivered_also_if_written_before_the_slave_came() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut old = Peer::start(kind, "master", &name, &[], "warn");
        let mut slave = patient(&name);
        old.write("old");
        assert_eq!(slave.read(1000), Ok("old".into()));
        old.leave();
        assert!(!name.exists());
        until_detached(&mut slave);
        slave.stop(); // so that the message is there before it comes
        let mut new = Peer::start(kind, "master", &name, &[], "warn");
        new.write("first");
        slave.resume();
        assert_eq!(slave.read(10_000), Ok("first".into()), "{kind}");
        assert_eq!(slave.read(20), Err(-10));
    }
}

#[test]
fn a_read_that_waits_meanwhile_returns_the_data_as_soon_as_there_is_any() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.leave();
    until_detached(&mut slave);
    slave.send("read inf");
    pause(30);
    let mut new = Peer::ours("master", &name, &[]);
    new.write("at last");
    until("the read returns", || slave.answered().as_deref() == Some("data at last"));
}

#[test]
fn reads_meanwhile_wait_for_their_timeout() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.kill();
    until_detached(&mut slave);
    let (result, took) = elapsed_ms(|| slave.read(120));
    assert_eq!(result, Err(-10));
    assert!(took >= 120, "{took} ms");
}

#[test]
fn an_unread_value_is_delivered_before_the_stale_result() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--behavior=immediately"]);
    master.write("unread");
    master.kill();
    until("the slave has stopped", || slave.code("write x") != 0);
    assert_eq!(slave.read(1000), Ok("unread".into()));
    assert_eq!(slave.read(1000), Err(-11));
}

#[test]
fn an_unread_value_is_delivered_before_a_timeout_while_detached() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    master.write("unread");
    master.leave();
    until_detached(&mut slave);
    assert_eq!(slave.read(0), Ok("unread".into()));
    assert_eq!(slave.read(20), Err(-10));
}

#[test]
fn an_unread_value_of_the_old_segment_is_delivered_after_a_reconnect_to_a_fresh_one() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.write("unread");
    old.leave();
    until_detached(&mut slave);
    let _new = Peer::ours("master", &name, &[]);
    until("the slave has reconnected", || slave.ask("stats").starts_with("ok"));
    assert_eq!(slave.read(1000), Ok("unread".into()));
    assert_eq!(slave.read(20), Err(-10));
}

#[test]
fn an_unread_value_of_the_old_segment_is_gone_once_a_newer_one_was_read() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.write("old");
    old.kill();
    name.remove();
    let mut new = Peer::ours("master", &name, &[]);
    new.write("new");
    let at_the_new_one = format!("master_pid={} ", new.pid());
    until("it is on its way there", || slave.ask("stats").contains(&at_the_new_one));
    name.raw().until_looked("slave");
    assert_eq!(slave.read(5000), Ok("new".into()));
    assert_eq!(slave.read(0), Err(-9));
}

#[test]
fn it_reattaches_to_the_same_segment_when_the_masters_heartbeat_moves() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = patient(&name);
    master.ok("beat off");
    until_detached(&mut slave);
    master.ok("beat on");
    until("the slave is back", || slave.alive() && slave.ask("stats").starts_with("ok"));
    master.write("still me");
    assert_eq!(slave.read(1000), Ok("still me".into()));
    slave.write("still here");
}

#[test]
fn what_a_silent_master_writes_meanwhile_is_read() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = patient(&name);
    master.ok("beat off");
    until_detached(&mut slave);
    master.write("silent but not dead");
    assert_eq!(slave.read(5000), Ok("silent but not dead".into()));
}

#[test]
fn it_opens_the_name_at_once_when_the_master_is_stale() {
    let name = Name::new();
    let mut old = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=600000"]);
    let mut new = Peer::released("master", &name, &["--protocol=3", "--replace"]);
    new.write("fresh");
    old.ok("beat off"); // only now does the slave look
    assert_eq!(slave.read(10_000), Ok("fresh".into()));
}

#[test]
fn it_tries_at_the_interval_it_was_given() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=600000"]);
    old.leave();
    until_detached(&mut slave);
    pause(30);
    let _new = Peer::ours("master", &name, &[]);
    pause(200);
    assert!(slave.ask("stats").starts_with("error -14"), "it looked before its time");
}

#[test]
fn a_fresh_segment_of_a_dead_master_is_no_reconnection_and_a_corpse_is_not_called_alive() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.kill();
    until_detached(&mut slave);
    name.remove();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", free_pid());
    raw.set("m2s.sequence", 2);
    raw.set("m2s.write_count", 1);
    assert!(!eventually(ms(250), || slave.alive() || slave.ask("stats").starts_with("ok")));
}

#[test]
fn a_master_whose_process_is_not_visible_here_is_reconnected_to_by_its_heartbeat() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.leave();
    until_detached(&mut slave);
    let raw = Raw::stamped(&name, 2, 4096);
    raw.occupy("master", free_pid());
    until("the slave has reconnected", || {
        raw.add("master_heartbeat", 1);
        slave.ask("stats").starts_with("ok")
    });
    assert_eq!(raw.get("slave_pid"), slave.pid().into());
}

#[test]
fn a_file_that_is_no_segment_is_survived_while_reconnecting() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=0"]);
    old.leave();
    until_detached(&mut slave);
    for size in [0usize, 1, 64, 127, 4096, 8575, 9000] {
        fs::write(name.path(), vec![0x4D; size]).expect("write junk");
        pause(15);
        let mut start = 0x4553_484D_u32.to_ne_bytes().to_vec();
        start.extend(3u32.to_ne_bytes());
        start.resize(size.max(8), 0);
        fs::write(name.path(), &start).expect("write junk that starts well");
        pause(15);
        slave.assert_alive();
    }
    name.remove();
    let mut new = Peer::ours("master", &name, &[]);
    new.write("after all");
    assert_eq!(slave.read(10_000), Ok("after all".into()));
}

#[test]
fn the_next_segment_may_have_another_capacity_and_another_protocol() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--capacity=100"]);
    let mut slave = patient(&name);
    assert_eq!(slave.ok("capacity"), "100");
    old.leave();
    let mut large = Peer::ours("master", &name, &["--capacity=20000"]);
    let text = "l".repeat(20_000);
    large.write(&text);
    assert_eq!(slave.read(10_000), Ok(text));
    assert_eq!(slave.ok("capacity"), "20000");
    large.leave();
    let mut two = Peer::released("master", &name, &["--protocol=2"]);
    two.write("protocol 2");
    assert_eq!(slave.read(10_000), Ok("protocol 2".into()));
    assert_eq!(two.read(0), Err(-10), "its baseline");
    slave.write("to protocol 2");
    assert_eq!(two.read(5000), Ok("to protocol 2".into()));
}

#[test]
fn a_version_above_3_is_not_reconnected_to() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    old.leave();
    until_detached(&mut slave);
    let mut new = Peer::released("master", &name, &["--protocol=4"]);
    new.write("from the future");
    assert!(!eventually(ms(200), || slave.ask("stats").starts_with("ok")));
    slave.assert_alive();
}

#[test]
fn meanwhile_it_keeps_its_old_mapping_and_beats_there() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = patient(&name);
    let raw = name.raw();
    old.kill();
    until_detached(&mut slave);
    let beats = raw.get("slave_heartbeat");
    until("it beats", || raw.get("slave_heartbeat") > beats + 20);
    assert_eq!(raw.get("slave_alive"), 1);
}

#[test]
fn an_infinite_read_ends_the_moment_the_master_is_found_stale_under_immediately() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::start(kind, "master", &name, &[], "warn");
        let slave = builder(&name, Role::Slave).disconnect_behavior(DisconnectBehavior::Immediately).open().expect("attach");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| slave.read_timeout(&mut [0; 64], std::time::Duration::MAX));
            pause(30);
            master.kill();
            until("the read has ended", || reader.is_finished());
            assert_eq!(reader.join().expect("no panic").map_err(|error| error.code()), Err(-11), "{kind}");
        });
        assert_eq!(read(&slave, 0), Err(-11));
    }
}

#[test]
fn a_slave_follows_many_masters_in_turn() {
    let name = Name::new();
    let mut slave = None;
    for round in 0..8 {
        let mut master = Peer::ours("master", &name, &[]);
        let slave = slave.get_or_insert_with(|| {
            builder(&name, Role::Slave).reconnect_retry_interval(ms(5)).max_reconnect_attempts(0).open().expect("attach")
        });
        master.write(&format!("round {round}"));
        // In the first round the slave was there before the message; in the others perhaps not.
        assert_eq!(read(slave, 10_000), Ok(format!("round {round}")));
        until("it can write", || slave.write(format!("answer {round}").as_bytes()).is_ok());
        assert_eq!(master.read(5000), Ok(format!("answer {round}")));
        if round % 2 == 0 {
            master.kill()
        } else {
            master.leave()
        }
        until("the slave knows", || slave.remote_alive() == Ok(false));
    }
    drop(open(&name, Role::Master));
}
