//! `send`, `recv`, `echo`, `ping` and `bench`: acting as a side.

mod common;

use common::{ctl, ctl_with_input, json, scratch, start, start_with_errors, start_with_input};
use eshm::{Error, Role};
use eshm_processes::{Name, ms, open, read, until};
use std::{fs, io::Write, time::Instant};

#[test]
fn a_value_is_sent_and_the_reply_printed() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut send =
        start(&["send", name.as_str(), "set speed 3", "--as", "slave", "--linger", "30"]);
    assert_eq!(read(&master, 20_000), Ok("set speed 3".to_owned()));
    master.stats().expect("they count the read");
    master.write(b"speed is 3").expect("written");
    assert_eq!(send.line(), "speed is 3");
    let (code, lines) = send.end();
    assert_eq!((code, lines), (Some(0), vec!["1 sent, 1 reply".to_owned()]));
    until("its side is given back", || name.raw().get("slave_alive") == 0);
}

#[test]
fn lines_of_standard_input_are_sent_at_a_rate() {
    let name = Name::new();
    let mut recv = start(&["recv", name.as_str(), "--as", "master", "--count", "4"]);
    until("the segment is there", || name.exists());
    let (mut send, mut input) = start_with_input(&[
        "send",
        name.as_str(),
        "--as",
        "slave",
        "--rate",
        "20",
        "--linger",
        "2",
    ]);
    let begun = Instant::now();
    for line in ["a", "b", "c", "d"] {
        writeln!(input, "{line}").expect("typed");
        assert_eq!(recv.line(), line); // none is overwritten, however busy the machine
    }
    assert!(begun.elapsed() >= ms(150), "three pauses of 50 ms");
    drop(input);
    assert_eq!((send.line(), send.end_code()), ("4 sent, 0 replies".to_owned(), Some(0)));
}

#[test]
fn while_it_waits_for_a_line_it_prints_replies_and_heeds_a_signal() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let (mut send, mut input) = start_with_input(&["send", name.as_str(), "--as", "slave"]);
    writeln!(input, "ask").expect("typed");
    assert_eq!(read(&master, 20_000), Ok("ask".to_owned()));
    master.stats().expect("they count the read");
    for reply in ["first", "second"] {
        master.write(reply.as_bytes()).expect("written");
        assert_eq!(send.line(), reply, "while standard input is idle");
    }
    let (code, lines) = send.end();
    assert_eq!(
        (code, lines),
        (Some(0), vec!["1 sent, 2 replies".to_owned()]),
        "by the first signal, while it waits"
    );
    until("its side is given back", || name.raw().get("slave_alive") == 0);

    let lone = Name::new();
    let (send, _input) = start_with_input(&["send", lone.as_str(), "--as", "master"]);
    until("its segment is there", || lone.exists());
    send.until_it_looks();
    assert_eq!(send.end().0, Some(0));
    assert!(!lone.exists(), "no orphan");
}

#[test]
fn the_last_line_needs_no_end() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let done =
        ctl_with_input(&["send", name.as_str(), "--as", "slave", "--linger", "0.01"], "a\n\nlast");
    assert_eq!(
        (done.code, done.out.as_str()),
        (Some(5), "3 sent, 0 replies\n"),
        "not read yet: {}",
        done.err
    );
    assert_eq!(read(&master, 0), Ok("last".to_owned()));
}

#[test]
fn bytes_of_a_file_arrive_as_they_are() {
    let name = Name::new();
    let file = scratch(&name, "bytes");
    let bytes: Vec<u8> = (0..3000).map(|i| (i * 7) as u8).collect();
    fs::write(&file, &bytes).expect("write the file");
    let master = open(&name, Role::Master);
    let done = ctl(&[
        "send",
        name.as_str(),
        "--file",
        file.to_str().expect("text"),
        "--as",
        "slave",
        "--linger",
        "0.05",
    ]);
    assert_eq!(done.code, Some(5), "not read yet: {}", done.err);
    let mut buffer = vec![0; 4096];
    let size = master.try_read(&mut buffer).expect("no error").expect("a value");
    assert_eq!(buffer[..size], bytes);
    fs::write(&file, vec![0; 5000]).expect("write the file");
    let done =
        ctl(&["send", name.as_str(), "--file", file.to_str().expect("text"), "--as", "slave"]);
    assert!(
        done.code == Some(1) && done.err.contains("5000 bytes; the segment takes 4096"),
        "{}",
        done.err
    );
    fs::remove_file(&file).expect("remove it");
}

