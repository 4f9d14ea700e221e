//! Peers in surroundings of their own, another `/dev/shm` or pid namespace, or under limits, and what they do there.

use crate::{
    Name, Peer, eventually,
    peer::program,
    tasks::{Resources, innermost, is_stopped, resources},
    until,
    wait::HANG,
};
use std::{ffi::OsStr, process::Command};

impl Peer {
    /// A peer on our library in a pid namespace of its own; `None` where that is not permitted.
    #[track_caller]
    pub fn in_another_namespace(role: &str, name: &Name, options: &[&str]) -> Option<Peer> {
        Peer::under_unshare(&["--pid", "--fork", "--kill-child=SIGKILL"], role, name, options)
    }

    /// The same, with a `/proc` that shows that namespace alone.
    #[track_caller]
    pub fn in_another_namespace_with_its_proc(role: &str, name: &Name, options: &[&str]) -> Option<Peer> {
        Peer::under_unshare(&["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"], role, name, options)
    }

    /// A peer of a kind in a pid namespace of its own with a number of some sort, and a plan of
    /// failpoints; whatever comes of it. Unlike the first process there it is stopped and killed by its
    /// own signals too. Only where [`has_pid_namespaces`].
    #[track_caller]
    pub fn elsewhere(kind: &str, role: &str, name: &Name, options: &[&str], number: Number, plan: &str) -> Peer {
        let stays = if number == Number::Free { "-e" } else { "! -e" };
        // The shell's `/proc` is ours, and each program it starts uses up a number there. The shell
        // stays, as the first process.
        let script = format!(
            "n=2; while [ {stays} /proc/$n ] && [ $n -lt 300 ]; do /bin/true; n=$((n + 1)); done; \"$0\" \"$@\"; exit $?"
        );
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child=SIGKILL", "sh", "-c", &script]).arg(program());
        command.env("ESHM_FAILPOINTS", plan);
        Peer::spawn(command, kind, role, name, options, "warn")
    }

    fn under_unshare(flags: &[&str], role: &str, name: &Name, options: &[&str]) -> Option<Peer> {
        let mut command = Command::new("unshare");
        command.args(flags).arg(program());
        Peer::in_sandbox(command, "ours", role, name, options)
    }

    /// A peer that has faults brought upon it (`peer faults`).
    #[track_caller]
    pub fn faults(name: &Name) -> Peer {
        Peer::in_sandbox(Command::new(program()), "faults", "-", name, &[]).expect("start the peer program")
    }

    /// The same, after `script`, a shell's, has arranged mounts that it alone sees. `None` where that is not permitted.
    #[track_caller]
    pub fn faults_with_mounts(name: &Name, script: &str) -> Option<Peer> {
        let mut command = Command::new("unshare");
        let script = format!("{{ {script}; }} && exec \"$0\" \"$@\"");
        command.args(["--mount", "--propagation=private", "sh", "-c"]).arg(OsStr::new(&script)).arg(program());
        Peer::in_sandbox(command, "faults", "-", name, &[])
    }

    /// A peer on our library that follows a plan of failpoints from its start, in a build that has them. It may be held up before
    /// it greets, so its greeting is not waited for.
    pub fn with_failpoints(plan: &str, role: &str, name: &Name, options: &[&str]) -> Peer {
        let mut command = Command::new(program());
        command.env("ESHM_FAILPOINTS", plan);
        Peer::spawn(command, "ours", role, name, options, "warn")
    }

    fn in_sandbox(command: Command, kind: &str, role: &str, name: &Name, options: &[&str]) -> Option<Peer> {
        let mut peer = Peer::spawn(command, kind, role, name, options, "warn");
        peer.greeting = peer.answer_within(HANG).unwrap_or_default();
        peer.greeting.starts_with("ok").then_some(())?;
        peer.find_process();
        Some(peer)
    }

    /// Finds its own number, where another program that started it is our child.
    pub fn find_process(&mut self) {
        self.inner = None;
        self.inner = Some(innermost(self.pid()));
    }

