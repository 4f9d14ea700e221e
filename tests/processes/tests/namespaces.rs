//! Pids mean nothing across pid namespaces; locks and heartbeats do.

use eshm::Role;
use eshm_processes::{Name, Peer, open, read, sandbox::skipped, until};

/// A peer in another pid namespace, if that is permitted here; there it is process 1, which exists here as well.
fn elsewhere(role: &str, name: &Name) -> Option<Peer> {
    let peer = Peer::in_another_namespace(role, name, &["--threshold=60000"]);
    if peer.is_none() {
        skipped("no pid namespaces here");
    }
    peer
}

#[test]
fn a_master_elsewhere_is_alive_and_its_death_is_noticed_through_its_lock() {
    let name = Name::new();
    let Some(mut master) = elsewhere("master", &name) else { return };
    let slave = open(&name, Role::Auto);
    assert_eq!(slave.role(), Role::Slave);
    master.write("from elsewhere");
    assert_eq!(read(&slave, 5000), Ok("from elsewhere".into()));
    until("it is locked in", || name.raw().get("master_lock") != 0);
    master.kill();
    until("the lock tells, whatever process has that number here", || slave.remote_alive() == Ok(false));
    assert_eq!(open(&name, Role::Auto).role(), Role::Master);
}

#[test]
fn a_slave_elsewhere_keeps_its_segment_at_a_takeover() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let Some(mut slave) = elsewhere("slave", &name) else { return };
    until("it is locked in", || name.raw().get("slave_lock") == 1);
    let inode = name.inode();
    old.kill();
    let mut new = Peer::ours("master", &name, &[]);
    assert_eq!(name.inode(), inode);
    new.write("taken over");
    assert_eq!(slave.read(5000), Ok("taken over".into()));
}
