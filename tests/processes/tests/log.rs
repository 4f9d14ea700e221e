//! What is said on standard error: one line for each change, as loud as asked.

use eshm_processes::{Name, Peer, Raw, ms, pause, until};
use std::time::Instant;

/// Lines with any of the words.
fn lines(peer: &Peer, words: &[&str]) -> usize {
    peer.log().to_lowercase().lines().filter(|line| words.iter().any(|word| line.contains(word))).count()
}

#[test]
fn each_change_is_one_line_and_not_one_per_attempt() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=0", "--attempts=0", "--wait=0"]);
    assert_eq!(slave.log(), "", "nothing happened yet");
    old.leave();
    until("it is without its master", || slave.code("stats") == -14);
    pause(200); // a couple of hundred attempts
    for _ in 0..50 {
        slave.ask("write x");
        slave.ask("read 0");
    }
    assert_eq!((lines(&slave, &["stale"]), lines(&slave, &["reconnecting"])), (1, 1), "{}", slave.log());
    let mut new = Peer::ours("master", &name, &[]);
    new.write("x");
    assert_eq!(slave.read(10_000), Ok("x".into()));
    until("it has said so", || lines(&slave, &["reconnected"]) == 1);
    pause(50);
    assert!(slave.log().lines().count() <= 5, "{}", slave.log());
}

#[test]
fn every_line_starts_with_the_mark() {
    let name = Name::new();
    let mut old = Peer::start("ours", "master", &name, &[], "debug");
    let mut slave = Peer::start("ours", "slave", &name, &["--retry=5", "--attempts=5"], "debug");
    let new = Peer::start("ours", "master", &name, &[], "debug");
    pause(50);
    old.ask("write x");
    drop(new);
    pause(200);
    slave.ask("stats");
    for peer in [&old, &slave] {
        assert_ne!(peer.log(), "");
        assert!(peer.log().lines().all(|line| line.starts_with("[ESHM] ")), "{}", peer.log());
    }
}

#[test]
fn giving_up_is_one_line() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = Peer::ours("slave", &name, &["--retry=1", "--attempts=3"]);
    master.leave();
    until("it gives up", || lines(&slave, &["giving up", "gave up"]) > 0);
    pause(100);
    assert_eq!(lines(&slave, &["giving up", "gave up"]), 1, "{}", slave.log());
}

#[test]
fn stale_and_recovered_are_one_line_each() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=500"]);
    let mut slave = Peer::released("slave", &name, &[]);
    until("they have met", || master.alive());
    slave.ok("beat off");
    until("it is stale", || !master.alive());
    pause(150);
    assert_eq!(lines(&master, &["stale"]), 1, "{}", master.log());
    slave.ok("beat on");
    until("it has recovered", || master.alive());
    until("it has said so", || lines(&master, &["recovered"]) == 1);
}

#[test]
fn a_takeover_is_a_line() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let _slave = Peer::ours("slave", &name, &[]);
    old.kill();
    let new = Peer::ours("master", &name, &[]);
    assert_eq!(lines(&new, &["tak", "took"]), 1, "{}", new.log());
}

/// What a slave writes that loses its master, at a level; and one that finds none.
fn said(level: &str) -> (String, String) {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::start("ours", "slave", &name, &["--attempts=1", "--retry=1"], level);
    master.leave();
    until("it is without its master", || slave.code("stats") == -14);
    pause(50);
    let lost = slave.log();
    slave.ask(format_args!("open slave {}", name.as_str()));
    (lost, slave.log())
}

#[test]
fn the_environment_chooses_how_much_is_said() {
    assert_eq!(said("off"), (String::new(), String::new()));
    assert_eq!(said("error").0, "", "losing a master is a warning");
    let count = |level| said(level).0.lines().count();
    let (warn, info, debug) = (count("warn"), count("info"), count("debug"));
    assert!(0 < warn && warn <= info && info <= debug, "{warn} {info} {debug}");
}

