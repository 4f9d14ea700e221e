//! What a side is told of the others: that it is one too many, and that nobody read what it sent.

mod common;

use common::{ctl, recording, start, start_with_errors, start_with_input_and_errors};
use eshm::Role;
use eshm_processes::{Name, open, read, until};
use std::io::Write;

#[test]
fn a_second_slave_is_told_that_it_is_one() {
    let (name, other) = (Name::new(), Name::new());
    let _master = open(&name, Role::Master);
    let first = start(&["recv", name.as_str(), "--as", "slave"]);
    let attached = || {
        let raw = name.raw();
        raw.get("slave_alive") == 1 && raw.get("slave_pid") == u64::from(first.pid())
    };
    let file = recording();
    for args in [
        &["send", name.as_str(), "x", "--linger", "0.01"][..],
        &["recv", name.as_str(), "--for", "0.1"],
        &["echo", name.as_str(), "--for", "0.1"],
        &["ping", name.as_str(), "--as", "slave", "--wait", "0.1"],
        &["replay", &file, name.as_str(), "--as", "slave"],
    ] {
        until("it is the slave, again", attached);
        let done = ctl(args);
        let said = format!("eshmctl: {}: it has a live slave, process ", name.as_str());
        assert!(
            done.err.matches(&said).count() == 1 && done.err.contains("a second slave"),
            "{args:?}: {done:?}"
        );
        assert!(
            done.err.contains(&format!("`eshmctl watch {}`", name.as_str())),
            "{args:?}: {done:?}"
        );
    }
    std::fs::remove_file(file).expect("remove it");
    let _other = open(&other, Role::Master);
    let alone = ctl(&["recv", other.as_str(), "--for", "0.1"]);
    assert!(alone.code == Some(0) && !alone.err.contains("second"), "{alone:?}");
}

#[test]
fn a_master_that_takes_a_live_ones_place_says_whose() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let done = ctl(&["recv", name.as_str(), "--as", "master", "--replace", "--for", "0.1"]);
    let said = format!(
        "eshmctl: {}: took the place of the live master, process {}",
        name.as_str(),
        std::process::id()
    );
    assert!(done.code == Some(0) && done.err.contains(&said), "{done:?}");
}

#[test]
fn a_value_that_nobody_read_is_told() {
    let name = Name::new();
    let alone = ctl(&["send", name.as_str(), "x", "--linger", "50ms"]);
    assert!(alone.code == Some(5) && alone.out == "1 sent, 0 replies\n", "{alone:?}");
    for words in ["nobody read it", "no slave is there", "eshmctl recv", "--linger"] {
        assert!(alone.err.contains(words), "{words}: {alone:?}");
    }
    let master = open(&name, Role::Master);
    let unread = ctl(&["send", name.as_str(), "x", "--linger", "0.05"]);
    let whose = format!("nobody read it: the master, process {}, has not", std::process::id());
    assert!(unread.code == Some(5) && unread.err.contains(&whose), "{unread:?}");
    assert_eq!(read(&master, 0), Ok("x".to_owned()), "it stands there");
    let many = ctl(&["send", name.as_str(), "x", "--count", "3", "--linger", "0.05"]);
    assert!(many.code == Some(5) && many.err.contains("nobody read the last value"), "{many:?}");
}

#[test]
fn a_value_that_was_read_is_not_called_unread() {
    // Also where its reader ends at once, and the segment with it.
    let name = Name::new();
    let mut recv = start(&["recv", name.as_str(), "--as", "master", "--count", "1"]);
    until("the segment is there", || name.exists() && name.raw().get("master_alive") == 1);
    let send = start_with_errors(&["send", name.as_str(), "x", "--linger", "30"]);
    assert_eq!((recv.line(), recv.end_code()), ("x".to_owned(), Some(0)));
    until("the segment has gone", || !name.exists());
    send.until_it_looks();
    let (code, lines) = send.end();
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(lines.iter().any(|line| line == "1 sent, 0 replies"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("nobody read")), "{lines:?}");
}

#[test]
fn a_value_that_cannot_be_sent_yet_says_what_it_waits_for() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let (mut send, mut input) =
        start_with_input_and_errors(&["send", name.as_str(), "--as", "slave", "--linger", "600"]);
    writeln!(input, "first").expect("typed");
    assert_eq!(read(&master, 20_000), Ok("first".to_owned()));
    drop(master);
    until("the master has gone", || !name.exists());
    let mut said = None;
    until("it waits", || {
        // The first ones may still go where the master was.
        writeln!(input, "second").expect("typed");
        said = said.take().or_else(|| send.try_line());
        said.is_some()
    });
    let said = said.expect("as just seen");
    assert!(
        said.contains(name.as_str())
            && said.contains("the master has gone; waiting for the next one"),
        "{said}"
    );
    let master = open(&name, Role::Master);
    writeln!(input, "last").expect("typed");
    drop(input);
    while read(&master, 20_000).expect("a value in time") != "last" {}
    master.stats().expect("they count the read");
    let (code, rest) = send.end();
    assert!(code == Some(0) && !rest.iter().any(|line| line.contains("nobody read")), "{rest:?}");
}

#[test]
fn a_recording_that_nobody_read_is_told() {
    let (name, file) = (Name::new(), recording());
    let done = ctl(&["replay", &file, name.as_str()]);
    let said = format!("{}: nobody read it: no slave is there", name.as_str());
    assert!(
        done.code == Some(5) && done.out.starts_with("1 played") && done.err.contains(&said),
        "{done:?}"
    );
    let mut recv = start(&["recv", name.as_str(), "--as", "master", "--count", "1"]);
    until("the segment is there", || name.exists() && name.raw().get("master_alive") == 1);
    let done = ctl(&["replay", &file, name.as_str(), "--as", "slave"]);
    assert!(done.code == Some(0) && done.err.is_empty() && recv.line() == "recorded", "{done:?}");
    std::fs::remove_file(file).expect("remove it");
}
