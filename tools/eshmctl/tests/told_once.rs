//! What has a segment's name and is none, told by each command: what it is, whose name it has, and
//! one cure, once.

mod common;

use common::{Done, ctl_bound_by_modes, recording};
use eshm_processes::Name;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// What stands under a name.
struct Obstacle {
    what: &'static str,
    make: fn(&Path),
    /// Words of its cure; one of them is said, and none twice.
    cures: &'static [&'static str],
}

const OBSTACLES: [Obstacle; 7] = [
    Obstacle {
        what: "a folder",
        make: |path| fs::create_dir(path).expect("a folder"),
        cures: &["remove it"],
    },
    Obstacle { what: "a named pipe", make: named_pipe, cures: &["remove it"] },
    Obstacle { what: "a symbolic link", make: link, cures: &["remove it"] },
    Obstacle {
        what: "an empty file",
        make: |path| drop(fs::File::create(path).expect("a file")),
        cures: &STARTED,
    },
    Obstacle {
        what: "junk",
        make: |path| fs::write(path, [b'x'; 9000]).expect("a file"),
        cures: &STARTED,
    },
    Obstacle { what: "no permission", make: forbidden, cures: &["0666"] },
    Obstacle {
        what: "nothing",
        make: |_| {},
        cures: &["start the master", "eshmctl list", "waiting for"],
    },
];
/// Of what a master replaces, or fills in.
const STARTED: [&str; 4] =
    ["start a master", "start the master", "a master that starts", "waiting"];
/// No cure is said a second time, be it in other words.
const ONCE: [&str; 6] = ["remove", "umask", "as one user", "0666", "start the master", "replaces"];

fn named_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("run mkfifo").success());
}

fn link(path: &Path) {
    std::os::unix::fs::symlink("/nowhere", path).expect("a link");
}

fn forbidden(path: &Path) {
    fs::write(path, [0; 9000]).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("its mode");
}

fn remove(path: &Path) {
    match path.is_dir() {
        true => fs::remove_dir(path).expect("remove the folder"),
        false => drop(fs::remove_file(path)),
    }
}

/// Each command that takes a side, as it comes.
fn sides<'a>(name: &'a str, file: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["send", name, "x", "--linger", "0.01"],
        vec!["recv", name, "--for", "0.1"],
        vec!["recv", name, "--for", "0.1", "--as", "master"],
        vec!["ping", name, "--wait", "0.1"],
        vec!["replay", file, name],
    ]
}

/// Each command that has a name, as the side that finds what is there.
fn commands<'a>(name: &'a str, file: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["show", name],
        vec!["doctor", name],
        vec!["clean", "--yes", name],
        vec!["watch", name, "--for", "0.1"],
        vec!["record", name, "-o", "-", "--for", "0.1"],
        vec!["echo", name, "--for", "0.1"],
        vec!["recv", name, "--for", "0.1", "--as", "slave"],
        vec!["send", name, "x", "--linger", "0.01", "--as", "slave"],
        vec!["echo", name, "--for", "0.1", "--as", "slave"],
        vec!["ping", name, "--wait", "0.1", "--as", "slave"],
        vec!["replay", file, name, "--as", "slave"],
    ]
}

/// What a run said of the segment, on both streams; of `doctor` without what it says of the
/// machine.
fn said(args: &[&str], done: &Done) -> String {
    let out = match args[0] {
        "doctor" => {
            let before = done.out.find(" the name: ").expect("the first check of a segment");
            &done.out[done.out[..before].rfind('\n').expect("the machine's checks")..]
        }
        _ => &done.out,
    };
    format!("{out}{}", done.err)
}

#[test]
fn each_obstacle_has_a_subject_and_its_cure_once_in_each_command() {
    let file = recording();
    let mut wrong = Vec::new();
    for Obstacle { what, make, cures } in &OBSTACLES {
        let name = Name::new();
        let master_replaces = !cures.iter().any(|cure| ["remove it", "0666"].contains(cure));
        let sides = if master_replaces { Vec::new() } else { sides(name.as_str(), &file) };
        for args in commands(name.as_str(), &file).into_iter().chain(sides) {
            make(name.path());
            let done = ctl_bound_by_modes(&args);
            let said = said(&args, &done);
            let mut check = |held: bool, rule: &str| {
                if !held {
                    wrong.push(format!("{what}, {args:?}: {rule}:\n{said}"));
                }
            };
            check(
                done.err.lines().all(|line| line.contains(name.as_str()) || line.starts_with("0 ")),
                "a subject",
            );
            check(said.contains(name.as_str()), "the name");
            check(ONCE.iter().all(|cure| said.matches(cure).count() <= 1), "once");
            check(args[0] == "clean" || cures.iter().any(|cure| said.contains(cure)), "a cure");
            check(
                !said.contains("panicked") && !said.contains("; ;") && !said.contains("  ;"),
                "whole sentences",
            );
            if args[0] == "doctor" {
                check(said.matches("WRONG ").count() == 1, "one thing is wrong");
            }
            if what.starts_with("a ") && args[0] != "clean" {
                check(said.contains(what), "its kind");
            }
            remove(name.path());
        }
    }
    fs::remove_file(file).expect("remove it");
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}
