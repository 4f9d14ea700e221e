//! Handles with `use_threads` false: nothing happens between calls, everything within them.

use eshm::{DisconnectBehavior, Error, Role};
use eshm_processes::{Name, Peer, builder, elapsed_ms, ms, pause, tasks, until};

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

/// How often the thread that reads goes to sleep in so many milliseconds of a read.
fn sleeps_in_a_read(reader: &mut Peer, milliseconds: u64) -> u64 {
    let before = tasks::sleeps(reader.pid(), reader.pid());
    assert_eq!(reader.read(milliseconds), Err(-10));
    tasks::sleeps(reader.pid(), reader.pid()) - before
}

#[test]
fn a_blocked_read_parks_and_stays_alive_for_its_peer() {
    for (kind, side) in [("ours", "master"), ("ours", "slave"), ("released", "slave"), ("nobody", "master")] {
        let name = Name::new();
        let first = (side == "slave").then(|| match kind {
            "ours" => Peer::ours("master", &name, &[]),
            _ => Peer::released("master", &name, &["--protocol=3"]),
        });
        let mut reader = Peer::ours(side, &name, &["--no-threads"]);
        let mut peer = match kind {
            "nobody" => None,
            _ => first.or_else(|| Some(Peer::ours("slave", &name, &[]))),
        };
        if kind == "released" {
            for _ in 0..3 {
                peer.as_mut().expect("there").write("it signals"); // what a reader has to have seen
                assert_eq!(reader.read(5000), Ok("it signals".into()));
            }
        }
        let sleeps = sleeps_in_a_read(&mut reader, 600);
        assert!(sleeps < 100, "{sleeps} sleeps in 600 ms of a {side} beside {kind}");
        if let Some(peer) = peer.filter(|_| kind == "ours") {
            assert_eq!(peer.lines_with("stale"), 0, "{side}: {}", peer.log());
        }
    }
}

#[test]
fn a_blocked_read_beats_in_a_quarter_of_a_small_threshold() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-threads", "--threshold=8"]);
    let raw = name.raw();
    let mut slave = Peer::ours("slave", &name, &[]);
    master.send("read 2000");
    until("it reads", || raw.get("m2s.waiters") + raw.get("s2m.waiters") == 1);
    // Between two looks at most the quarter and what the machine takes: most of them find a beat after 4 ms.
    let looks = (0..100).filter(|_| {
        let before = raw.get("master_heartbeat");
        pause(4);
        raw.get("master_heartbeat") > before
    });
    let moved = looks.count();
    assert!(moved > 50, "{moved} of 100");
    slave.ask("write enough");
    assert_eq!(master.answer(), "data enough");
}

#[test]
fn a_writer_that_does_not_signal_is_looked_at_much_more_often() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=2"]);
    let mut reader = Peer::ours("slave", &name, &["--no-threads"]);
    for _ in 0..3 {
        master.write("it does not");
        assert_eq!(reader.read(5000), Ok("it does not".into()));
    }
    let sleeps = sleeps_in_a_read(&mut reader, 600);
    assert!(sleeps > 600, "{sleeps} sleeps in 600 ms");
}

/// A peer that is gone is no reason to look each millisecond, whoever it was and however it went. The limit is the original's.
#[test]
fn a_blocked_read_sleeps_beside_a_peer_that_is_gone() {
    const FOR_EVER: &[&str] = &["--no-threads", "--attempts=0", "--wait=0", "--retry=50"];
    const P2: (&str, &[&str]) = ("released", &["--protocol=2"]);
    const P3: (&str, &[&str]) = ("released", &["--protocol=3"]);
    const OURS: (&str, &[&str]) = ("ours", &[]);
    let losses = [
        ("slave", OURS, FOR_EVER, "kill"),
        ("slave", OURS, FOR_EVER, "leave"),
        ("slave", P2, FOR_EVER, "kill"),
        ("slave", P3, FOR_EVER, "die-mid-write half of it"),
        ("slave", OURS, &["--no-threads", "--behavior=never", "--retry=0"], "kill"),
        ("slave", OURS, &["--no-threads", "--attempts=1", "--retry=1"], "kill"),
        ("master", OURS, &["--no-threads"], "kill"),
        ("master", OURS, &["--no-threads"], "leave"),
        ("master", P2, &["--no-threads"], "kill"),
        ("master", P2, &["--no-threads"], "leave"),
        ("master", P3, &["--no-threads"], "kill"),
        ("master", P3, &["--no-threads"], "die-mid-write half of it"),
    ];
    let mut busy = Vec::new();
    for (side, (kind, peer_options), options, last_word) in losses {
        let name = Name::new();
        let what = format!("a {side} with {options:?} beside {kind} {peer_options:?}: {last_word}");
        let other = if side == "slave" { "master" } else { "slave" };
        let (mut reader, mut peer);
        if side == "slave" {
            peer = Peer::start(kind, other, &name, peer_options, "warn");
            reader = Peer::ours(side, &name, options);
        } else {
            reader = Peer::ours(side, &name, options);
            peer = Peer::start(kind, other, &name, peer_options, "warn");
        }
        for _ in 0..3 {
            peer.write("a word"); // by now it is known whether it signals
            assert_eq!(reader.read(5000), Ok("a word".into()), "{what}");
        }
        match last_word {
            "kill" => peer.kill(),
            "leave" => peer.leave(),
            word => peer.send(word),
        }
        until("the loss is noticed", || {
            reader.read(20).expect_err("nobody writes");
            !reader.alive()
        });
        let sleeps = sleeps_in_a_read(&mut reader, 600);
        if sleeps >= 100 {
            busy.push(format!("{sleeps} sleeps in 600 ms of {what}"));
        }
    }
    assert_eq!(busy, [""; 0]);
}

#[test]
fn a_wait_for_a_record_sleeps_beside_a_message_that_is_none_and_a_master_that_is_gone() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = builder(&name, Role::Slave).threads(false).disconnect_behavior(DisconnectBehavior::Never);
    let slave = slave.open().expect("attach");
    master.write("no record");
    assert!(matches!(slave.read_record(ms(5000)), Err(Error::Record(_))));
    master.kill();
    until("the loss is noticed", || {
        slave.read_record(ms(20)).expect_err("nothing new");
        slave.remote_alive() == Ok(false)
    });
    // SAFETY: takes no memory.
    let thread = unsafe { libc::gettid() } as u32;
    let before = tasks::sleeps(std::process::id(), thread);
    assert!(matches!(slave.read_record(ms(600)), Err(Error::Record(_))));
    let sleeps = tasks::sleeps(std::process::id(), thread) - before;
    assert!(sleeps < 100, "{sleeps} sleeps in 600 ms");
}
