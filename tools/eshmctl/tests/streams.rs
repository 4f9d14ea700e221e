//! Standard output that takes no more, and signals: a command that holds a side gives it back, and
//! none panics.

mod common;

use common::{ctl_writing_to, recording, start, start_by};
use eshm_processes::{Name, until};
use std::{
    fs::{self, File},
    io::pipe,
    os::unix::process::ExitStatusExt,
};

/// Commands that print something at once, or soon. `name` has a segment of another process for
/// those that need it.
fn commands<'a>(name: &'a str, own: &'a str, file: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["list"],
        vec!["show", name],
        vec!["doctor", name],
        vec!["clean", "--dry-run"],
        vec!["watch", name, "--csv", "--for", "20"],
        vec!["record", name, "-o", "-", "--for", "0.1"],
        vec!["recv", name, "--count", "1"],
        vec!["send", own, "x", "--linger", "0.01"],
        vec!["echo", name, "--for", "0.1"],
        vec!["ping", own, "--as", "master", "--count", "10", "--wait", "20"],
        vec!["replay", file, own],
        vec!["completions", "bash"],
        vec!["man"],
        vec!["top", "--every", "50", "--svg", "-"],
        vec!["bench", "--for", "0.1"],
    ]
}

/// Runs each with its standard output there, which takes nothing, beside a `send` whose value waits
/// to be read, and an `echo`.
fn each(output: impl Fn() -> std::process::Stdio, check: impl Fn(&[&str], std::process::Output)) {
    let file = recording();
    let (name, own) = (Name::new(), Name::new());
    let _send = start(&["send", name.as_str(), "value", "--linger", "600"]);
    until("it is sent", || name.exists() && name.raw().get("m2s.write_count") == 1);
    for args in commands(name.as_str(), own.as_str(), &file) {
        let echo = (args[0] == "ping").then(|| start(&["echo", own.as_str()]));
        check(&args, ctl_writing_to(&args, output()));
        drop(echo);
        assert!(!own.exists(), "{args:?}: no orphan");
    }
    fs::remove_file(file).expect("remove it");
}

#[test]
fn a_reader_that_has_left_ends_a_command_as_any_other_tool() {
    let gone = || {
        let (ours, theirs) = pipe().expect("a pipe");
        drop(ours);
        theirs.into()
    };
    each(gone, |args, done| {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(
            done.status.signal(),
            Some(libc::SIGPIPE),
            "{args:?}: {:?}, {said}",
            done.status
        );
        assert!(!said.contains("panicked") && !said.contains("Broken pipe"), "{args:?}: {said}");
    });
}

#[test]
fn an_output_without_room_is_told() {
    let full = || File::options().write(true).open("/dev/full").expect("a full device").into();
    each(full, |args, done| {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{args:?}: {said}");
        let told = said.contains("No space left on device") && said.contains("room");
        assert!(told && !said.contains("panicked"), "{args:?}: {said}");
    });
}

#[test]
fn each_signal_that_asks_for_the_end_gives_the_side_back() {
    let name = Name::new();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        for args in [
            &["recv"][..],
            &["echo", "--as", "master"],
            &["send", "x", "--linger", "600"],
            &["ping", "--wait", "600"],
        ] {
            let args = [&args[..1], &[name.as_str()], &args[1..]].concat();
            let running = start(&args);
            until("the segment is there", || name.exists() && name.raw().get("master_alive") == 1);
            running.until_it_looks();
            let (code, lines) = running.end_by(signal);
            assert!(code.is_some(), "{args:?}, signal {signal}: it was killed; {lines:?}");
            assert!(!name.exists(), "{args:?}, signal {signal}: no orphan");
        }
    }
}

#[test]
fn nohup_keeps_a_command_when_its_terminal_ends() {
    let name = Name::new();
    let running = start_by("trap '' HUP", &["recv", name.as_str(), "--for", "600"]);
    until("the segment is there", || name.exists() && name.raw().get("master_alive") == 1);
    running.until_it_looks();
    // SAFETY: a child of ours that has not been waited for.
    unsafe { libc::kill(running.pid() as i32, libc::SIGHUP) };
    // A signal that is not ignored is handled before the next one.
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).expect("its status");
    let mask = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a mask");
        u64::from_str_radix(line.trim(), 16).expect("hexadecimal") >> (libc::SIGHUP - 1) & 1
    };
    assert_eq!((mask("SigIgn:"), mask("SigCgt:")), (1, 0), "{status}");
    assert_eq!(running.end_by(libc::SIGTERM).0, Some(0));
}
