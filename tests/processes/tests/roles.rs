//! What `open` makes of the role asked for and the segment found.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Peer, Raw, builder, code, elapsed_ms, open, pause, read, tasks::free_pid};
use std::{
    fs, process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// A file that is no segment: of the right size, but nothing in it is right.
fn junk(name: &Name) {
    fs::write(name.path(), [0xA5; 8576]).expect("write junk");
}

/// A complete segment of which both sides are gone without a trace but their flags.
fn leftover(name: &Name, protocol: u64) -> Raw {
    let raw = Raw::stamped(name, protocol, 4096);
    raw.occupy("master", free_pid());
    raw.occupy("slave", free_pid());
    raw
}

#[test]
fn master_on_no_segment_creates_one() {
    let name = Name::new();
    let master = Endpoint::builder(name.as_str()).role(Role::Master).open().expect("create");
    assert_eq!(master.role(), Role::Master);
    let raw = name.raw();
    assert_eq!((raw.get("magic"), raw.get("version")), (0x4553_484D, 3));
    assert_eq!((raw.get("features"), raw.get("layout_size"), raw.get("capacity")), (1, 8576, 4096));
    assert_eq!((raw.get("master_alive"), raw.get("slave_alive")), (1, 0));
    assert_eq!((raw.get("master_pid"), raw.get("slave_pid")), (process::id().into(), 0));
    assert_eq!(raw.get("stale_threshold"), 100);
}

#[test]
fn master_on_what_is_no_valid_segment_replaces_it() {
    let name = Name::new();
    junk(&name);
    let before = name.inode();
    assert_eq!(open(&name, Role::Master).role(), Role::Master);
    let name = Name::new();
    for size in [1usize, 100, 8575, 8577, 20_000] {
        fs::write(name.path(), vec![1; size]).expect("write junk");
        let master = open(&name, Role::Master);
        assert_ne!(name.inode(), before);
        assert_eq!(name.raw().get("magic"), 0x4553_484D, "size {size}");
        drop(master);
        assert!(!name.exists());
    }
}

#[test]
fn slave_on_no_segment_is_refused() {
    let name = Name::new();
    assert_eq!(code(builder(&name, Role::Slave).open()), -3);
    assert!(!name.exists());
}

#[test]
fn slave_on_what_is_no_valid_segment_is_refused_and_leaves_it() {
    let name = Name::new();
    junk(&name);
    let before = name.inode();
    assert_eq!(code(builder(&name, Role::Slave).open()), -3);
    assert_eq!(name.inode(), before);
}

#[test]
fn slave_attaches_even_if_the_master_is_dead() {
    let name = Name::new();
    let raw = leftover(&name, 2);
    let slave = open(&name, Role::Slave);
    assert_eq!((raw.get("slave_pid"), raw.get("slave_alive")), (process::id().into(), 1));
    eshm_processes::until("the master is found stale", || slave.remote_alive() == Ok(false));
}

#[test]
fn auto_on_no_segment_is_a_master() {
    let name = Name::new();
    assert_eq!(open(&name, Role::Auto).role(), Role::Master);
}

#[test]
fn auto_with_a_live_master_is_its_slave() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::start(kind, "master", &name, &[], "warn");
        let auto = open(&name, Role::Auto);
        assert_eq!(auto.role(), Role::Slave, "{kind}");
        master.write("hello");
        assert_eq!(read(&auto, 1000), Ok("hello".into()));
    }
}

#[test]
fn auto_on_a_dead_masters_segment_is_its_successor() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let mut master = Peer::start(kind, "master", &name, &[], "warn");
        master.kill();
        assert_eq!(open(&name, Role::Auto).role(), Role::Master, "{kind}");
    }
}

#[test]
fn auto_takes_over_from_a_dead_master_in_place_when_the_slave_lives() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &[]);
    let inode = name.inode();
    old.kill();
    let mut auto = Peer::ours("auto", &name, &[]);
    assert_eq!(auto.ok("role"), "Master");
    assert_eq!(name.inode(), inode);
    auto.write("go on");
    assert_eq!(slave.read(5000), Ok("go on".into()));
}

#[test]
fn auto_on_what_is_no_valid_segment_replaces_it() {
    let name = Name::new();
    junk(&name);
    assert_eq!(open(&name, Role::Auto).role(), Role::Master);
}

