//! `list`, `show` and `doctor`: what they say of whole and broken segments, and that looking
//! changes nothing.

mod common;

use common::{ctl, ctl_bound_by_modes, json, orphan, start, terminal::Terminal};
use eshm::Role;
use eshm_processes::{Name, Raw, open, until};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

fn listed(name: &Name) -> Value {
    let done = ctl(&["list", "--json"]);
    let all = json(&done);
    all["segments"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|s| s["name"] == name.as_str())
        .cloned()
        .unwrap_or_default()
}

/// Beats for a master until it is dropped.
struct Heart {
    beating: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    fn of_master(raw: Raw) -> Heart {
        let beating = Arc::new(AtomicBool::new(true));
        let still = beating.clone();
        let thread = thread::spawn(move || {
            while still.load(Ordering::Relaxed) {
                raw.add("master_heartbeat", 1);
                thread::sleep(eshm_processes::ms(1));
            }
        });
        Heart { beating, thread: Some(thread) }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.beating.store(false, Ordering::Relaxed); // a flag alone
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[test]
fn a_live_pair_is_listed_with_its_sides_and_rates() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let slave = start(&["recv", name.as_str(), "--as", "slave", "--capacity", "9"]);
    until("the slave is there", || name.raw().get("slave_alive") == 1);
    until("the list shows all of it", || {
        for i in 0..50 {
            master.write(format!("value {i}").as_bytes()).expect("written");
        }
        let seen = listed(&name);
        seen["kind"] == "segment"
            && seen["orphan"] == false
            && seen["capacity"] == 4096
            && seen["protocol"] == 3
            && seen["master"]["life"] == "alive"
            && seen["master"]["pid"] == std::process::id()
            && seen["slave"]["life"] == "alive"
            && seen["slave"]["pid"] == slave.pid()
            && seen["slave"]["library"] == "ours"
            && seen["slave"]["command"].as_str().is_some_and(|command| command.contains("recv"))
            && seen["slave"]["beats_per_second"].as_f64().is_some_and(|beats| beats > 1.0)
    });
    let shown = ctl(&["show", &format!("eshm_{}", name.as_str())]);
    assert!(
        shown.out.contains("value 49") && shown.out.contains("4096 bytes a message"),
        "{}",
        shown.out
    );
}

#[test]
fn an_orphan_is_told_by_the_exit_code_and_named() {
    let name = Name::new();
    orphan(&name);
    let done = ctl(&["list"]);
    assert_eq!(done.code, Some(3), "{}", done.out);
    let line = done.out.lines().find(|line| line.starts_with(name.as_str())).expect("its line");
    assert!(line.ends_with("orphan") && line.contains("dead"), "{line}");
    let shown = ctl(&["show", name.as_str()]).out;
    assert!(
        shown.contains("alive flag set: never left") && !shown.contains("attached;"),
        "{shown}"
    );
    let shown = ctl(&["show", name.as_str(), "--json"]);
    assert_eq!(shown.code, Some(3));
    let shown = json(&shown);
    assert_eq!((&shown["orphan"], &shown["master"]["life"]), (&true.into(), &"dead".into()));
    assert!(
        shown["findings"][0]["advice"]
            .as_str()
            .is_some_and(|advice| advice.contains("eshmctl clean"))
    );
}

#[test]
fn what_is_no_segment_is_said_in_plain_words() {
    let whole = Name::new();
    let _master = open(&whole, Role::Master);
    let bytes = fs::read(whole.path()).expect("the segment's bytes");
    let changed = |at: usize, value: u32| {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        bytes
    };
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("half_made", Vec::new(), "half made"),
        ("half_made", changed(0, 0), "half made"),
        ("invalid", changed(0, 0x1234), "its magic is 0x00001234"),
        ("invalid", bytes[..100].to_vec(), "only 100 bytes"),
        ("invalid", bytes[..8575].to_vec(), "8575 bytes"),
        ("too_new", changed(4, 4), "protocol is 4"),
    ];
    for (kind, bytes, words) in cases {
        let name = Name::new();
        fs::write(name.path(), bytes).expect("write the file");
        let shown = ctl(&["show", name.as_str(), "--json"]);
        assert_eq!(shown.code, Some(3), "{kind} {words}: {}", shown.out);
        let shown = json(&shown);
        assert_eq!(shown["kind"], kind);
        assert!(
            shown["findings"][0]["what"].as_str().is_some_and(|what| what.contains(words)),
            "{shown}"
        );
        assert_eq!(shown["orphan"], false, "only a segment can be an orphan");
    }
}

