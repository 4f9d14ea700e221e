//! What waits says for what, either end may come first, and a value written before is shown.

mod common;

use common::{
    ctl, ctl_with_input, ctl_with_mounts, json, recording, start, start_with_errors,
    start_with_input_and_errors,
};
use eshm::Role;
use eshm_processes::{Name, open, read, until};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

#[test]
fn what_is_not_there_is_waited_for_aloud_and_once() {
    for (args, end) in [
        (&["watch"][..], "0 caught, 0 missed\n"),
        (&["record", "-o", "-"], "0 recorded, 0 missed\n"),
        (&["record", "-o", "/dev/null"], "0 recorded, 0 missed\n"),
        (&["echo"], "0 answered\n"),
    ] {
        let name = Name::new();
        let done = ctl(&[&args[..1], &[name.as_str(), "--for", "0.5"], &args[1..]].concat());
        let said =
            format!("eshmctl: there is no segment '{}' yet; waiting for it\n", name.as_str());
        assert!(done.code == Some(4) && done.err.matches(&said).count() == 1, "{args:?}: {done:?}");
        let beside = args == ["record", "-o", "-"];
        assert!(
            if beside { done.err.contains(end) && done.out.is_empty() } else { done.out == end },
            "{args:?}: {done:?}"
        );
    }
    let name = Name::new();
    let done = ctl(&["recv", name.as_str(), "--for", "0.3"]);
    let said =
        format!("{}: this is the master; waiting for a slave, none is there yet", name.as_str());
    assert!(done.code == Some(0) && done.err.matches(&said).count() == 1, "{done:?}");
}

#[test]
fn a_long_silence_is_explained() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let mut watch = start_with_errors(&["watch", name.as_str()]);
    let said = watch.line();
    assert!(said.contains("no value since this began") && said.contains("eshmctl show"), "{said}");
    let mut recv = start_with_errors(&["recv", name.as_str()]);
    let said = recv.line();
    let whom = format!(
        "this is the slave; waiting for the master, process {}, to write",
        std::process::id()
    );
    assert!(said.contains(&whom), "{said}");
}

#[test]
fn a_command_that_waits_for_the_other_side_says_so() {
    let (name, file) = (Name::new(), recording());
    for args in
        [&["ping", name.as_str(), "--wait", "60"][..], &["replay", &file, name.as_str(), "--wait"]]
    {
        let mut waiting = start_with_errors(args);
        let said = waiting.line();
        let which = format!("eshmctl: {}: this is the master; waiting for ", name.as_str());
        assert!(said.starts_with(&which) && said.contains(" is there yet"), "{args:?}: {said}");
        let (code, rest) = waiting.end();
        assert!(!rest.iter().any(|line| line.contains("waiting")), "once: {rest:?}");
        assert_eq!(code, Some(if args[0] == "ping" { 5 } else { 0 }), "{args:?}: {rest:?}");
    }
    let mut replay =
        start_with_errors(&["replay", &file, name.as_str(), "--as", "slave", "--wait"]);
    let said = replay.line();
    assert!(
        said.contains(&format!("there is no segment '{}' yet; waiting for it", name.as_str())),
        "{said}"
    );
    let master = open(&name, Role::Master);
    assert_eq!(read(&master, 20_000), Ok("recorded".to_owned()));
    std::fs::remove_file(file).expect("remove it");
}

#[test]
fn a_ping_whose_echo_stops_says_what_it_waits_for() {
    let name = Name::new();
    let echo = start(&["echo", name.as_str(), "--as", "master"]);
    until("the segment is there", || name.exists());
    let mut ping = start_with_errors(&[
        "ping",
        name.as_str(),
        "--as",
        "slave",
        "--every",
        "1000",
        "--wait",
        "60",
    ]);
    until("they are at it", || name.raw().get("m2s.write_count") > 10);
    assert_eq!(echo.end().0, Some(0));
    let said = ping.line();
    assert!(
        said.contains(&format!(
            "eshmctl: {}: no answer; waiting for the echo to be back",
            name.as_str()
        )),
        "{said}"
    );
}

#[test]
fn what_is_read_from_standard_input_is_waited_for_aloud() {
    let name = Name::new();
    for args in
        [&["send", name.as_str()][..], &["send", name.as_str(), "--file", "-"], &["replay", "-"]]
    {
        let (mut waiting, _input) = start_with_input_and_errors(args);
        assert_eq!(waiting.line(), "eshmctl: waiting for standard input", "{args:?}");
        let (code, rest) = waiting.end();
        assert!(
            code.is_some() && !rest.iter().any(|line| line.contains("waiting")),
            "once, and a signal ends it: {rest:?}"
        );
    }
}

