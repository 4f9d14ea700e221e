//! Two masters at once: the later one wins, and the earlier one touches nothing any more.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, elapsed_ms, open, pause, read, tasks::free_pid, until};

/// Waits until a peer finds that it is a master no more.
fn until_ousted(peer: &mut Peer) {
    until("the old master is ousted", || peer.code("beat") == -15);
}

#[test]
fn an_ousted_masters_writes_and_beats_are_a_role_mismatch_and_its_reads_go_on() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    let inode = name.inode();
    let _new = Peer::ours("master", &name, &[]);
    assert_eq!(name.inode(), inode, "the old one is ours, so it is taken over in place");
    until_ousted(&mut old);
    assert_eq!(old.code("write mine"), -15);
    assert_eq!(old.code("beat"), -15);
    slave.write(b"to whoever").expect("write");
    assert_eq!(old.read(1000), Ok("to whoever".into()));
    assert_eq!(old.read(0), Err(-9));
    assert_eq!(old.read(20), Err(-10));
    assert_eq!((old.code("stats"), old.code("alive"), old.ok("role").as_str()), (0, 0, "Master"));
}

#[test]
fn an_ousted_master_touches_no_flag_no_heartbeat_and_no_name() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let mut new = Peer::ours("master", &name, &[]);
    until_ousted(&mut old);
    let raw = name.raw();
    new.stop();
    let (beats, pid) = (raw.get("master_heartbeat"), raw.get("master_pid"));
    pause(100);
    assert_eq!((raw.get("master_heartbeat"), raw.get("master_pid")), (beats, pid), "only the new master beats");
    new.resume();
    until("the new one has the lock", || raw.get("master_lock") == raw.get("master_generation"));
    let locked = raw.get("master_lock");
    old.leave();
    assert!(name.exists());
    assert_eq!((raw.get("master_alive"), raw.get("master_pid")), (1, new.pid().into()));
    assert_eq!(raw.get("master_lock"), locked);
    new.write("still here");
    assert_eq!(slave.read(5000), Ok("still here".into()));
}

#[test]
fn a_master_that_replaces_a_live_ones_segment_first_increments_its_generation() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let (raw, inode) = (name.raw(), name.inode());
    let generation = raw.get("master_generation");
    let mut new = Peer::ours("master", &name, &[]); // no slave: nothing to take over for
    assert_ne!(name.inode(), inode);
    assert_eq!(raw.get("master_generation"), generation + 1);
    until_ousted(&mut old);
    assert_eq!(old.code("write mine"), -15);
    old.leave();
    assert!(name.exists());
    new.write("x");
}

#[test]
fn a_master_that_starts_beside_a_live_one_prints_a_warning_and_wins() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let old = Peer::start(kind, "master", &name, &[], "warn");
        let mut new = Peer::ours("master", &name, &[]);
        assert!(new.lines_with("[ESHM] ") >= 1, "{kind}: {}", new.log());
        let mut slave = Peer::ours("slave", &name, &[]);
        new.write("mine");
        assert_eq!(slave.read(5000), Ok("mine".into()));
        drop(old);
    }
}

#[test]
fn an_ousted_master_says_so_once() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let _new = Peer::ours("master", &name, &[]);
    until_ousted(&mut old);
    pause(50);
    for _ in 0..50 {
        old.ask("write again");
    }
    assert_eq!(old.log().lines().count(), 1, "{}", old.log());
}

#[test]
fn a_live_released_master_loses_the_name_to_ours_even_with_a_slave_attached() {
    let name = Name::new();
    let mut old = Peer::released("master", &name, &["--protocol=3"]);
    let mut slave = Peer::ours("slave", &name, &["--attempts=0"]);
    old.write("old");
    assert_eq!(slave.read(1000), Ok("old".into()));
    let mut new = Peer::ours("master", &name, &[]);
    new.write("new");
    let mut later = Peer::ours("slave", &name, &[]);
    new.write("newer");
    assert_eq!(later.read(5000), Ok("newer".into()));
    assert!(matches!(slave.read(0), Ok(_) | Err(-9)));
}

#[test]
fn a_released_master_that_takes_over_ousts_ours_by_the_generation() {
    let name = Name::new();
    let mut ours = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let mut released = Peer::released("master", &name, &["--protocol=3", "--takeover"]);
    until_ousted(&mut ours);
    assert_eq!(ours.code("write mine"), -15);
    ours.leave();
    assert!(name.exists());
    assert_eq!(name.raw().get("master_alive"), 1);
    released.write("mine");
    assert_eq!(slave.read(5000), Ok("mine".into()));
}

#[test]
fn an_ousted_masters_waiting_read_is_no_hang() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    old.send("read 300");
    let _new = Peer::ours("master", &name, &[]);
    let (answer, took) = elapsed_ms(|| old.answer());
    assert!(answer.starts_with("error -10"), "{answer}");
    assert!(took < 5000);
    assert_eq!(read(&open(&name, Role::Slave), 0), Err(-9));
}

#[test]
fn a_master_is_ousted_by_one_whose_process_is_not_visible_here_once_that_ones_heartbeat_moves() {
    let (name, elsewhere) = (Name::new(), Name::new());
    let mut old = Peer::ours("master", &name, &[]);
    let rival = Raw::stamped(&elsewhere, 3, 4096);
    rival.occupy("master", free_pid());
    std::fs::rename(elsewhere.path(), name.path()).expect("the name is another's now");
    pause(2500); // two looks at the name, at a heartbeat that stands still
    assert_eq!(old.code("write mine"), 0, "a corpse ousts nobody");
    until("the old master is ousted", || {
        rival.add("master_heartbeat", 1);
        old.code("write mine") == -15
    });
}
