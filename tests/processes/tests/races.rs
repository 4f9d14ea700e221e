//! Starts and ends at the same moment.

use eshm_processes::{Name, Peer, Raw, tasks::free_pid, until};

#[test]
fn two_masters_that_start_at_once_end_as_one_that_lost_to_the_other() {
    for round in 0..6 {
        let name = Name::new();
        if round % 2 == 1 {
            Peer::ours("master", &name, &[]).kill(); // on a leftover
        }
        let mut peers = Peer::race::<2>("master", &name);
        until("one of the two is ousted", || {
            let codes: Vec<i32> = peers.iter_mut().map(|peer| peer.code("beat")).collect();
            codes.contains(&0) && codes.contains(&-15)
        });
        let winner = peers.iter_mut().position(|peer| peer.code("beat") == 0).expect("a winner");
        assert_eq!(name.raw().get("master_pid"), u64::from(peers[winner].pid()));
        let mut slave = Peer::ours("slave", &name, &[]);
        peers[winner].write("won");
        assert_eq!(slave.read(5000), Ok("won".into()));
        peers[1 - winner].leave();
        assert!(name.exists());
        peers[winner].leave();
        assert!(!name.exists());
    }
}

#[test]
fn two_autos_that_start_at_once_end_as_one_of_each() {
    for round in 0..6 {
        let name = Name::new();
        if round % 2 == 1 {
            Peer::ours("master", &name, &[]).kill();
        }
        let mut peers = Peer::race::<2>("auto", &name);
        let mut roles: Vec<String> = peers.iter_mut().map(|peer| peer.ok("role")).collect();
        let (from, to) = if roles[0] == "Master" { (0, 1) } else { (1, 0) };
        peers[from].write("hello");
        assert_eq!(peers[to].read(5000), Ok("hello".into()), "{roles:?}");
        roles.sort();
        assert_eq!(roles, ["Master", "Slave"], "round {round}");
    }
}

#[test]
fn many_autos_that_start_at_once_end_as_one_master_and_slaves() {
    for round in 0..3 {
        let name = Name::new();
        if round == 1 {
            Peer::ours("master", &name, &[]).kill();
        }
        let mut peers = Peer::race::<5>("auto", &name);
        let masters = peers.iter_mut().filter_map(|peer| (peer.ok("role") == "Master").then_some(peer.pid())).count();
        assert_eq!(masters, 1, "round {round}");
    }
}

#[test]
fn two_masters_that_start_at_once_beside_a_live_slave_leave_it_with_one_of_them() {
    for _ in 0..4 {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
        old.kill();
        let mut peers = Peer::race::<2>("master", &name);
        until("one of the two is ousted", || {
            let codes: Vec<i32> = peers.iter_mut().map(|peer| peer.code("beat")).collect();
            codes.contains(&0) && codes.contains(&-15)
        });
        let winner = peers.iter_mut().position(|peer| peer.code("beat") == 0).expect("a winner");
        until("the slave follows the winner", || {
            peers[winner].write("won");
            slave.read(50) == Ok("won".into()) && slave.code("write yes") == 0
        });
        until("and the winner hears it", || peers[winner].read(50).is_ok());
    }
}

#[test]
fn a_start_while_the_master_ends_never_loses_the_new_ones_segment() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    for round in 0..20 {
        let mut new = Peer::start("ours", "master", &name, &["--later"], "warn");
        if round % 2 == 0 {
            old.send("close");
            new.send("go");
        } else {
            new.send("go");
            old.send("close");
        }
        assert!(new.answer().starts_with("ok"), "round {round}");
        assert_eq!(old.answer(), "ok");
        assert!(name.exists(), "round {round}: removed by the old one");
        assert_eq!(name.raw().get("master_pid"), u64::from(new.pid()));
        new.write("x");
        old = new;
    }
}

#[test]
fn a_slave_that_starts_while_the_master_starts_is_refused_or_attached_to_all_of_it() {
    for _ in 0..15 {
        let name = Name::new();
        let mut master = Peer::start("ours", "master", &name, &["--later"], "warn");
        let mut slave = Peer::start("ours", "slave", &name, &["--later"], "off");
        master.send("go");
        slave.send("go");
        assert!(master.answer().starts_with("ok"));
        if slave.answer().starts_with("ok") {
            master.write("complete");
            assert_eq!(slave.read(5000), Ok("complete".into()));
        }
    }
}

/// A segment whose master's process does not exist, with a threshold for which its heartbeat must be watched.
fn leftover_to_be_watched(name: &Name) {
    let raw = Raw::stamped(name, 2, 4096);
    raw.set("stale_threshold", 3000);
    raw.occupy("master", free_pid());
}

#[test]
fn two_autos_on_a_leftover_that_takes_long_to_judge_end_as_one_of_each() {
    let name = Name::new();
    leftover_to_be_watched(&name);
    let mut peers = Peer::race::<2>("auto", &name);
    let mut roles: Vec<String> = peers.iter_mut().map(|peer| peer.ok("role")).collect();
    roles.sort();
    assert_eq!(roles, ["Master", "Slave"]);
}

#[test]
fn two_masters_on_a_leftover_that_takes_long_to_judge_end_as_one_that_lost_to_the_other() {
    let name = Name::new();
    leftover_to_be_watched(&name);
    let mut peers = Peer::race::<2>("master", &name);
    until("one of the two is ousted", || {
        let codes: Vec<i32> = peers.iter_mut().map(|peer| peer.code("beat")).collect();
        codes.contains(&0) && codes.contains(&-15)
    });
}
