//! Who wakes whom: the futex words, and peers that never touch them.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, elapsed_ms, open, pause, read, tasks, tasks::free_pid, until};
use std::process;

#[test]
fn each_write_advances_wake_seq_by_one() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    let before = (raw.get("m2s.wake_seq"), raw.get("s2m.wake_seq"));
    for _ in 0..5 {
        master.write("x");
    }
    slave.write("y");
    assert_eq!((raw.get("m2s.wake_seq"), raw.get("s2m.wake_seq")), (before.0 + 5, before.1 + 1));
    assert_eq!((raw.get("m2s.write_count"), raw.get("s2m.write_count")), (5, 1));
}

#[test]
fn our_write_wakes_a_parked_protocol_3_reader() {
    for side in ["master", "slave"] {
        let name = Name::new();
        let early = (side == "slave").then(|| open(&name, Role::Master));
        let mut released = Peer::released(side, &name, &["--protocol=3"]);
        let ours = early.unwrap_or_else(|| open(&name, Role::Slave));
        let raw = name.raw();
        let waiters = if side == "slave" { "m2s.waiters" } else { "s2m.waiters" };
        for _ in 0..3 {
            released.send("park 60000");
            until("it is parked", || raw.get(waiters) == 1 && tasks::state(released.pid()) == Some('S'));
            pause(10);
            ours.write(b"wake").expect("write");
            assert_eq!(released.answer(), "ok woken=1");
        }
    }
}

#[test]
fn a_protocol_3_write_wakes_our_parked_reader() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    for turn in 0..20 {
        slave.send("read inf");
        if turn % 4 == 0 {
            pause(70);
        }
        master.write(&format!("turn {turn}"));
        assert_eq!(slave.answer(), format!("data turn {turn}"));
    }
}

#[test]
fn a_peer_that_advances_the_count_without_the_signal_is_heard_in_both_wakeup_modes() {
    for wakeup in [&[][..], &["--poll"]] {
        let name = Name::new();
        let mut master = Peer::released("master", &name, &["--protocol=2"]);
        let mut slave = Peer::ours("slave", &name, wakeup);
        for turn in 0..20 {
            slave.send("read 10000");
            if turn % 5 == 0 {
                pause(30);
            }
            master.write(&format!("turn {turn}"));
            assert_eq!(slave.answer(), format!("data turn {turn}"));
        }
        assert_eq!(name.raw().get("m2s.wake_seq"), 0);
    }
}

#[test]
fn a_peer_that_stops_signalling_is_still_heard() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    for turn in 0..40 {
        if turn == 10 {
            master.ok("signal off");
        }
        slave.send("read 10000");
        master.write(&format!("turn {turn}"));
        assert_eq!(slave.answer(), format!("data turn {turn}"));
    }
}

#[test]
fn a_signalling_peer_after_one_that_did_not_is_judged_anew() {
    let name = Name::new();
    let mut two = Peer::released("master", &name, &["--protocol=2"]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--retry=10"]);
    for turn in 0..10 {
        two.write(&format!("two {turn}"));
        assert_eq!(slave.read(5000), Ok(format!("two {turn}")));
    }
    two.kill();
    let mut three = Peer::released("master", &name, &["--protocol=3", "--replace"]);
    for turn in 0..10 {
        three.write(&format!("three {turn}"));
        assert_eq!(slave.read(10_000), Ok(format!("three {turn}")));
    }
}

/// How often the reader's thread slept while it waited for a second in vain.
fn sleeps_of_an_idle_reader(slave: &mut Peer) -> u64 {
    let before = slave.number("pid-switches", "count");
    assert_eq!(slave.read(1000), Err(-10));
    slave.number("pid-switches", "count") - before
}

#[test]
fn towards_a_signalling_peer_a_parked_reader_wakes_by_itself_about_25_times_a_second_at_most() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::start(kind, "master", &name, &["--protocol=3"], "warn");
        let mut slave = Peer::ours("slave", &name, &[]);
        for turn in 0..10 {
            slave.send("read 10000");
            master.write(&format!("turn {turn}"));
            assert!(slave.answer().starts_with("data"));
        }
        let sleeps = sleeps_of_an_idle_reader(&mut slave);
        assert!(sleeps < 250, "{kind}: {sleeps} in a second"); // each millisecond would be 1000, each 100 us nearly 10000
    }
}

