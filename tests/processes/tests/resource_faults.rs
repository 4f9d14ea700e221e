//! What the system may refuse: each refusal is one clear line and NULL, leaves nothing behind, and is over with its cause.

use eshm_processes::{
    Name, Peer,
    sandbox::{assert_nothing_left, is_root, refused, works},
    tasks::resources,
};

#[test]
fn no_descriptors_left_is_a_refusal_wherever_they_run_out() {
    let there = Name::new();
    let _master = Peer::ours("master", &there, &[]);
    for (name, role) in [(&Name::new(), "master"), (&there, "slave"), (&there, "auto")] {
        let mut peer = Peer::faults(name);
        let (mut nulls, mut limit) = (0, 3);
        loop {
            peer.ok(format_args!("limit nofile {limit}"));
            let (before, lines) = (resources(peer.pid()), peer.log().lines().count());
            if peer.ask(format_args!("init {role}")) == "ok" {
                break;
            }
            let log = peer.log();
            assert!(log.lines().skip(lines).any(|line| line.contains("Too many open files")), "{log}");
            assert_nothing_left(&peer, before);
            assert_eq!(name.exists(), role != "master");
            (nulls, limit) = (nulls + 1, limit + 1);
        }
        assert!(nulls >= 1 && limit < 12, "{role}: {nulls} refusals, success with {limit}");
        assert_eq!(peer.ask("end"), "code 0");
        peer.ok("limit nofile max");
        works(&mut peer, role);
    }
}

/// A segment never has the number of a standard stream, so it needs a second one where such a number is the first.
#[test]
fn no_descriptor_but_a_standard_streams_is_a_refusal_that_leaves_no_file() {
    let name = Name::new();
    let mut peer = Peer::faults(&name);
    peer.ok("limit nofile 4"); // the three, and room to keep one meanwhile
    let before = resources(peer.pid());
    assert_eq!(peer.ask("init-without-input master"), "null", "{}", peer.log());
    assert!(peer.log().contains("Too many open files"), "{}", peer.log());
    assert_nothing_left(&peer, before);
    let own = format!(".eshm.{}.", peer.pid());
    let files = std::fs::read_dir("/dev/shm").expect("a folder").flatten();
    let left: Vec<_> = files.map(|file| file.file_name()).filter(|file| file.to_string_lossy().starts_with(&own)).collect();
    assert!(left.is_empty() && !name.exists(), "{left:?}");
    peer.ok("limit nofile max");
    assert_eq!(peer.ask("init-without-input master"), "ok");
}

#[test]
fn no_memory_for_the_mapping_is_a_refusal() {
    let there = Name::new();
    let _master = Peer::ours("master", &there, &["--capacity=8000000"]);
    let own = Name::new();
    for (name, role, room) in [(&own, "master", 4096), (&there, "slave", 4_000_000), (&there, "auto", 4_000_000)] {
        let mut peer = Peer::faults(name);
        peer.ok(format_args!("limit as {room}"));
        refused(&mut peer, role, "no memory or addresses are left: raise ulimit -v");
        peer.ok("limit as max");
        works(&mut peer, role);
    }
    assert!(!own.exists());
}

#[test]
fn no_memory_for_the_service_thread_is_a_refusal() {
    let there = Name::new();
    let _master = Peer::ours("master", &there, &[]);
    for (name, role) in [(&Name::new(), "master"), (&there, "slave"), (&there, "auto")] {
        let mut peer = Peer::faults(name);
        peer.ok("limit as 100000"); // less than the thread's stack, more than the segment
        refused(&mut peer, role, "cannot start the service thread");
        assert_eq!(name.exists(), role != "master");
        peer.ok("limit as max");
        works(&mut peer, role);
    }
}

#[test]
fn no_process_left_for_the_service_thread_is_a_refusal() {
    let name = Name::new();
    let mut peer = Peer::faults(&name);
    if is_root() {
        peer.ok("user 65534"); // root has no such limit
    }
    peer.ok("limit nproc 0");
    refused(&mut peer, "master", "cannot start the service thread");
    assert_eq!((peer.lines_with("raise ulimit -u"), peer.lines_with("ulimit -l")), (1, 0), "{}", peer.log());
    assert!(!name.exists());
    peer.ok("limit nproc max");
    works(&mut peer, "master");
}

