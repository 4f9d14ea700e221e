//! What may befall the segment's file, or everybody at once, under a running pair.

use eshm_processes::{Name, Peer, pause, until};
use std::{
    fs::{self, OpenOptions},
    os::unix::process::ExitStatusExt,
};

fn pair(name: &Name, options: &[&str]) -> (Peer, Peer) {
    let mut master = Peer::ours("master", name, options);
    let mut slave = Peer::ours("slave", name, &["--attempts=0", "--wait=0", "--retry=5"]);
    until("they have met", || master.alive() && slave.alive());
    (master, slave)
}

fn resize(name: &Name, size: u64) {
    OpenOptions::new().write(true).open(name.path()).and_then(|file| file.set_len(size)).expect("resize the file");
}

#[track_caller]
fn exchange(master: &mut Peer, slave: &mut Peer) {
    until("the master can write", || master.code("write down") == 0);
    until("the slave has it", || slave.read(100) == Ok("down".into()));
    until("the slave can write", || slave.code("write up") == 0);
    until("the master has it", || master.read(100) == Ok("up".into()));
}

#[test]
fn a_file_cut_under_a_pair_ends_who_touches_it_by_sigbus_and_the_next_pair_starts_over_it() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &[]);
    resize(&name, 0);
    for peer in [&mut master, &mut slave] {
        assert_eq!(peer.wait().signal(), Some(libc::SIGBUS), "the kernel's rule, and it says so");
    }
    assert!(name.exists(), "nobody was left to remove it");
    let (mut master, mut slave) = pair(&name, &[]);
    exchange(&mut master, &mut slave);
    assert!(master.lines_with("replaced a file that is no segment") == 1, "{}", master.log());
}

#[test]
fn who_did_not_touch_the_cut_file_recovers_when_the_segment_is_made_anew() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &[]);
    slave.stop();
    resize(&name, 0);
    assert_eq!(master.wait().signal(), Some(libc::SIGBUS));
    resize(&name, 8576); // all zero: no segment, but memory
    let mut master = Peer::ours("master", &name, &[]);
    slave.resume();
    exchange(&mut master, &mut slave);
    slave.assert_alive();
}

#[test]
fn a_file_cut_before_a_start_or_a_reconnection_is_an_error_and_no_sigbus() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &[]);
    master.leave();
    until("the slave is without its master", || slave.code("stats") == -14);
    for size in [1, 127, 4096, 8575] {
        fs::write(name.path(), vec![0x4d; size]).expect("a short file");
        pause(30); // some attempts to reconnect
        slave.assert_alive();
        let other = Peer::start("ours", "slave", &name, &[], "off");
        assert!(other.greeting.starts_with("error -3"), "{size}: {}", other.greeting);
    }
    let mut master = Peer::ours("master", &name, &[]);
    exchange(&mut master, &mut slave);
}

#[test]
fn a_name_that_leads_to_junk_leaves_a_running_pair_alone() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &[]);
    let (junk, text) = (name.path().with_extension("junk"), "no segment at all");
    fs::write(&junk, text).and_then(|()| fs::rename(&junk, name.path())).expect("replace the file");
    pause(1200); // the master looks at its name once a second
    exchange(&mut master, &mut slave);
    slave.leave();
    master.leave();
    assert_eq!(fs::read_to_string(name.path()).expect("it is not ours to remove"), text);
}

#[test]
fn a_pair_that_loses_its_name_while_both_are_stopped_is_a_pair_again() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &[]);
    master.stop();
    slave.stop();
    name.remove(); // as RemoveIPC does at the last log-out
    master.resume();
    slave.resume();
    until("the master has made it anew", || name.exists());
    exchange(&mut master, &mut slave);
}

#[test]
fn seconds_in_which_nobody_runs_are_no_silence() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &["--threshold=1000"]);
    // Neither judges the other while one is stopped already and the other not yet.
    for round in 0..2 {
        let order = if round == 0 { [&master, &slave] } else { [&slave, &master] };
        order.into_iter().for_each(Peer::stop_soon);
        pause(2500);
        order.into_iter().for_each(Peer::resume);
        pause(30);
        exchange(&mut master, &mut slave);
    }
    assert_eq!(master.lines_with("stale") + slave.lines_with("stale"), 0, "{}{}", master.log(), slave.log());
}

#[test]
fn a_process_that_executes_another_program_is_dead_for_its_peer() {
    let name = Name::new();
    let (mut master, mut slave) = pair(&name, &["--threshold=60000"]);
    until("it is locked in", || name.raw().get("slave_lock") != 0);
    slave.ok("exec");
    until("the lock tells", || !master.alive());
    slave.assert_alive(); // the process is there still
    let mut next = Peer::ours("slave", &name, &[]);
    until("the next one is alive", || master.alive());
    exchange(&mut master, &mut next);
}
