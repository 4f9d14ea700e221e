//! What a child that inherited a handle may and may not do.

use eshm_processes::{Name, Peer, pause, until};

/// A pair that has met, as peers.
fn pair(name: &Name) -> (Peer, Peer) {
    let (mut master, mut slave) = (Peer::ours("master", name, &[]), Peer::ours("slave", name, &[]));
    until("they have met", || master.alive() && slave.alive());
    (master, slave)
}

#[track_caller]
fn still_working(name: &Name, master: &mut Peer, slave: &mut Peer) {
    assert!(name.exists());
    let raw = name.raw();
    assert_eq!((raw.get("master_alive"), raw.get("slave_alive")), (1, 1));
    assert_eq!((raw.get("master_pid"), raw.get("slave_pid")), (master.pid().into(), slave.pid().into()));
    master.write("down");
    slave.write("up");
    assert_eq!((master.read(5000), slave.read(5000)), (Ok("up".into()), Ok("down".into())));
    assert!(master.alive() && slave.alive());
    assert_eq!(master.lines_with("stale") + slave.lines_with("stale"), 0, "{}{}", master.log(), slave.log());
}

#[test]
fn every_call_of_a_child_is_not_initialized() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name);
    // What has come is the parent's to read.
    master.write("for the parent");
    slave.write("for the parent");
    for peer in [&mut master, &mut slave] {
        let codes = peer.ok("fork calls");
        for call in codes.split_whitespace() {
            assert!(call.ends_with("=-14"), "{codes}");
        }
    }
    let parents = [&mut master, &mut slave].map(|peer| peer.read(5000));
    assert_eq!(parents, [Ok("for the parent".into()), Ok("for the parent".into())]);
    still_working(&name, &mut master, &mut slave);
}

#[test]
fn over_c_every_call_of_a_child_is_not_initialized_but_destroy_which_is_0() {
    let (name, own) = (Name::new(), Name::new());
    let mut peer = Peer::ours("master", &name, &[]);
    let codes = peer.ok(format_args!("fork c {}", own.as_str()));
    let calls = "write=-14 look=-14 read=-14 simple=-14 beat=-14 alive=-14 stats=-14 role=-14";
    assert_eq!(codes, format!("{calls} destroy=0 parent=0 end=0"));
    assert!(!own.exists());
}

#[test]
fn a_childs_destroy_neither_marks_the_peer_dead_nor_unlinks() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name);
    assert_eq!(master.ok("fork drop"), "files=0 maps=0");
    assert_eq!(slave.ok("fork drop"), "files=0 maps=0");
    pause(20);
    still_working(&name, &mut master, &mut slave);
}

#[test]
fn a_childs_exit_neither_marks_the_peer_dead_nor_unlinks() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name);
    master.ok("fork exit");
    slave.ok("fork exit");
    pause(20);
    still_working(&name, &mut master, &mut slave);
}

#[test]
fn a_child_may_open_handles_of_its_own() {
    let (name, own) = (Name::new(), Name::new());
    let (mut master, mut slave) = pair(&name);
    let mut there = Peer::ours("master", &own, &[]);
    there.write("not for it");
    master.send(format_args!("fork open slave {}", own.as_str()));
    assert_eq!(there.read(10_000), Ok("from child".into()));
    there.write("for the child");
    assert_eq!(master.answer(), "ok open=0 write=0 data for the child");
    still_working(&name, &mut master, &mut slave);
}

#[test]
fn a_child_may_be_the_other_side_of_its_parents_segment() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    master.send(format_args!("fork open slave {}", name.as_str()));
    // The parent waits for its child, so another process answers: the segment's bytes tell that the child wrote.
    let raw = name.raw();
    until("the child has written", || raw.get("s2m.write_count") == 1);
    assert_eq!(raw.data("s2m", 10), b"from child");
    let child = raw.get("slave_pid");
    assert_ne!(child, u64::from(master.pid()));
    raw.add("m2s.sequence", 1);
    raw.set_data("m2s", b"hello");
    raw.set("m2s.data_size", 5);
    raw.add("m2s.sequence", 1);
    raw.add("m2s.write_count", 1);
    assert_eq!(master.answer(), "ok open=0 write=0 data hello");
    assert_eq!(raw.get("master_alive"), 1);
    assert_eq!(master.read(1000), Ok("from child".into()));
}

#[test]
fn a_child_of_a_process_without_the_service_thread_is_refused_as_well() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--no-threads"]);
    let codes = master.ok("fork calls");
    assert!(codes.split_whitespace().all(|call| call.ends_with("=-14")), "{codes}");
    master.write("still here");
    assert!(name.exists());
}

#[test]
fn a_parent_that_ends_before_its_child_is_gone_as_usual() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name);
    master.ok("fork hold");
    master.ok("close");
    assert!(!name.exists());
    until("the slave knows", || !slave.alive());
}

#[test]
fn whatever_other_threads_are_in_a_child_does_not_hang_on_it() {
    let (name, other) = (Name::new(), Name::new());
    let own: Vec<Name> = (0..3).map(|number| Name::from(format!("{}_{number}", other.as_str()))).collect();
    let _there = Peer::ours("master", &other, &["--threshold=60000"]);
    let mut peer = Peer::ours("master", &name, &[]);
    assert_eq!(peer.ask(format_args!("fork storm 100 {}", other.as_str())), "ok");
    assert!(own.iter().all(|name| !name.exists()));
    peer.write("and works on");
}
