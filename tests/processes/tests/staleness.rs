//! When the remote counts as alive, and when not any more.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, builder, eventually, ms, open, pause, tasks::free_pid, until};
use std::{process, time::Instant};

#[test]
fn a_silent_released_peer_is_stale_at_the_threshold_and_not_before_and_recovers() {
    for (side, role) in [("master", Role::Slave), ("slave", Role::Master)] {
        let name = Name::new();
        let endpoint = (role == Role::Master).then(|| builder(&name, role).stale_threshold(ms(400)).open().expect("open"));
        let mut peer = Peer::released(side, &name, &[]);
        let endpoint = endpoint.unwrap_or_else(|| {
            peer.ok("set stale_threshold 400");
            open(&name, role)
        });
        pause(50);
        assert_eq!(endpoint.remote_alive(), Ok(true));
        let before = Instant::now();
        peer.ok("beat off");
        until("the silent peer is stale", || endpoint.remote_alive() == Ok(false));
        assert!(before.elapsed() >= ms(350), "{side}: stale after {:?} already", before.elapsed());
        assert!(before.elapsed() < ms(4000), "{side}: stale after {:?} only", before.elapsed());
        peer.ok("beat on");
        until("it has recovered", || endpoint.remote_alive() == Ok(true));
    }
}

#[test]
fn both_sides_judge_by_the_creators_threshold() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--threshold=100"]);
    let slave = builder(&name, Role::Slave).stale_threshold(ms(60_000)).open().expect("attach");
    master.ok("beat off");
    until("it is stale by the master's 100 ms", || slave.remote_alive() == Ok(false));
    assert_eq!(name.raw().get("stale_threshold"), 100);
}

#[test]
fn a_threshold_of_0_counts_as_100() {
    let name = Name::new();
    let master = builder(&name, Role::Master).stale_threshold(ms(0)).open().expect("create");
    let mut slave = Peer::released("slave", &name, &[]);
    pause(60);
    assert_eq!(master.remote_alive(), Ok(true), "0 is not at once");
    slave.ok("beat off");
    until("it is stale", || master.remote_alive() == Ok(false));
}

#[test]
fn a_master_alone_says_alive_before_the_threshold_has_first_passed_and_stale_after() {
    let name = Name::new();
    let master = builder(&name, Role::Master).stale_threshold(ms(500)).open().expect("create");
    let start = Instant::now();
    assert_eq!(master.remote_alive(), Ok(true));
    until("a heartbeat nobody ever advanced counts", || master.remote_alive() == Ok(false));
    assert!(start.elapsed() >= ms(400), "{:?}", start.elapsed());
}

#[test]
fn a_slave_that_attaches_where_the_flag_is_0_says_dead_at_once() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.set("stale_threshold", 60_000);
    raw.occupy("master", free_pid());
    raw.set("master_alive", 0);
    let slave = open(&name, Role::Slave);
    assert_eq!(slave.remote_alive(), Ok(false));
}

#[test]
fn a_slave_that_attaches_to_a_master_proven_dead_says_dead_long_before_the_threshold() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    until("the master is locked in", || name.raw().get("master_lock") != 0);
    master.kill();
    let slave = open(&name, Role::Slave);
    until("the lock proves it dead", || slave.remote_alive() == Ok(false));
}

#[test]
fn a_clean_exit_is_noticed_at_once() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
        let mut slave = Peer::start(kind, "slave", &name, &[], "warn");
        slave.write("hello");
        assert_eq!(master.read(1000), Ok("hello".into()));
        name.raw().until_looked("master");
        assert!(master.alive());
        slave.leave();
        until("the flag tells", || !master.alive());
        let mut next = Peer::start(kind, "slave", &name, &[], "warn");
        until("the next one is alive", || master.alive());
        next.write("hello");
    }
}

#[test]
fn it_recovers_only_when_the_heartbeat_moves_and_the_flag_is_1() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=100"]);
    let mut slave = Peer::released("slave", &name, &[]);
    name.raw().until_looked("master");
    until("they have met", || master.alive());
    slave.ok("set slave_alive 0");
    until("it is stale by the flag", || !master.alive());
    pause(150);
    assert!(!master.alive(), "it beats, but says that it has left");
    slave.ok("beat off");
    name.raw().until_looked("master"); // the last beats count while the flag is down
    slave.ok("set slave_alive 1");
    pause(150);
    assert!(!master.alive(), "the flag is up again, but it does not beat");
    slave.ok("beat on");
    until("it has recovered", || master.alive());
}

#[test]
fn a_killed_peer_of_ours_is_noticed_through_its_lock_long_before_the_threshold() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    until("both are locked in", || name.raw().get("master_lock") != 0 && name.raw().get("slave_lock") != 0);
    until("they have met", || name.raw().get("slave_heartbeat") > 5 && master.alive());
    slave.kill();
    until("the kernel tells", || !master.alive());

    let mut slave = Peer::ours("slave", &name, &[]);
    until("the next one is alive", || master.alive());
    until("it is locked in", || name.raw().get("slave_lock") == u64::from(slave.pid()));
    master.kill();
    until("the kernel tells", || !slave.alive());
}

#[test]
fn a_moving_heartbeat_always_means_alive() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::released("slave", &name, &[]);
    let pid = slave.pid();
    slave.ok("write hi");
    // Says that it holds a lock which it does not hold.
    name.raw().set("slave_lock", pid.into());
    // On a loaded machine it may miss the 5 ticks now and then; but it is not dead for that.
    let (mut dead, mut looks) = (0, 0);
    eventually(ms(400), || {
        looks += 1;
        dead += u32::from(!master.alive());
        false
    });
    assert!(dead * 2 < looks, "dead at {dead} of {looks} looks");
    slave.ok("beat off");
    until("and then it does not", || !master.alive());
}

#[test]
fn a_stale_remote_is_known_to_every_handle_of_a_process() {
    let names = [Name::new(), Name::new(), Name::new()];
    let mut peers = names.each_ref().map(|name| Peer::released("master", name, &[]));
    let slaves = names.each_ref().map(|name| open(name, Role::Slave));
    peers[1].ok("beat off");
    until("the silent one is stale", || slaves[1].remote_alive() == Ok(false));
    assert_eq!((slaves[0].remote_alive(), slaves[2].remote_alive()), (Ok(true), Ok(true)));
    assert_eq!(names[1].raw().get("slave_pid"), u64::from(process::id()));
}

#[test]
fn a_forked_child_that_holds_the_lock_keeps_a_dead_peer_alive_no_longer_than_the_threshold() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=300"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    until("it is locked in", || name.raw().get("slave_lock") != 0 && master.alive());
    slave.ok("fork hold"); // lives until the slave's input is closed
    slave.kill();
    assert_eq!(name.raw().lock_holder(1), Some(-1), "the child has it still");
    until("the silence tells", || !master.alive());
}