    /// Waits until it has stopped by itself.
    #[track_caller]
    pub fn until_stopped(&mut self) {
        until("the peer has stopped", || {
            self.find_process();
            is_stopped(self.pid())
        });
    }
}

/// The number of a process in a pid namespace of its own, as seen from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// No process has it here.
    Free,
    /// Another process has it here.
    Taken,
}

/// Where a process of a test may live: here, or in another pid namespace with a number of some sort.
pub fn places() -> Vec<Option<Number>> {
    let all = [None, Some(Number::Free), Some(Number::Taken)];
    if has_pid_namespaces() { all.to_vec() } else { vec![None] }
}

/// A peer that has greeted, at a place.
#[track_caller]
pub fn peer_at(place: Option<Number>, kind: &str, role: &str, name: &Name, options: &[&str]) -> Peer {
    let mut peer = match place {
        None => Peer::start(kind, role, name, options, "warn"),
        Some(number) => Peer::elsewhere(kind, role, name, options, number, "").greeted(),
    };
    assert!(peer.greeting.starts_with("ok"), "{}\n{}", peer.greeting, peer.log());
    peer.find_process();
    peer
}

/// Whether a process may have a pid namespace of its own here; else says so aloud.
#[track_caller]
pub fn has_pid_namespaces() -> bool {
    let tried = Command::new("unshare").args(["--pid", "--fork", "true"]).output();
    let permitted = tried.is_ok_and(|output| output.status.success());
    if !permitted {
        skipped("no pid namespaces here");
    }
    permitted
}

/// Says aloud that something cannot be tried here. A machine that tests for all (`CI` is set) may not lack it.
#[track_caller]
pub fn skipped(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}, and CI is to try it");
    eprintln!("SKIPPED: {reason}");
}

/// Whoever these tests run as may become somebody else.
pub fn is_root() -> bool {
    // SAFETY: takes nothing.
    unsafe { libc::geteuid() == 0 }
}

/// A process holds what it held before.
#[track_caller]
pub fn assert_nothing_left(peer: &Peer, before: Resources) {
    let mut now = before;
    let gone = eventually(HANG, || {
        now = resources(peer.pid());
        (now.threads, now.files, now.maps, now.all_files) == (before.threads, before.files, before.maps, before.all_files)
    });
    assert!(gone, "{now:?} instead of {before:?}\n{}", peer.log());
}

/// A refused opening: NULL, one line with `why`, the code of its kind, and nothing left of it.
#[track_caller]
pub fn refused(peer: &mut Peer, role: &str, why: &str) {
    let (before, lines) = (resources(peer.pid()), peer.log().lines().count());
    assert_eq!(peer.ask(format_args!("init {role}")), "null", "{role}: {why}");
    let log = peer.log();
    let new: Vec<&str> = log.lines().skip(lines).collect();
    let told = new.len() == 1 && new[0].starts_with("[ESHM] error: cannot open '") && new[0].contains(why);
    assert!(told, "{role}: {new:?} instead of a line with {why:?}");
    let late = why.contains("service thread") || why.contains("locks"); // there was a segment by then
    let code = if late || role == "slave" { -3 } else { -2 };
    assert_eq!(peer.ask(format_args!("why {role}")), format!("code {code}"), "{role}: {why}");
    assert_nothing_left(peer, before);
}

/// An opening that succeeds, and ends.
#[track_caller]
pub fn works(peer: &mut Peer, role: &str) {
    let before = resources(peer.pid());
    peer.ok(format_args!("init {role}"));
    let open = resources(peer.pid());
    assert!(open.files > before.files && open.maps > before.maps && open.threads > before.threads, "{open:?}");
    if role == "master" {
        assert_eq!(peer.ask("write hello"), "code 0");
    }
    assert_eq!(peer.ask("end"), "code 0");
    let held = |what: Resources| (what.threads, what.files, what.all_files);
    // A thread that was joined may be in /proc for a moment more.
    let gone = eventually(HANG, || held(resources(peer.pid())) == held(before));
    assert!(gone, "{:?} instead of {before:?}", resources(peer.pid()));
}