#[test]
fn a_slave_without_a_master_says_what_to_do() {
    let name = Name::new();
    for command in ["send", "recv", "echo", "ping"] {
        let done = ctl(&[command, name.as_str(), "--as", "slave"]);
        assert_eq!(done.code, Some(4), "{command}: {}", done.err);
        assert!(
            done.err.starts_with(&format!("eshmctl: there is no segment '{}';", name.as_str())),
            "{}",
            done.err
        );
        assert_eq!(done.err.matches("start the master first").count(), 1, "{}", done.err);
    }
    assert_eq!(ctl(&["recv", "", "--as", "slave"]).code, Some(2), "no segment can be called so");
}

#[test]
fn a_live_master_keeps_its_place_unless_it_is_asked_for() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let done = ctl(&["send", name.as_str(), "x", "--as", "master"]);
    let whose = format!(
        "eshmctl: {}: it has a live master, process {};",
        name.as_str(),
        std::process::id()
    );
    assert!(
        done.code == Some(1) && done.err.starts_with(&whose) && done.err.contains("--as slave"),
        "{}",
        done.err
    );
    assert_eq!(master.write(b"still here"), Ok(()));
    let done =
        ctl(&["send", name.as_str(), "x", "--as", "master", "--replace", "--linger", "0.01"]);
    assert!(done.code == Some(5) && done.err.contains("nobody read it"), "{}", done.err);
    assert_eq!(master.write(b"gone"), Err(Error::RoleMismatch));
}

#[test]
fn a_master_whose_place_was_taken_says_so_and_ends() {
    let name = Name::new();
    for args in
        [&["recv", name.as_str(), "--as", "master"][..], &["echo", name.as_str(), "--as", "master"]]
    {
        let mut ousted = start_with_errors(args);
        until("it is the master", || {
            name.exists() && name.raw().get("master_pid") == u64::from(ousted.pid())
        });
        ousted.until_it_looks();
        let _master = open(&name, Role::Master);
        let mut said = ousted.line();
        if said.contains("waiting for") {
            said = ousted.line(); // held up for so long that it said what it waits for
        }
        assert!(
            said.contains(name.as_str()) && said.contains("another master has taken"),
            "{said}"
        );
        assert_eq!(ousted.end_code(), Some(1));
    }
    let (mut send, _input) = start_with_input(&["send", name.as_str(), "--as", "master"]);
    until("it is the master", || {
        name.exists() && name.raw().get("master_pid") == u64::from(send.pid())
    });
    let _master = open(&name, Role::Master);
    assert_eq!(send.end_code(), Some(1), "though no line comes");
}

#[test]
fn a_size_beyond_the_capacity_is_told_with_the_segment() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let done = ctl(&["ping", name.as_str(), "--as", "slave", "--size", "5000"]);
    assert!(
        done.code == Some(1) && done.err.contains(name.as_str()) && done.err.contains("4096"),
        "{}",
        done.err
    );
    let lone = Name::new();
    for size in ["99999999999", "18446744073709551615", "7"] {
        let done = ctl(&["ping", lone.as_str(), "--size", size]);
        assert!(
            done.code == Some(1) && done.err.contains("a ping has 8 to 4096 bytes"),
            "{done:?}"
        );
        assert!(!lone.exists(), "no orphan");
    }
}

