//! What the system may refuse a pair that runs: the handle goes on with what it has, and takes what it needs once it is there.

use eshm_processes::{
    Name, Peer, Raw, pause,
    sandbox::{assert_nothing_left, is_root, skipped},
    tasks::resources,
    until,
};

/// A slave under limits, beside a master of ours.
fn pair(name: &Name) -> (Peer, Peer) {
    let master = Peer::ours("master", name, &[]);
    let mut slave = Peer::faults(name);
    slave.ok("init slave");
    (master, slave)
}

/// Ends the master; the slave knows.
#[track_caller]
fn lose(master: &mut Peer, slave: &mut Peer) {
    master.leave();
    until("the slave is without its master", || slave.ask("write x") == "code -10");
}

#[track_caller]
fn exchange(master: &mut Peer, slave: &mut Peer) {
    until("the slave can write", || slave.ask("write up") == "code 0");
    until("the master has it", || master.read(100) == Ok("up".into()));
    master.write("down");
    until("the slave has it", || slave.ask("read 100") == "data down");
}

#[test]
fn a_slave_without_descriptors_reconnects_once_there_are_some() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name);
    exchange(&mut master, &mut slave);
    lose(&mut master, &mut slave);
    slave.ok("limit nofile 3");
    let before = resources(slave.pid());
    let mut master = Peer::ours("master", &name, &[]);
    pause(300); // some attempts
    assert_eq!(slave.ask("write x"), "code -10");
    assert_eq!(slave.lines_with("cannot look for a master"), 1, "said once: {}", slave.log());
    assert_eq!(slave.lines_with("raise ulimit -n"), 1, "{}", slave.log());
    assert_nothing_left(&slave, before);
    slave.ok("limit nofile max");
    exchange(&mut master, &mut slave);
    assert_nothing_left(&slave, before);
}

#[test]
fn a_slave_without_room_for_the_next_segment_reconnects_once_there_is_some() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name);
    lose(&mut master, &mut slave);
    slave.ok("limit as 1000000");
    let before = resources(slave.pid());
    let mut master = Peer::ours("master", &name, &["--capacity=8000000"]);
    pause(300);
    assert_eq!(slave.ask("write x"), "code -10");
    assert_eq!(slave.lines_with("cannot look for a master"), 1, "said once: {}", slave.log());
    assert_eq!(slave.lines_with("raise ulimit -v"), 1, "{}", slave.log());
    assert_nothing_left(&slave, before);
    slave.ok("limit as max");
    exchange(&mut master, &mut slave);
}

#[test]
fn a_slave_whose_next_master_is_another_user_says_once_whose_the_segment_is() {
    if !is_root() {
        return skipped("only root can be somebody else");
    }
    let name = Name::new();
    let mut master = Peer::faults(&name);
    master.ok("umask 0");
    master.ok("init master");
    let mut slave = Peer::faults(&name);
    slave.ok("user 65534");
    slave.ok("init slave");
    assert_eq!(master.ask("end"), "code 0");
    until("the slave is without its master", || slave.ask("write x") == "code -10");
    master.ok("umask 077");
    master.ok("init master");
    until("it says why it cannot", || slave.lines_with("cannot look for a master: Permission denied") > 0);
    let line = format!("{} is of user 0, mode 0600; have its creator set the mode to 0666", name.path().display());
    pause(300); // some attempts
    assert_eq!((slave.lines_with(&line), slave.lines_with("cannot look for")), (1, 1), "{}", slave.log());
    master.ok(format_args!("sh chmod 666 {}", name.path().display()));
    until("the slave can write", || slave.ask("write up") == "code 0");
    assert_eq!(master.ask("read 5000"), "data up");
}

#[test]
fn a_move_that_the_kernel_refuses_to_make_in_place_is_made_to_another_address() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::faults(&name);
    slave.ok(format_args!("failing mremap {}", libc::ENOMEM));
    slave.ok("init slave");
    let before = resources(slave.pid());
    for _ in 0..3 {
        exchange(&mut master, &mut slave);
        lose(&mut master, &mut slave);
        master = Peer::ours("master", &name, &[]);
    }
    exchange(&mut master, &mut slave);
    assert_nothing_left(&slave, before);
}

#[test]
fn a_limit_on_file_sizes_does_not_concern_segments_that_exist() {
    for threads in [" no-threads", ""] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
        let mut slave = Peer::faults(&name);
        slave.ok("limit fsize 1 fatal");
        slave.ok(format_args!("init slave{threads}"));
        for _ in 0..2 {
            exchange(&mut master, &mut slave);
            let old = name.raw();
            lose(&mut master, &mut slave);
            master = Peer::ours("master", &name, &["--threshold=60000"]);
            exchange(&mut master, &mut slave);
            assert_settled(&old);
        }
        slave.assert_alive();
    }
}

/// No channel of a segment that was left is locked.
#[track_caller]
fn assert_settled(old: &Raw) {
    let odd = ["m2s.sequence", "s2m.sequence"].map(|field| old.get(field) & 1);
    assert_eq!(odd, [0, 0], "a lock was left behind");
}

#[test]
fn a_master_whose_name_was_removed_on_a_full_dev_shm_makes_it_anew_once_there_is_room() {
    let name = Name::new();
    let Some(mut master) = Peer::faults_with_mounts(&name, "mount -t tmpfs -o size=64k tmpfs /dev/shm") else {
        return skipped("no mounts of one's own here");
    };
    master.ok("init master");
    let before = resources(master.pid());
    let file = format!("/dev/shm/eshm_{}", name.as_str());
    master.ask("sh cat /dev/zero > /dev/shm/filler 2>/dev/null"); // before the name goes: a look at it in between would find room
    master.ok(format_args!("sh rm {file}"));
    until("it says why it cannot", || master.lines_with("cannot create it: No space left on device") == 1);
    assert_eq!(master.ask("write x"), "code 0", "it goes on with what it has");
    pause(1200); // another look at the name
    assert_eq!(master.lines_with("cannot create it"), 1, "said once");
    assert_nothing_left(&master, before);
    master.ok("sh rm /dev/shm/filler");
    until("there is a fresh segment", || master.ask(format_args!("sh ls {file}")).starts_with("ok"));
    assert_eq!(master.ask("end"), "code 0");
    assert_eq!(master.ok("sh ls -A /dev/shm"), "");
}
