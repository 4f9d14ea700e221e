//! What others have chosen steers no terminal and hides nothing: names, command lines, records.

mod common;

use common::{Done, PROGRAM, ctl, ctl_with_input, json, scratch, start};
use eshm::{Role, records::Record};
use eshm_processes::{Name, open, until};
use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::Command,
};

/// One of each kind: C0, DEL, C1, bidirectional marks, ends of lines, what is not to be seen, marks
/// on the character before.
const HOSTILE: &str = "x\u{1b}[2J\u{7}\u{7f}\u{9b}31m\u{85}\u{200e}\u{200f}\u{61c}\u{202e}\u{2066}\u{2069}\u{2028}\u{2029}\
                       \u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180b}\u{3164}\u{fe0f}\u{ffa0}\u{1bca0}\u{1d173}\u{e0100}\u{301}y";

/// Those of it that are not to be seen, or only on another one.
const UNSEEN: &str = "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180b}\u{3164}\u{fe0f}\u{ffa0}\u{1bca0}\u{1d173}\u{e0100}\u{301}";

/// Nothing of it comes through as it is.
#[track_caller]
fn is_clean(what: &str, text: &str) {
    let bad = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || UNSEEN.contains(c)
    };
    assert!(!text.contains(bad), "{what}: {text:?}");
}

#[track_caller]
fn are_clean(what: &str, done: &Done) {
    is_clean(what, &done.out);
    is_clean(what, &done.err);
}

#[test]
fn command_lines_are_escaped() {
    let name = Name::new();
    let mut argv0 = HOSTILE.as_bytes().to_vec();
    argv0.extend_from_slice(b"\xff\xc2");
    let mut process = Command::new(PROGRAM)
        .arg0(OsStr::from_bytes(&argv0))
        .args(["recv", name.as_str(), "--as", "master"])
        .env("ESHM_LOG", "off")
        .spawn()
        .expect("start eshmctl");
    let checked = std::panic::catch_unwind(|| {
        let at = name.as_str();
        until("it is seen", || ctl(&["show", at]).out.contains("[2J"));
        for args in [
            vec!["list"],
            vec!["list", "--long"],
            vec!["list", "--json"],
            vec!["show", at],
            vec!["show", at, "--json"],
            vec!["doctor", at],
            vec!["top", "--svg", "-", "--every", "100ms"],
        ] {
            are_clean(&format!("{args:?}"), &ctl(&args));
        }
        until("JSON has its command", || {
            let shown = json(&ctl(&["show", at, "--json"]));
            let command = shown["master"]["command"].as_str().unwrap_or_default().to_owned();
            command.starts_with(HOSTILE) && command.contains("y\\xff\\xc2 recv")
        });
    });
    process.kill().expect("it is killed");
    process.wait().expect("its end");
    checked.unwrap_or_else(|why| std::panic::resume_unwind(why));
}

#[test]
fn values_and_records_are_escaped() {
    let name = Name::new();
    let at = name.as_str();
    let master = open(&name, Role::Master);
    let record = Record::from_iter([(HOSTILE, HOSTILE.into())]).encode().expect("bytes");
    for message in [record.as_slice(), HOSTILE.as_bytes(), b"\xff\x9b\x1b"] {
        master.write(message).expect("written");
        for args in [
            vec!["show", at],
            vec!["show", at, "--json"],
            vec!["show", at, "--record"],
            vec!["show", at, "--hex"],
        ] {
            are_clean(&format!("{args:?}"), &ctl(&args));
        }
        for args in [vec![], vec!["--json"], vec!["--record"], vec!["--csv"], vec!["--hex"]] {
            let mut watch = start(&[&["watch", at, "--count", "1"][..], &args].concat());
            watch.until_it_looks();
            master.write(message).expect("written");
            is_clean(&format!("watch {args:?}"), &watch.rest());
        }
        for args in [vec![], vec!["--json"], vec!["--record"], vec!["--hex"]] {
            master.write(message).expect("written");
            let args = [&["recv", at, "--as", "slave", "--count", "1"][..], &args].concat();
            are_clean(&format!("{args:?}"), &ctl(&args));
        }
    }
    master.write(&record).expect("written");
    let shown = json(&ctl(&["show", at, "--json"]));
    assert_eq!(shown["master_to_slave"]["message"]["record"][HOSTILE], HOSTILE, "the same value");
}