#[test]
fn a_foreign_capacity_an_old_protocol_and_released_sides_are_seen() {
    let (small, old) = (Name::new(), Name::new());
    let _master =
        eshm_processes::builder(&small, Role::Master).capacity(100).open().expect("a master");
    let seen = listed(&small);
    assert_eq!(
        (&seen["capacity"], &seen["size"], &seen["master"]["library"]),
        (&100.into(), &512.into(), &"ours".into())
    );
    let done = ctl(&["doctor", small.as_str()]);
    assert!(done.out.contains("capacity: 100 bytes; this library creates 4096"), "{}", done.out);

    let raw = Raw::stamped(&old, 2, 4096);
    raw.occupy("master", std::process::id());
    let heart = Heart::of_master(raw);
    // It has the segment mapped: it can stand for the master too.
    let mut process = start(&["recv", old.as_str(), "--as", "slave", "--for", "600"]);
    until("it is there", || old.raw().get("slave_alive") == 1);
    old.raw().set("master_pid", process.pid().into());
    let seen = listed(&old);
    assert_eq!(
        (&seen["protocol"], &seen["features"], &seen["layout_size"]),
        (&2.into(), &0.into(), &0.into())
    );
    assert_eq!(
        (&seen["master"]["library"], &seen["master"]["life"]),
        (&"released".into(), &"alive".into())
    );
    let table = ctl(&["list", "--long"]).out;
    let line = table.lines().find(|line| line.starts_with(old.as_str())).expect("its line");
    assert!(
        line.contains(&format!("{}* eshmctl", process.pid())) && line.contains(" 8576 "),
        "{line}"
    );
    let long = table
        .lines()
        .find(|line| line.starts_with(&format!("    master {} ", process.pid())))
        .expect("its command");
    assert!(
        long.ends_with(&format!("eshmctl recv {} --as slave --for 600", old.as_str())),
        "{long}"
    );
    let done = ctl(&["doctor", old.as_str()]);
    assert!(done.out.contains("protocol: 2; a released library is its master"), "{}", done.out);
    assert!(done.out.contains("readers poll every 100 us"), "{}", done.out);
    drop(heart);
    until("it is found silent", || listed(&old)["master"]["life"] == "silent");
    let done = ctl(&["doctor", old.as_str()]);
    assert!(
        done.code == Some(3) && done.out.contains("WRONG master: the master (process"),
        "{}",
        done.out
    );
    process.kill();
    assert_eq!(listed(&old)["master"]["life"], "dead");
    old.remove();
}

#[test]
fn an_unfinished_message_and_a_foreign_size_are_found() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    master.write(b"whole").expect("written");
    let raw = name.raw();
    raw.set("m2s.data_size", 70_000);
    let done = ctl(&["show", name.as_str()]);
    assert!(done.out.contains("70000 bytes; the capacity is 4096"), "{}", done.out);
    raw.set("m2s.data_size", 5);
    raw.set("m2s.sequence", 3);
    let done = ctl(&["show", name.as_str()]);
    assert!(done.out.contains("the master never finished its last message"), "{}", done.out);
    raw.set("m2s.sequence", 2);
}

#[test]
fn looking_changes_nothing() {
    let name = Name::new();
    orphan(&name);
    let before = fs::read(name.path()).expect("its bytes");
    for args in [
        vec!["list"],
        vec!["show", name.as_str()],
        vec!["doctor", name.as_str()],
        vec!["watch", name.as_str(), "--for", "0.2"],
        vec!["clean", "--dry-run", name.as_str()],
    ] {
        ctl(&args);
        assert!(fs::read(name.path()).expect("still there") == before, "{args:?} changed it");
    }
}

#[test]
fn a_name_that_is_not_there_has_its_own_code_and_the_doctor_finds_the_near_one() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let wrong = name.as_str().replace("pt_", "PT-");
    let done = ctl(&["show", &wrong]);
    assert_eq!(done.code, Some(4), "{}", done.err);
    assert!(done.err.contains(&wrong) && done.err.contains("eshmctl list"), "{}", done.err);
    let done = ctl(&["doctor", &wrong]);
    assert_eq!(done.code, Some(3));
    assert!(done.out.contains(&format!("there is '{}'", name.as_str())), "{}", done.out);
    let done = ctl(&["doctor", name.as_str(), "--json"]);
    let checks = json(&done)["checks"].as_array().expect("checks").clone();
    let of = |subject: &str| {
        checks.iter().find(|check| check["subject"] == subject).cloned().unwrap_or_default()
    };
    assert_eq!(of("master")["verdict"], "fine");
    assert_eq!(of("permission")["verdict"], "fine");
    assert_eq!(of("/dev/shm")["seen"].as_str().map(|s| s.is_empty()), Some(false));
}

#[test]
fn output_is_plain_unless_colours_are_asked_for() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    assert!(!ctl(&["list"]).out.contains('\x1b'));
    assert!(ctl(&["list", "--color", "always"]).out.contains("\x1b[32m"));
}