#[test]
fn a_value_sent_before_is_received() {
    let name = Name::new();
    let _send = start(&["send", name.as_str(), "hello", "--linger", "600"]);
    until("it is sent", || name.exists() && name.raw().get("m2s.write_count") == 1);
    let done = ctl(&["recv", name.as_str(), "--count", "1", "--for", "20"]);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "hello\n"), "{}", done.err);
}

#[test]
fn an_echo_may_come_before_its_ping() {
    let name = Name::new();
    let mut echo = start_with_errors(&["echo", name.as_str()]);
    assert!(echo.line().contains("waiting for it"));
    let done = ctl(&["ping", name.as_str(), "--count", "10", "--wait", "20", "--json"]);
    assert!(done.code == Some(0) && json(&done)["trips"].as_u64() > Some(0), "{done:?}");
    assert_eq!(echo.end().0, Some(0));
}

#[test]
fn values_are_recorded_on_standard_output_and_played_from_standard_input() {
    let (name, again) = (Name::new(), Name::new());
    let mut recorder = Command::new(common::PROGRAM)
        .args(["record", name.as_str(), "-o", "-", "--count", "1"])
        .env("ESHM_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start it");
    let (mut told, mut errors) =
        (String::new(), BufReader::new(recorder.stderr.take().expect("its errors")));
    errors.read_line(&mut told).expect("that it waits");
    let master = open(&name, Role::Master);
    master.write(b"first").expect("written"); // it is waited for: also the first one is caught
    let done = recorder.wait_with_output().expect("its end");
    assert!(done.stdout.starts_with(b"ESHMCAP\n"), "{done:?}");
    errors.read_to_string(&mut told).expect("the rest");
    assert!(done.status.success() && told.ends_with("1 recorded, 0 missed\n"), "{told}");
    let mut player = Command::new(common::PROGRAM)
        .args(["replay", "-", again.as_str()])
        .env("ESHM_LOG", "off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start it");
    std::io::Write::write_all(&mut player.stdin.take().expect("its input"), &done.stdout)
        .expect("written");
    let done = player.wait_with_output().expect("its end");
    assert!(String::from_utf8_lossy(&done.stdout).starts_with("1 played"), "{done:?}");
}

#[test]
fn other_files_may_be_standard_input_and_output_too() {
    let name = Name::new();
    let done =
        ctl_with_input(&["send", name.as_str(), "--file", "-", "--linger", "0.01"], "two\nlines");
    assert_eq!((done.code, done.out.as_str()), (Some(5), "1 sent, 0 replies\n"), "{}", done.err);
    let _echo = start(&["echo", name.as_str(), "--as", "master"]);
    until("it is there", || name.exists());
    let done = ctl(&["ping", name.as_str(), "--as", "slave", "--count", "10", "--svg", "-"]);
    assert!(
        done.out.starts_with("<svg")
            && done.out.ends_with("</svg>\n")
            && done.err.contains("round trips of"),
        "{done:?}"
    );
    assert!(ctl(&["top", "--every", "50", "--svg", "-"]).out.ends_with("</svg>\n"));
}

#[test]
fn an_age_counts_from_birth_and_says_so_where_it_cannot() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let file = File::open(name.path()).expect("the segment");
    file.set_modified(SystemTime::now() - Duration::from_secs(7200)).expect("set its time");
    let seen = json(&ctl(&["show", name.as_str(), "--json"]));
    match file.metadata().expect("its facts").created() {
        Ok(_) => {
            assert!(seen["age_of"] == "birth" && seen["age_s"].as_u64() < Some(3600), "{seen}")
        }
        Err(error) => eshm_processes::sandbox::skipped(&format!("ages by birth: {error}")),
    }
    let script = "mount -t ramfs none /dev/shm; echo junk > /dev/shm/eshm_junk; touch -d '3 hours \
                  ago' /dev/shm/eshm_junk";
    let Some(done) = ctl_with_mounts(script, &["show", "junk", "--json"]) else { return };
    let seen = json(&done);
    assert!(seen["age_of"] == "change" && seen["age_s"].as_u64() >= Some(10_800), "{seen}");
    let done = ctl_with_mounts(script, &["show", "junk"]).expect("as before");
    assert!(
        done.out.contains("s ago (its file system does not say when it was made)"),
        "{}",
        done.out
    );
}