#[test]
fn round_trips_are_timed_counted_and_drawn() {
    let name = Name::new();
    let picture = scratch(&name, "svg");
    let mut ping = start(&[
        "ping",
        name.as_str(),
        "--count",
        "300",
        "--size",
        "100",
        "--json",
        "--svg",
        picture.to_str().expect("text"),
    ]);
    until("the segment is there", || name.exists());
    let echo = start(&["echo", name.as_str()]);
    let result: serde_json::Value = serde_json::from_str(&ping.line()).expect("JSON");
    assert_eq!(
        (&result["trips"], &result["lost"], &result["size"]),
        (&300.into(), &0.into(), &100.into())
    );
    assert!(
        result["p50_ns"].as_u64() > Some(0)
            && result["p50_ns"].as_u64() <= result["max_ns"].as_u64()
    );
    until("the picture is there", || {
        fs::read_to_string(&picture).is_ok_and(|svg| svg.ends_with("</svg>\n"))
    });
    fs::remove_file(&picture).expect("remove it");
    let (code, lines) = echo.end();
    assert_eq!(code, Some(0));
    let answered: u64 = lines[0].split(' ').next().and_then(|n| n.parse().ok()).expect("a count");
    assert!(answered >= 300, "{lines:?}");
}

#[test]
fn an_echo_that_leaves_ends_a_ping_and_what_was_never_sent_is_not_lost() {
    let name = Name::new();
    let echo = start(&["echo", name.as_str(), "--as", "master"]);
    until("the segment is there", || name.exists());
    let args = [
        "ping",
        name.as_str(),
        "--as",
        "slave",
        "--every",
        "1000",
        "--count",
        "100000",
        "--wait",
        "2",
        "--json",
    ];
    let mut ping = start(&args);
    until("they are at it", || name.raw().get("m2s.write_count") > 100);
    assert_eq!(echo.end().0, Some(0));
    let result: serde_json::Value = serde_json::from_str(&ping.line()).expect("JSON");
    assert!(result["trips"].as_u64() > Some(50) && result["lost"].as_u64() <= Some(2), "{result}");
    assert_eq!(ping.end_code(), Some(5));
}

#[test]
fn a_long_pause_ends_with_a_signal() {
    let name = Name::new();
    let _echo = start(&["echo", name.as_str(), "--as", "master"]);
    until("the segment is there", || name.exists());
    let ping = start(&["ping", name.as_str(), "--as", "slave", "--every", "600000000"]);
    let watch = start(&["watch", name.as_str(), "--every", "10000000", "--from", "master"]);
    watch.until_it_looks();
    let writes = || name.raw().get("s2m.write_count");
    until("the first is sent", || writes() >= 2);
    ping.until_it_looks();
    assert_eq!(ping.end().0, Some(0));
    let begun = std::time::Instant::now();
    assert_eq!(watch.end().0, Some(0));
    assert!(begun.elapsed() < eshm_processes::ms(5_000), "a hang of ten seconds");
}

#[test]
fn nobody_to_ping_is_said() {
    let name = Name::new();
    let done = ctl(&["ping", name.as_str(), "--wait", "0.2"]);
    assert_eq!(done.code, Some(5));
    assert!(done.err.contains("eshmctl echo"), "{}", done.err);
    assert!(!name.exists(), "it cleans up");
}

#[test]
fn bench_measures_the_line_and_three_sizes() {
    let result = json(&ctl(&["bench", "--for", "1", "--json"]));
    assert!(result["line_ns"].as_f64() > Some(0.0));
    let sizes: Vec<u64> = result["trips"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["size"].as_u64())
        .collect();
    assert_eq!(sizes, [32, 256, 4096]);
    assert!(result["trips"][0]["trips"].as_u64() > Some(0));
}

#[test]
fn completions_and_manual_pages_are_written() {
    for shell in ["bash", "zsh", "fish"] {
        let done = ctl(&["completions", shell]);
        assert!(
            done.code == Some(0) && done.out.contains("eshmctl") && done.out.contains("doctor"),
            "{shell}"
        );
    }
    let name = Name::new();
    let folder = scratch(&name, "man");
    assert_eq!(ctl(&["man", folder.to_str().expect("text")]).code, Some(0));
    let page = fs::read_to_string(folder.join("eshmctl-watch.1")).expect("a page for each command");
    assert!(page.contains("passes by") && page.contains("Exit codes: 0 fine"), "{page}");
    fs::remove_dir_all(&folder).expect("remove them");
}
