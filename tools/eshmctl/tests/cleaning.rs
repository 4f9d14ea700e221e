//! `clean` removes what is proven dead, and nothing else.

mod common;

use common::{ctl, orphan, start};
use eshm::Role;
use eshm_processes::{Name, open, until};
use std::fs;

#[test]
fn an_orphan_goes_and_a_live_one_stays() {
    let (dead, live, half) = (Name::new(), Name::new(), Name::new());
    orphan(&dead);
    let _master = open(&live, Role::Master);
    fs::write(half.path(), b"").expect("a half-made file");
    let done = ctl(&["clean", "--dry-run", dead.as_str(), live.as_str(), half.as_str()]);
    assert!(done.out.contains("1 would be removed") && dead.exists(), "{}", done.out);
    let done = ctl(&["clean", dead.as_str(), live.as_str()]);
    assert_eq!(done.code, Some(1), "it cannot ask here");
    assert!(done.err.contains("--yes") && dead.exists(), "{}", done.err);
    let done = ctl(&["clean", "--yes", dead.as_str(), live.as_str(), half.as_str()]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(!dead.exists() && live.exists() && half.exists(), "{}", done.out);
}

#[test]
fn one_with_a_live_slave_or_a_stopped_master_stays() {
    let (name, stopped) = (Name::new(), Name::new());
    let mut master = start(&["recv", name.as_str(), "--as", "master"]);
    until("the master is there", || name.exists());
    let slave = open(&name, Role::Slave);
    master.kill();
    let sleeper = start(&["recv", stopped.as_str(), "--as", "master"]);
    until("the other master is there", || stopped.exists());
    // SAFETY: a child of ours.
    unsafe { libc::kill(sleeper.pid() as i32, libc::SIGSTOP) };
    let done = ctl(&["clean", "--yes", name.as_str(), stopped.as_str()]);
    assert!(name.exists() && stopped.exists(), "{}", done.out);
    assert!(done.out.contains("nothing to remove"), "{}", done.out);
    drop(slave);
}
