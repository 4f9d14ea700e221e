//! The table of states: what each call returns in each.
//!
//! | state | read, timeout 0 | read | write | stats |
//! |---|---|---|---|---|
//! | attached | 0 or -9 | 0 or -10 | 0 | 0 |
//! | reconnecting | -9 | -10 after its wait | -10 | -14 |
//! | gave up (final) | -9 | -10 after its wait; at once where that is without limit | -10 | -14 |
//! | IMMEDIATELY, stopped (final) | -11 | -11 | -10 | 0, the last known |
//! | ousted master | as attached | as attached | -15 | 0 |
//! | forked child | -14 | -14 | -14 | -14 |

use eshm_processes::{Name, Peer, c, elapsed_ms, pause, until};

/// A read with timeout 0, a read of 60 ms and how long it took, a write, statistics.
fn row(peer: &mut Peer) -> ([i32; 4], u64) {
    let look = peer.read(0).err().unwrap_or(0);
    let (read, took) = elapsed_ms(|| peer.read(60).err().unwrap_or(0));
    ([look, read, peer.code("write x"), peer.code("stats")], took)
}

/// `eshm_check_remote_alive` and `eshm_get_role` return 0 in every state but the last.
#[track_caller]
fn still_answers(peer: &mut Peer, role: &str) {
    assert_eq!(peer.code("alive"), 0);
    assert_eq!(peer.ok("role"), role);
}

/// A slave with options whose master is gone, and knows it.
fn orphan(name: &Name, options: &[&str]) -> Peer {
    let mut master = Peer::ours("master", name, &[]);
    let mut slave = Peer::ours("slave", name, options);
    master.leave();
    until("the slave is without its master", || slave.code("write x") == -10);
    slave
}

#[test]
fn attached() {
    let name = Name::new();
    let (mut master, mut slave) = (Peer::ours("master", &name, &[]), Peer::ours("slave", &name, &[]));
    for (peer, role) in [(&mut master, "Master"), (&mut slave, "Slave")] {
        // Written before it looked, by the other side, in the second turn.
        let (codes, took) = row(peer);
        assert_eq!(codes[2..], [0, 0]);
        assert!(took < 5000);
        still_answers(peer, role);
        assert_eq!(peer.code("beat"), 0);
    }
    assert_eq!(row(&mut master).0, [0, -10, 0, 0], "with the slave's value to look at");
    assert_eq!((slave.read(1000), row(&mut slave).0), (Ok("x".into()), [-9, -10, 0, 0]));
}

#[test]
fn reconnecting() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=0", "--wait=0"]);
    let (codes, took) = row(&mut slave);
    assert_eq!(codes, [-9, -10, -10, -14]);
    assert!((60..5000).contains(&took), "{took} ms");
    still_answers(&mut slave, "Slave");
    assert_eq!(slave.code("beat"), -14);
    assert!(!slave.alive());
}

#[test]
fn gave_up() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=1", "--retry=1", "--wait=0"]);
    pause(50);
    let (codes, took) = row(&mut slave);
    assert_eq!(codes, [-9, -10, -10, -14]);
    assert!((60..5000).contains(&took), "{took} ms");
    still_answers(&mut slave, "Slave");
    assert_eq!(slave.code("beat"), -14);
}

#[test]
fn stopped_under_immediately() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--behavior=immediately"]);
    assert_eq!(row(&mut slave).0, [-11, -11, -10, 0]);
    still_answers(&mut slave, "Slave");
    let _master = Peer::ours("master", &name, &[]);
    pause(150);
    assert_eq!(row(&mut slave).0, [-11, -11, -10, 0], "final");
}

#[test]
fn ousted() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let mut new = Peer::ours("master", &name, &[]);
    until("it is ousted", || old.code("beat") == -15);
    let (codes, took) = row(&mut old);
    assert_eq!(codes, [-9, -10, -15, 0]);
    assert!((60..5000).contains(&took), "{took} ms");
    until("the slave is attached", || slave.code("write for both") == 0);
    assert_eq!(row(&mut old).0[0], 0);
    still_answers(&mut old, "Master");
    new.write("x");
}

#[test]
fn forked_child() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let codes = master.ok("fork calls");
    for call in ["look", "read", "write", "stats", "alive"] {
        assert!(codes.split_whitespace().any(|code| code == format!("{call}=-14")), "{call}: {codes}");
    }
}

#[test]
fn a_child_of_a_detached_slave_is_in_the_childs_state() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--behavior=immediately"]);
    let codes = slave.ok("fork calls");
    assert!(codes.split_whitespace().all(|code| code.ends_with("=-14")), "{codes}");
}

#[test]
fn a_message_over_the_capacity_is_refused_in_a_detached_state_too_in_one_way_or_the_other() {
    let name = Name::new();
    let mut slave = orphan(&name, &["--attempts=0", "--wait=0"]);
    let code = slave.code(&format!("write {}", "x".repeat(5000)));
    assert!([-10, -13].contains(&code), "{code}");
}

#[test]
fn statistics_while_detached_are_all_zero() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = c::Handle::init(name.as_str(), 1).expect("attach");
    assert_eq!(slave.stats().0, 0);
    master.leave();
    until("it is detached", || slave.stats().0 == -14);
    assert_eq!(slave.stats(), (-14, [0; 10]));
    assert_eq!(slave.destroy(), 0);
}