#[test]
fn a_limit_on_file_sizes_is_a_refusal_and_no_signal() {
    let name = Name::new();
    let mut peer = Peer::faults(&name);
    for (limit, how) in [(4096, ""), (4096, " fatal"), (8575, " fatal")] {
        peer.ok(format_args!("limit fsize {limit}{how}"));
        refused(&mut peer, "master", "File too large");
        refused(&mut peer, "auto", "raise ulimit -f");
        assert!(!name.exists());
    }
    peer.ok("limit fsize 8576 fatal");
    works(&mut peer, "master");
}

#[test]
fn a_standard_error_that_has_reached_the_limit_on_file_sizes_takes_no_more_lines_and_ends_nobody() {
    let name = Name::new();
    let mut peer = Peer::faults(&name);
    peer.ok("limit fsize 20 fatal");
    for _ in 0..3 {
        assert_eq!(peer.ask("init slave"), "null"); // the first line is cut, the others have no place at all
    }
    assert_eq!(peer.log(), "[ESHM] error: cannot");
    peer.ok("limit fsize max");
    assert_eq!(peer.ask("init slave"), "null");
    assert_eq!(peer.lines_with("there is no such segment"), 1, "the signal was taken back, not left pending");
}

/// What comes of an opening during which a system call fails.
enum Outcome {
    Refused(&'static str),
    Works,
}
use Outcome::{Refused, Works};

#[test]
fn a_failing_system_call_is_a_refusal_or_is_done_without() {
    let there = Name::new();
    let _master = Peer::ours("master", &there, &[]);
    let cases = [
        ("openat", libc::ENFILE, "master", Refused("Too many open files in system")),
        ("openat", libc::ENFILE, "slave", Refused("Too many open files in system")),
        ("openat", libc::EACCES, "auto", Refused("Permission denied")),
        ("fallocate", libc::ENOSPC, "master", Refused("No space left")),
        ("fallocate", libc::ENOSPC, "slave", Refused("No space left")),
        ("pread64", libc::EIO, "slave", Refused("Input/output error")),
        ("mmap", libc::ENOMEM, "master", Refused("Cannot allocate memory")),
        ("mmap", libc::EAGAIN, "master", Refused("raise ulimit -l")),
        ("openat", libc::ENAMETOOLONG, "slave", Refused("choose a shorter one")),
        ("openat", libc::ENOTDIR, "slave", Refused("/dev/shm is no folder")),
        ("ftruncate", libc::EDQUOT, "master", Refused("this user's share of /dev/shm is used up")),
        ("clone3", libc::EPERM, "master", Refused("cannot start the service thread: Operation not permitted")),
        ("mmap", libc::EPERM, "slave", Refused("Operation not permitted")),
        ("clone3", libc::EAGAIN, "master", Refused("cannot start the service thread")),
        ("clone3", libc::ENOMEM, "slave", Refused("cannot start the service thread")),
        ("linkat", libc::EPERM, "master", Works),  // by a temporary name instead
        ("linkat", libc::ENOENT, "master", Works), // as without a /proc
        ("fcntl", libc::ENOLCK, "slave", Works),   // without the lock: judged by its heartbeat
        ("fcntl", libc::ENOLCK, "auto", Refused("No locks available")), // a decision needs one
        ("membarrier", libc::ENOSYS, "master", Works),
        ("membarrier", libc::ENOSYS, "slave", Works),
    ];
    for (call, error, role, outcome) in cases {
        let own = Name::new();
        let name = if role == "master" { &own } else { &there };
        let mut peer = Peer::faults(name);
        peer.ok(format_args!("failing {call} {error}"));
        match outcome {
            Refused(why) => refused(&mut peer, role, why),
            Works => works(&mut peer, role),
        }
        assert_no_file_of(&own);
        peer.ok("failing none");
        works(&mut peer, role);
        assert_no_file_of(&own);
    }
}

#[track_caller]
fn assert_no_file_of(name: &Name) {
    assert!(!name.exists(), "{} is left", name.path().display());
}