#[test]
fn names_and_errors_are_escaped() {
    let file = Name::from(format!("pt_{}_{HOSTILE}", std::process::id()).replace('/', "_"));
    std::fs::write(file.path(), b"junk").expect("a file");
    let at = file.as_str();
    for args in [
        vec!["list"],
        vec!["list", "--json"],
        vec!["show", at],
        vec!["show", at, "--json"],
        vec!["doctor", at],
        vec!["clean", "--yes", at],
        vec!["watch", at, "--for", "0.1"],
        vec!["recv", at, "--as", "slave", "--for", "0.1"],
        vec!["top", "--svg", "-", "--every", "100ms"],
    ] {
        are_clean(&format!("{args:?}"), &ctl(&args));
    }
    let key = serde_json::json!({ HOSTILE: null }).to_string();
    let name = Name::new();
    let done =
        ctl_with_input(&["send", name.as_str(), "--record", "--as", "master", "--file", "-"], &key);
    are_clean("send", &done);
    assert_ne!(done.code, Some(0));
}

#[test]
fn wrong_command_lines_are_escaped() {
    let option = format!("--{HOSTILE}");
    for args in [
        vec![HOSTILE],
        vec![option.as_str()],
        vec!["show", "a", HOSTILE],
        vec!["show", option.as_str()],
        vec!["watch", "a", HOSTILE],
        vec!["recv", "a", "--as", HOSTILE],
        vec!["doctor", option.as_str()],
        vec!["top", "--every", HOSTILE],
        vec!["ping", "a", "--over", HOSTILE],
    ] {
        let done = ctl(&args);
        are_clean(&format!("{args:?}"), &done);
        assert_eq!(done.code, Some(2), "{args:?}: {}", done.err);
    }
}

#[test]
fn names_that_differ_in_what_is_not_seen_are_told_apart() {
    let plain = format!("pt_{}_like", std::process::id());
    let names: Vec<Name> = UNSEEN.chars().map(|c| Name::from(format!("{plain}{c}"))).collect();
    names.iter().for_each(|name| std::fs::write(name.path(), b"junk").expect("a file"));
    let listed = ctl(&["list"]).out;
    for c in UNSEEN.chars() {
        let name = format!("{plain}{} ", c.escape_unicode());
        assert!(listed.lines().any(|line| line.starts_with(&name)), "{name}: {listed}");
    }
}

#[test]
fn a_recording_names_no_segment_that_cannot_be() {
    let name = Name::new();
    let file = scratch(&name, "cap");
    for hostile in [&b"a\0b"[..], &[b'x'; 255], b""] {
        // The format of docs/CAPTURES.md, without values.
        let mut head = b"ESHMCAP\n".to_vec();
        head.extend_from_slice(&1_u32.to_le_bytes());
        head.extend_from_slice(&4096_u32.to_le_bytes());
        head.extend_from_slice(&0_u64.to_le_bytes());
        head.extend_from_slice(&(hostile.len() as u32).to_le_bytes());
        head.extend_from_slice(hostile);
        let sum = crc32fast::hash(&head);
        head.extend_from_slice(&sum.to_le_bytes());
        std::fs::write(&file, &head).expect("a file");
        let done = ctl(&["replay".as_ref(), file.as_os_str()]);
        assert!(done.code == Some(1) && done.err.contains("segment name"), "{done:?}");
    }
    std::fs::remove_file(file).expect("it goes");
}
