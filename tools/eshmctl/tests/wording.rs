//! The words of all commands, as a whole: what a reader would stumble over.

mod common;

use common::{ctl, ctl_loud, orphan, recording};
use eshm::Role;
use eshm_processes::{Name, open};
use std::fs;

/// Each command, by its name.
const COMMANDS: [&str; 15] = [
    "list",
    "show",
    "top",
    "watch",
    "send",
    "recv",
    "echo",
    "ping",
    "record",
    "replay",
    "doctor",
    "bench",
    "completions",
    "man",
    "clean",
];

/// A word that comes twice in a row in one line, also across a sign: `note  note:`.
fn doubled(text: &str) -> Option<String> {
    text.to_lowercase().lines().find_map(|line| {
        let words = line.split(|c: char| c.is_whitespace() || ":;,.()[]'`\"".contains(c));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let two = words.windows(2).find(|two| {
            two[0] == two[1] && two[0].len() > 1 && two[0].chars().all(char::is_alphabetic)
        });
        two.map(|two| two.join(" "))
    })
}

#[test]
fn no_word_comes_twice_in_a_row() {
    let (name, missing, junk, dead, folder) =
        (Name::new(), Name::new(), Name::new(), Name::new(), Name::new());
    let file = recording();
    orphan(&dead);
    let _master = open(&name, Role::Master);
    let _slave = open(&name, Role::Slave);
    fs::write(junk.path(), [1; 100]).expect("a file");
    fs::create_dir(folder.path()).expect("a folder");
    let mut all: Vec<Vec<&str>> = vec![
        vec!["list", "--long"],
        vec!["clean", "--dry-run"],
        vec!["bench", "--for", "0.1"],
        vec!["recv", missing.as_str(), "--as", "slave"],
        vec!["ping", name.as_str(), "--as", "slave", "--size", "5000"],
        vec!["send", name.as_str(), "x", "--as", "master"],
        vec!["send", name.as_str(), "x", "--as", "master", "--replace", "--linger", "0.2"],
        vec!["replay", "/nowhere"],
        vec!["replay", "/etc/hostname"],
        vec!["man", "/proc/x"],
        vec!["top"],
    ];
    for name in [&name, &missing, &junk, &dead, &folder].map(Name::as_str) {
        for command in ["show", "doctor"] {
            all.push(vec![command, name]);
        }
        all.push(vec!["clean", "--dry-run", name]);
        for args in [
            vec!["watch", name, "--for", "0.1"],
            vec!["record", name, "--for", "0.1", "--force", "-o", "/dev/null"],
            vec!["echo", name, "--for", "0.1"],
        ] {
            all.push(args);
        }
    }
    // These replace what is no segment: after the others.
    for name in [&name, &missing, &dead, &folder, &junk].map(Name::as_str) {
        for args in [
            vec!["send", name, "x", "--linger", "0.01"],
            vec!["recv", name, "--for", "0.1"],
            vec!["ping", name, "--wait", "0.1"],
            vec!["replay", &file, name],
        ] {
            all.push(args);
        }
    }
    all.extend(COMMANDS.map(|command| vec![command, "--help"]));
    for args in &all {
        let done = ctl_loud(args);
        let text = done.out + &done.err;
        assert_eq!(doubled(&text), None, "{args:?}: {text}");
        assert!(!text.contains("panicked"), "{args:?}: {text}");
    }
    fs::remove_dir(folder.path()).expect("remove it");
    fs::remove_file(file).expect("remove it");
    assert_eq!(doubled("x\nnote  note: y").as_deref(), Some("note note"));
    assert_eq!(doubled("2.8 ms  3.7 ms"), None);
}

#[test]
fn each_command_has_a_help_with_the_exit_codes_that_fits_a_terminal() {
    let overview = ctl(&["--help"]).out;
    for command in COMMANDS {
        assert!(
            overview.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))),
            "{command}: {overview}"
        );
        let done = ctl(&[command, "--help"]);
        assert!(
            done.code == Some(0) && done.out.contains("Exit codes: 0 fine"),
            "{command}: {done:?}"
        );
        assert!(
            done.out.lines().all(|line| line.chars().count() <= 100),
            "{command}: {}",
            done.out
        );
    }
}
