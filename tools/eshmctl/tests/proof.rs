//! What is not proven dead is unknown, and `clean` leaves it.

mod common;

use common::{ctl, dead_pid, json};
use eshm::inspect::{self, Removal};
use eshm_processes::{Name, Raw, sandbox};
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether this process is in the first pid namespace, so that it sees all processes; says so aloud
/// where it is not.
fn sees_all() -> bool {
    let sees = fs::read_link("/proc/self/ns/pid").expect("/proc").as_os_str() == "pid:[4026531836]";
    if !sees {
        sandbox::skipped("proof by the table of processes: these tests run in a pid namespace");
    }
    sees
}

/// A process in a pid namespace of its own, where it has a number that no process has here.
struct Far {
    unshare: Child,
    number: u32,
}

impl Far {
    /// One with the segment mapped, or without one, and a number that no process has here.
    fn new(mapped: Option<&Name>) -> Option<Far> {
        let most: u32 = fs::read_to_string("/proc/sys/kernel/pid_max")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .expect("the largest pid");
        let below = most - 1 - std::process::id() % 100;
        let free = |number: &u32| !fs::exists(format!("/proc/{number}")).unwrap_or(true);
        Far::numbered((1..below).rev().find(free).expect("a free number"), mapped)
    }

    /// The same with this number.
    fn numbered(number: u32, mapped: Option<&Name>) -> Option<Far> {
        const MAP: &str = "import mmap, sys, time; file = open(sys.argv[1], 'rb'); \
                           there = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); \
                           print('mapped', flush=True); time.sleep(600)";
        let sleeper = match mapped {
            Some(name) => format!("python3 -c \"{MAP}\" {}", name.path().display()),
            None => "sh -c 'echo mapped; exec sleep 600'".to_owned(),
        };
        // The shell's child is the one; it ends with the namespace.
        let script = format!(
            "echo {} > /proc/sys/kernel/ns_last_pid && {{ {sleeper} & echo $!; wait; }}",
            number - 1
        );
        let mut unshare = Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        // Its number and its word that all is mapped, in whatever order.
        let output = BufReader::new(unshare.stdout.take().expect("its output"));
        let said: Vec<_> = output.lines().map_while(Result::ok).take(2).collect();
        let far = Far { unshare, number };
        if said.len() != 2 || !said.contains(&number.to_string()) {
            sandbox::skipped("a pid namespace with numbers of our choice: not permitted");
            return None;
        }
        Some(far)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// A released pair that does not beat just now, with this process on both sides.
fn paused(name: &Name, pid: u32) -> Raw {
    let raw = Raw::stamped(name, 3, 4096);
    raw.set("stale_threshold", 20);
    ["master", "slave"].into_iter().for_each(|side| raw.occupy(side, pid));
    raw
}

#[test]
fn a_released_pair_of_another_pid_namespace_is_unknown_and_stays() {
    if !sees_all() {
        return;
    }
    let name = Name::new();
    let raw = paused(&name, 1);
    let Some(far) = Far::new(Some(&name)) else { return };
    for word in ["master_pid", "slave_pid"] {
        raw.set(word, far.number.into());
    }
    let done = ctl(&["clean", "--yes", name.as_str()]);
    assert!(name.exists(), "it lives: {done:?}");
    let why = format!("process {}, is dead", far.number);
    let force = format!("`eshmctl clean --force {}` removes it", name.as_str());
    assert!(done.out.contains(&why) && done.out.contains(&force), "{done:?}");
    let shown = json(&ctl(&["show", name.as_str(), "--json"]));
    for side in ["master", "slave"] {
        assert_eq!((&shown[side]["life"], &shown["orphan"]), (&"unknown".into(), &false.into()));
    }
    let line = ctl(&["list"]).out;
    let line = line.lines().find(|line| line.starts_with(name.as_str())).expect("its line");
    assert!(line.contains("unknown") && !line.contains("orphan"), "{line}");
    for args in [["show", name.as_str()], ["doctor", name.as_str()]] {
        let done = ctl(&args);
        assert!(done.code == Some(3) && done.out.contains("lives is unknown"), "{done:?}");
    }
    let send = ["send", name.as_str(), "x", "--as", "master"];
    let done = ctl(&send);
    assert!(done.code == Some(1) && done.err.contains("but may live"), "{done:?}");
    let number = far.number;
    drop(far);
    let done = ctl(&["clean", "--yes", name.as_str()]);
    assert!(!name.exists(), "now {number} is proven dead: {done:?}");
}

#[test]
fn from_a_pid_namespace_nothing_is_proven_but_by_a_lock() {
    let (released, ours) = (Name::new(), Name::new());
    paused(&released, dead_pid());
    common::orphan(&ours);
    let clean = |args: &[&str]| {
        Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc", common::PROGRAM, "clean", "--yes"])
            .args(args)
            .env("ESHM_LOG", "off")
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    };
    let said = clean(&[released.as_str(), ours.as_str()]);
    if said.is_empty() {
        sandbox::skipped("a pid namespace of its own: not permitted");
        return;
    }
    assert!(released.exists() && said.contains("not all processes are seen"), "{said}");
    assert!(!ours.exists(), "its locks are free: {said}");
    let done = ctl(&["clean", "--force", "--yes"]);
    assert_eq!(done.code, Some(2), "only what is named: {done:?}");
    let said = clean(&["--force", released.as_str()]);
    assert!(!released.exists() && said.contains("1 removed"), "{said}");
}

#[test]
fn a_proc_that_hides_processes_proves_nothing() {
    if !sees_all() {
        return;
    }
    let name = Name::new();
    paused(&name, dead_pid());
    let life = |hidden: u32| {
        let script = format!(
            "mount -t proc -o hidepid={hidden} proc /proc && \
             exec setpriv --reuid 54321 --regid 54321 --clear-groups \"$0\" show {} --json",
            name.as_str()
        );
        let output = Command::new("unshare")
            .args(["--mount", "--propagation=private", "sh", "-c", &script, common::PROGRAM])
            .output()
            .ok()?;
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(shown["master"]["life"].as_str()?.to_owned())
    };
    let Some(seen) = life(0) else {
        sandbox::skipped("another user with a /proc of its own: not permitted");
        return;
    };
    assert_eq!(seen, "dead", "all processes are seen");
    for hidden in [1, 2] {
        assert_eq!(life(hidden).as_deref(), Some("unknown"), "hidepid={hidden}");
    }
}

#[test]
fn what_comes_to_life_just_before_it_is_removed_stays() {
    for word in ["master_heartbeat", "slave_pid", "master_generation"] {
        let name = Name::new();
        let raw = paused(&name, dead_pid());
        let removal = inspect::remove_orphan_if(name.as_str(), None, |_, _| {
            raw.add(word, 1);
            true
        });
        assert!(matches!(removal, Ok(Removal::Kept(_))) && name.exists(), "{word}: {removal:?}");
    }
    let name = Name::new();
    let raw = paused(&name, dead_pid());
    raw.add("master_heartbeat", 1);
    assert!(matches!(inspect::remove_orphan(name.as_str()), Ok(Removal::Kept(_))));
    let removal = inspect::remove_orphan_if(name.as_str(), None, |_, _| true);
    assert_eq!(removal.expect("no error"), Removal::Removed);
}

#[test]
fn a_slave_that_shares_its_number_with_a_dead_one_of_ours_is_seen_to_beat() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    let pid = dead_pid();
    raw.occupy("slave", pid);
    raw.set("slave_lock", pid.into());
    let over = AtomicBool::new(false);
    let life = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Rarer than the lock alone is waited for, and often enough for the threshold.
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(eshm_processes::ms(60));
                raw.add("slave_heartbeat", 1);
            }
        });
        let inspect::Found::Segment(segment) = inspect::look(name.as_str()).expect("a look").found
        else {
            panic!("a segment")
        };
        let life = segment.judge(inspect::Side::Slave);
        over.store(true, Ordering::Relaxed);
        life
    });
    assert_eq!(life, inspect::Life::Alive);
}

