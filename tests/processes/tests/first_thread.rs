//! A process whose first thread has ended, by `pthread_exit`, while others of it run: `/proc` shows it
//! as a zombie, and it lives.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, open, pause, tasks, until};

#[track_caller]
fn in_second_thread(kind: &str, role: &str, name: &Name) -> Peer {
    let peer = Peer::start(kind, role, name, &["--in-second-thread"], "warn");
    assert!(peer.greeting.starts_with("ok"), "{}\n{}", peer.greeting, peer.log());
    peer
}

#[track_caller]
fn end_first_thread(peer: &mut Peer) {
    pause(20); // who knows it by its number notices it in a tick
    peer.ok("end-first-thread");
    assert_eq!(tasks::state(peer.pid()), Some('Z'));
}

/// Its heartbeat stands still, and its process is there: it may go on.
#[test]
fn a_master_without_its_first_thread_is_alive_while_it_is_stopped() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = in_second_thread(kind, "master", &name);
        end_first_thread(&mut master);
        master.stop();
        assert_eq!(open(&name, Role::Auto).role(), Role::Slave, "{kind}");
        master.kill_unreaped();
        assert_eq!(open(&name, Role::Auto).role(), Role::Master, "{kind}");
    }
}

#[track_caller]
fn assert_refused(writer: &mut Peer, raw: &Raw) {
    let odd = raw.get("s2m.sequence");
    assert_eq!(odd % 2, 1, "the other is in its write");
    for _ in 0..3 {
        assert_eq!(writer.code("write a"), -10, "{}", writer.log());
        assert_eq!(raw.get("s2m.sequence"), odd);
    }
}

#[test]
fn a_released_slave_without_its_first_thread_keeps_its_lock_while_it_is_stopped() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    let (mut first, raw) = (Peer::ours("slave", &name, &[]), name.raw());
    until("it has the lock", || raw.get("slave_lock") == u64::from(first.pid()));
    let mut second = in_second_thread("released", "slave", &name);
    end_first_thread(&mut second);
    second.ok("half-write b");
    second.stop();
    assert_refused(&mut first, &raw);
    assert_eq!(master.read(0), Err(-9));
    second.kill();
    until("it is repaired", || first.code("write a") == 0);
}
