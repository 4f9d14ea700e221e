//! Processes that are stopped at a failpoint, in the midst of what others must not come between. In a build without failpoints
//! there is nothing here; run it with
//! `RUSTFLAGS="--cfg eshm_failpoints" cargo test -p eshm-processes --test stopped_inside --target-dir target/failpoints`.
#![cfg(eshm_failpoints)]

use eshm_processes::{Name, Peer, Raw, pause, tasks::is_stopped, until};

/// How long something is seen not to happen.
const MEANWHILE: u64 = 300;

#[track_caller]
fn until_stopped(peer: &Peer) {
    until("it is stopped at the failpoint", || is_stopped(peer.pid()));
}

/// One that leaves looks whether the side is its own, unlinks and clears its flag: a starter that decided between two of
/// these would lose its name or its flag.
#[test]
fn nobody_decides_about_a_segment_that_somebody_is_leaving() {
    for (role, options) in [("master", &[][..]), ("master", &["--no-cleanup"]), ("slave", &[])] {
        for point in ["close.decided", "close.unlinked"] {
            let what = format!("{role} {options:?} at {point}");
            let name = Name::new();
            let plan = format!("{point}=stop");
            let mut other = (role == "slave").then(|| Peer::ours("master", &name, &[]));
            let mut leaving = Peer::with_failpoints(&plan, role, &name, options);
            assert!(leaving.answer().starts_with("ok"), "{what}");
            let slave = (role == "master").then(|| Peer::ours("slave", &name, &["--attempts=0"]));
            leaving.send("leave");
            until_stopped(&leaving);
            if !name.exists() {
                continue; // who comes now has another file to decide about
            }
            let mut new = Peer::with_failpoints("", "master", &name, &[]);
            pause(MEANWHILE);
            assert_eq!(new.answered(), None, "{what}");
            leaving.resume();
            assert_eq!(leaving.answer(), "ok", "{what}");
            assert!(new.answer().starts_with("ok"), "{what}");
            let raw = name.raw();
            assert_eq!((raw.get("master_pid"), raw.get("master_alive")), (new.pid().into(), 1), "{what}");
            new.leave();
            drop((slave, other.take()));
        }
    }
}

/// A creator of a release fills its file in under its name, and may begin anew: what the file said when it was opened need not
/// hold any more once it is mapped.
#[test]
fn a_segment_whose_magic_is_gone_once_it_is_mapped_is_not_attached_to() {
    for role in ["slave", "master"] {
        let name = Name::new();
        let raw = Raw::stamped(&name, 3, 4096);
        let inode = name.inode();
        let peer = Peer::with_failpoints("find.mapped=stop", role, &name, &[]);
        until_stopped(&peer);
        raw.set("magic", 0);
        peer.resume();
        let answer = peer.answer();
        if role == "slave" {
            assert!(answer.contains("it was never finished"), "{answer}");
        } else {
            assert!(answer.starts_with("ok"), "{answer}");
            assert_ne!(name.inode(), inode, "a file of its own");
        }
        assert_eq!(["slave_pid", "master_pid"].map(|field| raw.get(field)), [0, 0], "{role}: nobody took a side");
    }
}

/// A thread of a slave that moves may be on its way into a write, and begin it at the new segment before the slave is attached there.
#[test]
fn who_can_write_to_the_next_segment_has_a_mark_there() {
    for point in ["move.placed", "move.mapped"] {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        let options = ["--attempts=0", "--wait=0", "--retry=5"];
        let plan = format!("{point}=sleep:500");
        let mut slave = Peer::with_failpoints(&plan, "slave", &name, &options);
        assert!(slave.answer().starts_with("ok"), "{point}");
        old.leave();
        let _new = Peer::ours("master", &name, &["--threshold=60000"]);
        let raw = name.raw();
        let marks = || raw.locked(1 << 57..i64::MAX).len();
        let mut had_mark = false;
        until("it is there", || {
            let marked = marks() == 1;
            let is_there = raw.get("slave_pid") != 0;
            had_mark |= marked && !is_there;
            is_there
        });
        assert!(had_mark, "{point}");
        assert_eq!(marks(), 1, "{point}: one alone");
    }
}
