//! Nothing is leaked, however often.

use eshm_processes::{
    Name, Peer, Raw,
    tasks::{Resources, resources},
    until,
};

/// Waits until a process holds no more than it held before, when the library may just have had one more file open: a leak
/// would be of several. Of mappings
/// only the segments' are counted: the allocator takes some of its own.
#[track_caller]
fn until_as_before(peer: &Peer, before: Resources) {
    let mut now = before;
    let back = eshm_processes::eventually(eshm_processes::wait::HANG, || {
        now = resources(peer.pid());
        now.threads <= before.threads
            && now.files <= before.files
            && now.maps <= before.maps
            && now.all_files <= before.all_files
    });
    assert!(back, "{now:?} instead of {before:?}");
}

#[test]
fn no_descriptor_mapping_or_thread_over_many_reconnects() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=1", "--attempts=0", "--wait=0"]);
    let mut before = None;
    for round in 0..30 {
        if round % 3 == 2 {
            master.kill()
        } else {
            master.leave()
        }
        until("the slave is without its master", || slave.code("stats") == -14);
        let capacity = format!("--capacity={}", if round % 2 == 0 { 4096 } else { 50_000 });
        master = Peer::ours("master", &name, &[&capacity]);
        master.write("again");
        until("the slave has it", || slave.read(100) == Ok("again".into()));
        until("it is attached", || slave.code("stats") == 0);
        if round == 3 {
            before = Some(resources(slave.pid()));
        }
    }
    let before = before.expect("taken");
    assert!(before.files >= 1 && before.maps >= 1, "{before:?}");
    until_as_before(&slave, before);
}

#[test]
fn nothing_over_many_handles_opened_and_closed() {
    let name = Name::new();
    let mut peer = Peer::ours("master", &name, &[]);
    peer.ok("close");
    until("the thread is gone", || resources(peer.pid()).threads == 1);
    let before = resources(peer.pid());
    assert_eq!((before.files, before.maps), (0, 0), "{before:?}");
    for round in 0..60 {
        peer.ok(format_args!("open master {}", name.as_str()));
        if round % 2 == 0 {
            peer.ok(format_args!("also slave {}", name.as_str()));
        }
        peer.ok("close");
    }
    until_as_before(&peer, before);
}

#[test]
fn nothing_over_many_failed_opens() {
    let (name, none, junk, future) = (Name::new(), Name::new(), Name::new(), Name::new());
    let mut peer = Peer::ours("master", &name, &[]);
    std::fs::write(junk.path(), vec![1; 8576]).expect("write junk");
    let _raw = Raw::stamped(&future, 4, 4096);
    let before = resources(peer.pid());
    for _ in 0..40 {
        for other in [&none, &junk, &future] {
            assert!(peer.code(&format!("open slave {}", other.as_str())) < 0);
        }
        assert!(peer.code(&format!("open master {}", future.as_str())) < 0);
    }
    until_as_before(&peer, before);
}

#[test]
fn nothing_over_many_handles_that_gave_up() {
    let name = Name::new();
    let own = Name::new();
    let mut peer = Peer::ours("master", &own, &["--attempts=1", "--retry=1", "--wait=0"]);
    let before = resources(peer.pid());
    for _ in 0..10 {
        let mut master = Peer::ours("master", &name, &[]);
        peer.ok(format_args!("open slave {}", name.as_str()));
        master.leave();
        until("it is without its master", || peer.code("stats") == -14);
        until("it has given up", || peer.lines_with("giv") + peer.lines_with("gave") > 0);
        let now = resources(peer.pid());
        assert!(now.files <= before.files && now.threads <= before.threads, "{now:?}, before {before:?}");
        peer.ok(format_args!("open master {}", own.as_str()));
    }
    until_as_before(&peer, before);
}

#[test]
fn nothing_over_a_name_that_is_removed_again_and_again() {
    let name = Name::new();
    let peer = Peer::ours("master", &name, &[]);
    let before = resources(peer.pid());
    for _ in 0..2 {
        name.remove();
        until("there is a fresh segment", || name.exists());
    }
    until_as_before(&peer, before);
}

#[test]
fn a_process_that_reconnects_in_vain_holds_one_segment_and_no_more() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=0", "--attempts=0", "--wait=0"]);
    let before = resources(slave.pid());
    master.leave();
    until("the slave is without its master", || slave.code("stats") == -14);
    std::fs::write(name.path(), vec![1; 8576]).expect("junk to look at each tick");
    eshm_processes::pause(300);
    until_as_before(&slave, before);
}

#[test]
fn descriptors_are_closed_on_exec() {
    let name = Name::new();
    let peer = Peer::ours("master", &name, &[]);
    let mut seen = 0;
    for entry in std::fs::read_dir(format!("/proc/{}/fd", peer.pid())).expect("its descriptors").flatten() {
        if std::fs::read_link(entry.path()).is_ok_and(|to| to.starts_with("/dev/shm")) {
            let number = entry.file_name().into_string().expect("a number");
            let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/{number}", peer.pid())).expect("its flags");
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("its flags").trim();
            let flags = i32::from_str_radix(flags, 8).expect("octal");
            assert_ne!(flags & libc::O_CLOEXEC, 0, "descriptor {number}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}