#[test]
fn master_on_the_leftover_of_a_dead_pair_replaces_it() {
    for protocol in [2, 3] {
        let name = Name::new();
        let old = leftover(&name, protocol);
        let inode = name.inode();
        old.set("m2s.write_count", 77);
        let master = open(&name, Role::Master);
        assert_ne!(name.inode(), inode);
        assert_eq!(name.raw().get("m2s.write_count"), 0);
        drop(master);
    }
}

#[test]
fn a_version_above_3_is_refused_in_every_role_and_never_unlinked() {
    for version in [4, 5, u32::MAX as u64] {
        let name = Name::new();
        let raw = leftover(&name, 3);
        raw.set("version", version);
        let inode = name.inode();
        for role in [Role::Master, Role::Slave, Role::Auto] {
            assert!(builder(&name, role).open().is_err(), "{role:?} took version {version}");
            assert_eq!(name.inode(), inode, "{role:?} removed version {version}");
        }
        assert_eq!((raw.get("version"), raw.get("master_generation")), (version, 1));
    }
}

#[test]
fn our_own_pid_in_a_leftover_counts_only_if_a_handle_here_holds_that_side() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", process::id()); // a predecessor in another container, say, had the same pid
    raw.occupy("slave", process::id());
    let inode = name.inode();
    let master = open(&name, Role::Auto);
    assert_eq!(master.role(), Role::Master);
    assert_ne!(name.inode(), inode, "no slave lives there, so it is replaced");
    drop(master);

    let name = Name::new();
    let (first, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    let inode = name.inode();
    assert_eq!(open(&name, Role::Auto).role(), Role::Slave, "the master here lives");
    eshm_processes::until("the slave has its flag again", || name.raw().get("slave_alive") == 1);
    let second = open(&name, Role::Master);
    assert_eq!(name.inode(), inode, "the slave here lives, so it is taken over");
    drop((first, second, slave));
}

#[test]
fn a_zombie_does_not_exist() {
    for kind in ["ours", "released"] {
        let name = Name::new();
        let master = Peer::start(kind, "master", &name, &[], "warn");
        master.kill_unreaped();
        assert_eq!(open(&name, Role::Auto).role(), Role::Master, "{kind}");
    }
}

#[test]
fn where_no_such_process_exists_the_heartbeat_is_watched() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.set("stale_threshold", 3000);
    raw.occupy("master", free_pid()); // in another pid namespace
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                raw.add("master_heartbeat", 1);
                pause(1);
            }
        });
        let (auto, took) = elapsed_ms(|| open(&name, Role::Auto));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(auto.role(), Role::Slave);
        assert!(took < 2500, "the watch ends at the first move, not after {took} ms");
    });
}

#[test]
fn a_heartbeat_watched_in_vain_is_given_up_at_the_threshold() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.set("stale_threshold", 300);
    raw.occupy("master", free_pid());
    let (auto, took) = elapsed_ms(|| open(&name, Role::Auto));
    assert_eq!(auto.role(), Role::Master);
    assert!(took < 6000, "{took} ms");
}

#[test]
fn a_reused_pid_looks_alive_at_start_and_the_heartbeat_tells_within_the_threshold() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 2, 4096);
    raw.occupy("master", 1); // init runs, but it is no master of ours
    let auto = open(&name, Role::Auto);
    if auto.role() == Role::Slave {
        eshm_processes::until("it is found stale", || auto.remote_alive() == Ok(false));
    }
}

#[test]
fn a_cleared_flag_is_a_master_that_left() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.occupy("master", process::id());
    raw.set("master_alive", 0);
    assert_eq!(open(&name, Role::Auto).role(), Role::Master);
}

#[test]
fn a_side_that_attaches_starts_its_heartbeat_at_0_and_raises_its_flag() {
    let name = Name::new();
    let raw = leftover(&name, 3);
    raw.set("slave_heartbeat", 1 << 40);
    raw.set("slave_alive", 0);
    let _slave = open(&name, Role::Slave);
    assert!(raw.get("slave_heartbeat") < 1 << 30);
    assert_eq!((raw.get("slave_alive"), raw.get("slave_pid")), (1, process::id().into()));
}
