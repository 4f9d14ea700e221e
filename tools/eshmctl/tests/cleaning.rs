//! `clean` removes what is proven dead, and nothing else.

mod common;

use common::{ctl, ctl_bound_by_modes, orphan, start};
use eshm::Role;
use eshm_processes::{Name, open, until};
use std::{fs, os::unix::fs::PermissionsExt};

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
    let says = |name: &Name, what| done.out.contains(&format!("{}: {what}", name.as_str()));
    assert!(says(&name, "in use; stays"), "{}", done.out);
    assert!(says(&stopped, "silent, but a process with the number"), "{}", done.out);
    drop(slave);
}

#[test]
fn one_that_may_not_be_removed_is_reported_and_the_others_go() {
    let names = [Name::new(), Name::new(), Name::new()];
    names.iter().for_each(orphan);
    let read_only = fs::Permissions::from_mode(0o444);
    names[..2].iter().for_each(|name| {
        fs::set_permissions(name.path(), read_only.clone()).expect("change its mode")
    });
    let args = ["clean", "--yes", names[0].as_str(), names[1].as_str(), names[2].as_str()];
    let done = ctl_bound_by_modes(&args);
    assert!(done.code == Some(1) && done.out.ends_with("\n1 removed\n"), "{done:?}");
    for name in &names[..2] {
        assert!(
            name.exists() && done.err.contains(&format!("'{}': Permission denied", name.as_str())),
            "{}",
            done.err
        );
    }
    assert!(!names[2].exists(), "the last one is as dead");
}

#[test]
fn one_that_both_ends_have_left_goes() {
    let name = Name::new();
    drop(
        eshm_processes::builder(&name, Role::Master).auto_cleanup(false).open().expect("a master"),
    );
    assert!(name.exists(), "it was to be kept");
    assert_eq!(ctl(&["clean", "--yes", name.as_str()]).code, Some(0));
    assert!(!name.exists());
}