#[test]
fn the_default_is_warn() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::start("ours", "slave", &name, &["--attempts=1", "--retry=1"], "");
    master.leave();
    until("it is without its master", || slave.code("stats") == -14);
    until("it says so", || lines(&slave, &["stale"]) == 1);
}

#[test]
fn a_process_that_becomes_its_own_peer_without_asking_for_it_is_told() {
    let name = Name::new();
    let mut peer = Peer::faults(&name);
    peer.ok("init auto");
    assert_eq!(peer.ask("twin slave"), "code 0");
    assert_eq!(peer.lines_with("are in this process now"), 0, "it asked for both roles");
    assert_eq!(peer.ask("twin auto"), "code 0");
    assert_eq!(peer.lines_with("both ends of this channel are in this process now: open one, or say which is the slave"), 1);
    let mut other = Peer::faults(&name);
    other.ok("init auto");
    assert_eq!(other.lines_with("in this process"), 0, "its master is another's");
    assert_eq!((other.ask("end"), peer.ask("end")), ("code 0".into(), "code 0".into()));
}

#[test]
fn every_refusal_says_why_in_one_line() {
    let newer = Name::new();
    let raw = Raw::stamped(&newer, 3, 4096);
    raw.set("version", 4);
    let junk = Name::new();
    std::fs::write(junk.path(), [7; 500]).expect("write the file");
    let folder = Name::new();
    std::fs::create_dir(folder.path()).expect("make the folder");
    let missing = Name::new();
    let long = "x".repeat(250);
    let refused = [
        (missing.as_str(), "slave", "no such segment"),
        (junk.as_str(), "slave", "no segment"),
        (newer.as_str(), "slave", "newer"),
        (newer.as_str(), "master", "newer"),
        (newer.as_str(), "auto", "newer"),
        (folder.as_str(), "master", ""),
        (long.as_str(), "master", "249"),
        ("", "auto", "249"),
    ];
    for (name, role, why) in refused {
        let said = refusal(name, role);
        assert_eq!(said.lines().count(), 1, "{name} {role}: {said:?}");
        assert!(said.starts_with("[ESHM] ") && said.contains(why), "{name} {role}: {said:?}");
    }
    std::fs::remove_dir(folder.path()).expect("remove the folder");
}

/// What `eshm_init` says on standard error in a process of its own, which is told to expect NULL.
fn refusal(name: &str, role: &str) -> String {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_peer"))
        .args(["refused", role, name])
        .env_remove("ESHM_LOG")
        .output()
        .expect("start the peer");
    assert!(done.status.success(), "{name} {role} was not refused");
    String::from_utf8(done.stderr).expect("text")
}

/// The most lines that a peer can have a handle write in some seconds.
const MOST: usize = 60;

#[test]
fn a_peer_that_changes_all_the_time_has_lines_left_out_and_told_of() {
    for role in ["master", "slave"] {
        let name = Name::new();
        let other = if role == "master" { "slave" } else { "master" };
        let played = (role == "slave").then(|| {
            let raw = Raw::stamped(&name, 3, 4096);
            raw.occupy("master", std::process::id());
            raw
        });
        let mut peer = Peer::ours(role, &name, &["--retry=0", "--attempts=0", "--wait=0"]);
        let raw = played.unwrap_or_else(|| name.raw());
        raw.set(&format!("{other}_pid"), std::process::id().into());
        let toggle = || {
            for alive in [1, 0] {
                raw.set(&format!("{other}_alive"), alive);
                raw.add(&format!("{other}_heartbeat"), 1);
                pause(3);
            }
        };
        let begin = Instant::now();
        while begin.elapsed() < ms(3000) {
            toggle();
        }
        let lines = peer.log().lines().count();
        assert!((10..MOST).contains(&lines), "{role}: {lines} lines\n{}", peer.log());
        until("a line tells how many were left out", || {
            toggle();
            peer.lines_with("left out") > 0
        });
        peer.assert_alive();
    }
}