#[test]
fn a_side_of_ours_whose_lock_is_held_stays_even_by_force() {
    let name = Name::new();
    let raw = paused(&name, dead_pid());
    raw.set("master_lock", raw.get("master_generation"));
    let holder = name.raw();
    assert!(holder.try_lock(0), "nobody has it");
    let done = ctl(&["clean", "--yes", "--force", name.as_str()]);
    assert!(name.exists() && done.out.contains("the lock of its master is held"), "{done:?}");
    assert_eq!(done.code, Some(1), "{done:?}");
}

/// A process that sleeps, with no segment.
struct Stranger(Child);

impl Stranger {
    fn new() -> Stranger {
        Stranger(Command::new("sleep").arg("600").spawn().expect("sleep"))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stranger_with_the_number_of_an_end_keeps_no_segment() {
    if !sees_all() {
        return;
    }
    let stranger = Stranger::new();
    // 1 is what a container's only process has; 2 is a thread of the kernel here.
    for pid in [1, 2, stranger.0.id()] {
        if fs::read(format!("/proc/{pid}/maps")).is_err() {
            println!("SKIPPED: a stranger with number {pid}: its mappings may not be seen here");
            continue;
        }
        let name = Name::new();
        paused(&name, pid);
        let shown = json(&ctl(&["show", name.as_str(), "--json"]));
        for side in ["master", "slave"] {
            assert_eq!((&shown[side]["life"], &shown["orphan"]), (&"dead".into(), &true.into()));
        }
        let done = ctl(&["clean", "--yes", name.as_str()]);
        assert!(done.code == Some(0) && !name.exists(), "process {pid}: {done:?}");
    }
    let name = Name::new();
    paused(&name, stranger.0.id());
    let done = ctl(&["send", name.as_str(), "x", "--as", "master", "--linger", "0"]);
    assert!(!done.err.contains("live master"), "{done:?}");
}

#[test]
fn the_segment_s_user_in_another_pid_namespace_keeps_it_beside_a_stranger_here() {
    if !sees_all() {
        return;
    }
    let (stranger, name) = (Stranger::new(), Name::new());
    paused(&name, stranger.0.id());
    let Some(far) = Far::numbered(stranger.0.id(), Some(&name)) else { return };
    let shown = json(&ctl(&["show", name.as_str(), "--json"]));
    assert_eq!((&shown["master"]["life"], &shown["orphan"]), (&"unknown".into(), &false.into()));
    let done = ctl(&["clean", "--yes", name.as_str()]);
    assert!(name.exists() && done.out.contains("in another pid namespace"), "{done:?}");
    drop(far);
    let done = ctl(&["clean", "--yes", name.as_str()]);
    assert!(!name.exists(), "now it is proven dead: {done:?}");
}

#[test]
fn from_a_pid_namespace_a_stranger_makes_an_end_unknown_and_force_removes_it() {
    let name = Name::new();
    paused(&name, 1);
    let here = |args: &[&str]| {
        let output = Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc", "sh", "-c", "\"$0\" \"$@\"; exit $?"])
            .arg(common::PROGRAM)
            .args(args)
            .env("ESHM_LOG", "off")
            .output();
        output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    };
    let said = here(&["clean", "--yes", name.as_str()]);
    if said.is_empty() {
        sandbox::skipped("a pid namespace of its own: not permitted");
        return;
    }
    assert!(name.exists() && said.contains("does not have the segment"), "{said}");
    assert!(said.contains(&format!("`eshmctl clean --force {}`", name.as_str())), "{said}");
    let shown = here(&["show", name.as_str()]);
    assert!(shown.contains("lives is unknown") && !shown.contains("runs but"), "{shown}");
    let said = here(&["clean", "--yes", "--force", name.as_str()]);
    assert!(!name.exists() && said.contains("1 removed"), "{said}");
}

#[test]
fn force_removes_nothing_that_a_silent_process_has_and_says_so() {
    let name = Name::new();
    let _mapped = paused(&name, std::process::id());
    for args in [
        &["clean", "--yes", "--force", name.as_str()][..],
        &["clean", "-n", "--force", name.as_str()],
    ] {
        let done = ctl(args);
        assert!(name.exists() && done.code == Some(1), "{done:?}");
        assert!(done.err.contains("1 of 1 named stays"), "{done:?}");
    }
    assert_eq!(ctl(&["clean", "--yes", name.as_str()]).code, Some(0), "it is as it should be");
}