#[test]
fn what_may_not_be_read_is_reported_with_its_file() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    fs::set_permissions(name.path(), fs::Permissions::from_mode(0o000))
        .expect("take all permissions");
    let done = ctl_bound_by_modes(&["show", name.as_str()]);
    assert!(
        done.code == Some(3) && done.out.contains("Permission denied") && done.out.contains("0666"),
        "{done:?}"
    );
    let uid = fs::metadata(name.path()).expect("the file").uid();
    let list = json(&ctl_bound_by_modes(&["list", "--json"]));
    let listed = list["segments"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|s| s["name"] == name.as_str())
        .cloned();
    for seen in [
        json(&ctl_bound_by_modes(&["show", name.as_str(), "--json"])),
        listed.expect("it is listed"),
    ] {
        assert_eq!((&seen["kind"], &seen["size"]), (&"unreadable".into(), &8576.into()));
        assert_eq!(
            (&seen["mode"], &seen["uid"], &seen["orphan"]),
            (&"0000".into(), &uid.into(), &false.into())
        );
    }
    for args in
        [["recv", name.as_str(), "--as", "slave"], ["recv", name.as_str(), "--as", "master"]]
    {
        let done = ctl_bound_by_modes(&args);
        assert!(done.code == Some(1) && done.err.contains("Permission denied"), "{done:?}");
        assert!(
            done.err
                .contains("mode 0000 (Permission denied); have its creator set the mode to 0666")
                && !done.err.contains("start the master"),
            "{}",
            done.err
        );
    }
    let done = ctl_bound_by_modes(&["doctor", name.as_str()]);
    assert!(
        done.code == Some(3)
            && done.out.contains("permission: this user may not read and write it"),
        "{}",
        done.out
    );
}

#[test]
fn what_is_no_regular_file_is_called_by_its_kind() {
    let (link, folder, pipe) = (Name::new(), Name::new(), Name::new());
    symlink("/dev/null", link.path()).expect("make a link");
    fs::create_dir(folder.path()).expect("make a folder");
    let made = std::process::Command::new("mkfifo").arg(pipe.path()).status().expect("run mkfifo");
    assert!(made.success());
    for (name, what) in [(&link, "a symbolic link"), (&folder, "a folder"), (&pipe, "a named pipe")]
    {
        let done = ctl(&["show", name.as_str()]);
        assert!(
            done.code == Some(3)
                && done.out.contains(&format!("{} is {what}, no segment", name.path().display())),
            "{done:?}"
        );
        let seen = json(&ctl(&["show", name.as_str(), "--json"]));
        assert!(
            seen["kind"] == "unreadable"
                && seen["mode"].as_str().is_some_and(|mode| mode.len() == 4),
            "{seen}"
        );
        let done = ctl(&["recv", name.as_str(), "--as", "slave"]);
        assert!(done.code == Some(1) && done.err.contains("remove it by hand"), "{done:?}");
    }
}

#[test]
fn a_name_is_shown_with_what_is_not_printable_escaped() {
    let name = Name::from(format!("pt_\x1b[31m_{}", std::process::id()));
    let _master = open(&name, Role::Master);
    for command in ["show", "doctor"] {
        let done = ctl(&[command, name.as_str()]);
        assert!(
            done.out.contains("/dev/shm/eshm_pt_\\u{1b}[31m_") && !done.out.contains('\x1b'),
            "{}",
            done.out
        );
    }
}

#[test]
fn a_stranger_with_the_peers_number_is_not_taken_for_it() {
    let name = Name::from(format!("0number_{}", std::process::id())); // sorts first in `top`
    let raw = Raw::stamped(&name, 3, 4096);
    // As if a peer in another pid namespace had this number: here it is another process's, which
    // has nothing to do with it.
    let stranger = start(&["watch", Name::new().as_str(), "--for", "600"]);
    stranger.until_it_looks();
    raw.occupy("master", stranger.pid());
    let heart = Heart::of_master(raw);
    let seen = listed(&name);
    assert_eq!(
        (&seen["master"]["life"], &seen["master"]["command"]),
        (&"alive".into(), &Value::Null)
    );
    let shown = ctl(&["show", name.as_str()]);
    assert!(
        shown.out.contains("runs in another container") && !shown.out.contains("watch"),
        "{}",
        shown.out
    );
    let mut top = Terminal::start(&["top", "--every", "100"], &[]);
    top.shows("the master, its heartbeats, and no processor time", |screen| {
        let line =
            screen.lines().find(|line| line.starts_with(&name.as_str()[..8])).unwrap_or_default();
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&stranger.pid().to_string().as_str())
            && matches!(fields[..], [.., beats, "-/-"] if beats.contains('~'))
    });
    top.press("q");
    assert_eq!(top.code(), Some(0));
    drop(heart);
}

#[test]
fn of_a_side_that_has_left_no_library_is_said() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    drop(open(&name, Role::Slave));
    let seen = json(&ctl(&["show", name.as_str(), "--json"]));
    assert_eq!(
        (&seen["slave"]["life"], &seen["slave"]["library"]),
        (&"absent".into(), &serde_json::Value::Null),
        "{seen}"
    );
    assert!(!ctl(&["show", name.as_str()]).out.contains("released"));
}