#[test]
fn a_peer_that_does_not_signal_is_looked_at_about_every_100_us() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=2"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    for turn in 0..10 {
        master.write(&format!("turn {turn}"));
        assert_eq!(slave.read(10_000), Ok(format!("turn {turn}")));
    }
    until("it has learnt", || sleeps_of_an_idle_reader(&mut slave) > 500); // some thousand where nothing else runs
}

#[test]
fn until_a_peer_has_shown_that_it_signals_the_service_thread_finds_what_it_wrote() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3"]);
    master.ok("signal off");
    let mut fastest = u64::MAX;
    for turn in 0..3 {
        let mut slave = Peer::ours("slave", &name, &[]); // one that knows nothing of its master yet
        let raw = name.raw();
        slave.send("read inf");
        until("it is parked", || raw.get("m2s.waiters") == 1);
        let (answer, took) = elapsed_ms(|| {
            master.write(&format!("turn {turn}"));
            slave.answer()
        });
        assert_eq!(answer, format!("data turn {turn}"));
        fastest = fastest.min(took);
        slave.leave();
    }
    assert!(fastest < 500, "{fastest} ms"); // within a millisecond; it would look by itself after a thousand
}

#[test]
fn an_idle_reader_costs_no_wake_ups_of_its_own_even_before_its_peer_has_shown_that_it_signals() {
    let name = Name::new();
    let _master = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let sleeps = sleeps_of_an_idle_reader(&mut slave);
    assert!(sleeps < 500, "{sleeps} in a second"); // the service thread looks for it
}

#[test]
fn a_reader_that_attaches_after_a_dead_one_sets_waiters_to_0() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", process::id());
    raw.occupy("slave", free_pid());
    raw.set("m2s.waiters", 3);
    let _slave = open(&name, Role::Slave);
    assert_eq!(raw.get("m2s.waiters"), 0);
}

#[test]
fn a_master_that_takes_over_sets_the_waiters_of_its_dead_predecessor_to_0() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let _slave = Peer::ours("slave", &name, &[]);
    let (raw, inode) = (name.raw(), name.inode());
    old.kill();
    raw.set("s2m.waiters", 2);
    let _new = open(&name, Role::Master);
    assert_eq!(name.inode(), inode);
    assert_eq!(raw.get("s2m.waiters"), 0);
}

#[test]
fn a_killed_parked_reader_stops_no_write_and_no_later_reader() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut dead = Peer::released("slave", &name, &["--protocol=3"]);
    let raw = name.raw();
    dead.send("park 60000");
    until("it is parked", || raw.get("m2s.waiters") == 1);
    dead.kill();
    assert_eq!(raw.get("m2s.waiters"), 1, "nobody counts it out");
    let (_, took) = elapsed_ms(|| master.ok("flood 200 64"));
    assert!(took < 10_000);
    let slave = open(&name, Role::Slave);
    assert_eq!(raw.get("m2s.waiters"), 0);
    master.write("on");
    assert_eq!(read(&slave, 5000), Ok("on".into()));
}

#[test]
fn a_parked_reader_is_woken_however_often_a_wake_found_nobody_before() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::released("slave", &name, &["--protocol=3"]);
    let raw = name.raw();
    assert_eq!(slave.read(0), Err(-10));
    raw.set("m2s.waiters", 1); // a dead reader's
    for _ in 0..50 {
        master.write("nobody");
    }
    slave.ask("read 0");
    slave.send("read 20000");
    until("it is parked too", || raw.get("m2s.waiters") == 2);
    master.write("somebody");
    assert_eq!(slave.answer(), "data somebody");
}

#[test]
fn our_parked_reader_counts_itself_in_and_out_again() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    for turn in 0..30 {
        slave.send("read 10000");
        if turn % 3 == 0 {
            pause(4);
        }
        master.write("x");
        assert_eq!(slave.answer(), "data x");
    }
    until("nobody waits", || raw.get("m2s.waiters") == 0);
}
