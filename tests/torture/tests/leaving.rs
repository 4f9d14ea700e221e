//! Killed in the midst of a clean exit. Needs the library's failpoints: `make test` builds it with them.
#![cfg(eshm_failpoints)]

use eshm_processes::{Name, Raw, until};
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
};

/// A peer that is to die at `point`, open.
fn peer(role: &str, name: &Name, point: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torture"));
    command.args(["peer", "ours", role, name.as_str(), "--author=1", "--retry=1", "--threads=0"]);
    command.env("ESHM_FAILPOINTS", format!("{point}=kill")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("start a peer");
    let mut greeting = String::new();
    BufReader::new(child.stdout.as_mut().expect("its output")).read_line(&mut greeting).expect("a greeting");
    assert!(greeting.starts_with("ok"), "{greeting}");
    child
}

/// The segment of a peer that was killed at `point` of its exit.
fn killed_leaving(role: &str, point: &str) -> Raw {
    let name = Name::new();
    let _master = (role == "slave").then(|| eshm_processes::open(&name, eshm::Role::Master));
    let mut leaver = peer(role, &name, point);
    let raw = name.raw();
    assert_eq!(raw.get(&format!("{role}_alive")), 1);
    writeln!(leaver.stdin.as_mut().expect("its input"), "leave").expect("it listens");
    let mut status = None;
    until("the peer is dead", || {
        status = leaver.try_wait().expect("wait for it");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.signal()), Some(libc::SIGKILL), "it came by {point}");
    raw
}

#[test]
fn from_the_first_step_of_giving_its_side_back_a_peer_is_known_to_have_left() {
    for role in ["master", "slave"] {
        // Once its lock's field is empty nobody could prove its death: the flag must be down by then.
        let early = killed_leaving(role, "detach.flag");
        assert_eq!(early.get(&format!("{role}_alive")), 0, "{role}");
        assert_ne!(early.get(&format!("{role}_lock")), 0, "{role}");
        let late = killed_leaving(role, "detach.lock");
        assert_eq!((late.get(&format!("{role}_alive")), late.get(&format!("{role}_lock"))), (0, 0), "{role}");
    }
}
