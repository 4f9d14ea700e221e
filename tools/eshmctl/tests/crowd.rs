//! Hundreds of segments that somebody has made to harm who looks; in a file of their own, as all who
//! look meanwhile see them.

mod common;

use common::{ENDLESS, ctl_in_time, ctl_in_time_by, dead_pid, json, silent};
use eshm_processes::Name;
use std::{fs, process::Command};

/// What `list --json` says of each of these; it may do so much.
fn kinds(limits: &str, names: &[Name]) -> Vec<String> {
    let done = ctl_in_time_by(limits, &["list", "--json"]);
    assert!(matches!(done.code, Some(0 | 3)), "{limits}: {:?} {}", done.code, done.err);
    let all = json(&done);
    let all = all["segments"].as_array().expect("a list");
    let kind = |name: &Name| {
        let found = all.iter().find(|segment| segment["name"] == name.as_str());
        found.map_or("not listed".to_owned(), |segment| segment["kind"].to_string())
    };
    names.iter().map(kind).collect()
}

#[test]
fn hundreds_of_them_need_no_threads_files_or_memory_and_no_longer_than_one() {
    let names: Vec<Name> = (0..600).map(|_| Name::new()).collect();
    let pid = dead_pid();
    for (at, name) in names.iter().enumerate() {
        // Some of them with more addresses than the limit below allows, and no memory.
        silent(name, ENDLESS, if at % 100 == 0 { 1 << 29 } else { 64 }, pid);
        let all: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        fs::set_permissions(name.path(), all).expect("its mode");
    }
    let segments = vec!["\"segment\"".to_owned(); names.len()];
    for limits in ["ulimit -n 16;", "ulimit -v 900000;"] {
        assert_eq!(kinds(limits, &names), segments, "{limits}");
    }
    if eshm_processes::sandbox::is_root() {
        // A user of its own, so that its limit counts no others' threads.
        let args = "setpriv --reuid 54321 --clear-groups prlimit --nproc=2";
        let done = Command::new("sh")
            .args(["-c", &format!("timeout -s KILL 60 {args} \"$0\" list --json")])
            .arg(common::PROGRAM)
            .output()
            .expect("run it");
        if done.status.code() == Some(126) {
            eshm_processes::sandbox::skipped("another user: it may not run the program");
        } else {
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(matches!(done.status.code(), Some(0 | 3)), "{:?} {said}", done.status);
            let listed = String::from_utf8_lossy(&done.stdout);
            assert!(names.iter().all(|name| listed.contains(name.as_str())), "{said}");
        }
    } else {
        eshm_processes::sandbox::skipped("another user with few threads: this one is not root");
    }
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    let done = ctl_in_time(&[&["clean", "--dry-run"][..], &names].concat());
    assert!(matches!(done.code, Some(0)), "{:?} {}", done.code, done.err);
}
