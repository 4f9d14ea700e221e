//! `doctor` on machines where /dev/shm itself is what is wrong: it goes on to everything else.

mod common;

use common::{Done, ctl_with_mounts, json};
use serde_json::Value;

/// Checks that are made whatever the state of /dev/shm.
const ALWAYS: [&str; 10] = [
    "/dev/shm",
    "space in /dev/shm",
    "umask",
    "RemoveIPC",
    "pid namespace",
    "processors",
    "timing",
    "clock",
    "open files",
    "leftovers",
];

/// Its checks, all of them; it must have found something wrong.
#[track_caller]
fn checks(done: &Done) -> Vec<Value> {
    assert_eq!(done.code, Some(3), "{}{}", done.out, done.err);
    let checks = json(done)["checks"].as_array().expect("a list").clone();
    let subjects: Vec<&str> = checks.iter().filter_map(|check| check["subject"].as_str()).collect();
    assert_eq!(subjects[..ALWAYS.len()], ALWAYS);
    checks
}

/// Whether a check found something wrong, in these words.
#[track_caller]
fn wrong(checks: &[Value], subject: &str, words: &str) {
    let check = checks
        .iter()
        .find(|check| check["subject"] == subject)
        .unwrap_or_else(|| panic!("nothing on {subject}"));
    let said = format!("{} {}", check["seen"], check["advice"]);
    assert!(check["verdict"] == "wrong" && said.contains(words), "{subject}: {check}");
}

#[test]
fn without_the_folder_everything_else_is_looked_at() {
    let Some(done) = ctl_with_mounts("mount -t tmpfs none /dev", &["doctor", "robot", "--json"])
    else {
        return;
    };
    let checks = checks(&done);
    wrong(&checks, "/dev/shm", "there is no such folder");
    wrong(&checks, "leftovers", "cannot be looked for: No such file or directory");
    wrong(&checks, "the name", "there is no segment 'robot'");
    for args in [&["list"][..], &["clean"], &["top", "--svg", "top.svg"]] {
        let done = ctl_with_mounts("mount -t tmpfs none /dev", args).expect("as before");
        assert!(
            done.code == Some(1)
                && done.err.contains("cannot be listed")
                && done.err.contains("doctor"),
            "{done:?}"
        );
    }
}

#[test]
fn a_folder_that_this_user_may_not_list_is_told_by_its_mode() {
    let script = "mount -t tmpfs -o mode=0000 none /dev/shm";
    let Some(done) = ctl_with_mounts(script, &["doctor", "robot", "--json"]) else { return };
    let checks = checks(&done);
    wrong(&checks, "/dev/shm", "1777");
    wrong(&checks, "leftovers", "cannot be looked for: Permission denied");
    wrong(&checks, "the name", "cannot be looked for: Permission denied");
}

#[test]
fn a_read_only_folder_is_called_so() {
    let Some(done) =
        ctl_with_mounts("mount -t tmpfs -o ro,mode=1777 none /dev/shm", &["doctor", "--json"])
    else {
        return;
    };
    wrong(&checks(&done), "/dev/shm", "mounted read-only\" \"mount -o remount,rw /dev/shm");
}
