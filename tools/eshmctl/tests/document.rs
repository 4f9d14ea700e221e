//! docs/TROUBLESHOOTING.md shows what the commands print now: after a change
//! `scripts/troubleshooting.sh` writes it anew.

mod common;

use common::{ctl, start};
use eshm::Role;
use eshm_processes::{Name, open, until};

const DOCUMENT: &str = include_str!("../../../docs/TROUBLESHOOTING.md");

/// What the document shows that a command printed, the first time.
#[track_caller]
fn shown(command: &str) -> &'static str {
    let after = DOCUMENT
        .split_once(&format!("$ eshmctl {command}\n"))
        .unwrap_or_else(|| panic!("no {command}"))
        .1;
    after.split_once("\n```").expect("an end").0
}

/// The words of a heading, whatever the widths of its columns.
fn heading(list: &str) -> Vec<&str> {
    list.lines().next().unwrap_or_default().split_whitespace().collect()
}

/// What was looked at, check by check.
fn subjects(checks: &str) -> Vec<&str> {
    let verdicts = ["ok ", "note ", "WRONG "];
    let checks =
        checks.lines().filter(|line| verdicts.iter().any(|verdict| line.starts_with(verdict)));
    checks.filter_map(|line| Some(line.split_once(' ')?.1.split_once(": ")?.0.trim())).collect()
}

/// The names of a segment's fields, up to the findings.
fn labels(segment: &str) -> Vec<&str> {
    let fields = segment.lines().skip(1).take_while(|line| line.starts_with("  "));
    // What is indented further goes on about the line above.
    fields
        .filter(|line| !line.starts_with("      "))
        .map(|line| line.get(..14).unwrap_or(line).trim())
        .collect()
}

#[test]
fn it_has_the_heading_of_list() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let list = ctl(&["list"]).out;
    assert!(heading(&list).contains(&"MASTER"), "{list}");
    assert_eq!(heading(shown("list")), heading(&list));
}

#[test]
fn it_has_the_checks_of_doctor() {
    let name = Name::new();
    let done = ctl(&["doctor", name.as_str()]);
    assert!(subjects(&done.out).len() > 5, "{}", done.out);
    assert_eq!(subjects(shown("doctor robot-arm")), subjects(&done.out));
}

#[test]
fn it_has_the_fields_of_show() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let slave = start(&["recv", name.as_str(), "--as", "slave"]);
    until("the slave is there", || name.raw().get("slave_alive") == 1);
    master.write(b"a value").expect("written");
    let done = ctl(&["show", name.as_str()]);
    drop(slave);
    assert!(labels(&done.out).contains(&"capacity"), "{}", done.out);
    assert_eq!(labels(shown("show robot_arm")), labels(&done.out));
}
