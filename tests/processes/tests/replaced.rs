//! A master that replaces the segment of a live slave: what it carries over, and what it leaves behind.

use eshm_processes::{Name, Peer, pause, until};

/// How a segment comes to be replaced, by a new master with these options.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    /// The new master needs exactly another capacity. That of the old one makes the same layout, so a released slave fits both.
    Capacity,
    /// The same, beside the old master, which is ousted.
    CapacityOfALivingOne,
    /// The old one is of a released library and lives on, for a while.
    LivingReleasedOne,
    /// The old one was killed in the midst of a message, and a child of it holds its lock.
    Pinned,
    /// It may still go on with its message.
    Stopped,
}

/// Another capacity than the usual one, with the same layout.
const EXACTLY: &[&str] = &["--capacity=4090", "--exact-capacity"];

impl Why {
    const ALL: [Why; 5] = [Why::Capacity, Why::CapacityOfALivingOne, Why::LivingReleasedOne, Why::Pinned, Why::Stopped];

    fn old(self, name: &Name) -> Peer {
        match self {
            Why::LivingReleasedOne => Peer::released("master", name, &["--protocol=3", "--threshold=300"]),
            _ => Peer::ours("master", name, &[]),
        }
    }

    fn is_capacity(self) -> bool {
        !matches!(self, Why::Pinned | Why::Stopped)
    }

    /// The next master, once it is so.
    fn replace(self, name: &Name, old: &mut Peer) -> Peer {
        let inode = name.inode();
        match self {
            Why::Capacity => old.kill(),
            Why::CapacityOfALivingOne | Why::LivingReleasedOne => {}
            Why::Pinned => {
                old.ok("fork hold");
                old.kill();
                name.raw().add("m2s.sequence", 1);
            }
            Why::Stopped => {
                old.stop();
                name.raw().add("m2s.sequence", 1);
            }
        }
        let new = Peer::ours("master", name, if self.is_capacity() { EXACTLY } else { &[] });
        assert_ne!(name.inode(), inode, "{self:?}: replaced");
        if self == Why::LivingReleasedOne {
            old.kill();
        }
        new
    }
}

/// 1.0 remembers the count last read, and hears nothing of a segment that has not come as far.
#[test]
fn a_released_slave_hears_all_of_a_master_that_replaced_the_segment_and_nothing_twice() {
    for why in Why::ALL {
        for protocol in ["--protocol=2", "--protocol=3"] {
            for unread in [false, true] {
                let what = format!("{why:?} {protocol} {unread}");
                let name = Name::new();
                let mut old = why.old(&name);
                let mut slave = Peer::released("slave", &name, &[protocol]);
                slave.read(0).expect_err("its baseline");
                for text in ["one", "two", "three"] {
                    old.write(text);
                    assert_eq!(slave.read(10_000), Ok(text.into()), "{what}");
                }
                if unread {
                    old.write("unread");
                }
                let mut new = why.replace(&name, &mut old);
                slave.ok("follow");
                // Half of a message has taken the place of what was not read.
                let whole = unread && why.is_capacity();
                assert_eq!(slave.read(0), if whole { Ok("unread".into()) } else { Err(-10) }, "{what}");
                new.write("next");
                assert_eq!(slave.read(10_000), Ok("next".into()), "{what}");
                let mut ours = Peer::ours("slave", &name, &[]);
                assert_eq!(ours.read(0), Err(-9), "nothing is new to it: {what}");
                new.write("last");
                assert_eq!(ours.read(10_000), Ok("last".into()), "{what}");
                assert_eq!(slave.read(10_000), Ok("last".into()), "{what}");
            }
        }
    }
}

#[test]
fn a_slave_of_ours_needs_no_count_and_hears_the_first_message_at_once() {
    for why in Why::ALL {
        let name = Name::new();
        let mut old = why.old(&name);
        let mut slave = Peer::ours("slave", &name, &["--behavior=never", "--retry=5"]);
        old.write("one");
        assert_eq!(slave.read(10_000), Ok("one".into()));
        let mut new = why.replace(&name, &mut old);
        assert_eq!((name.raw().get("m2s.sequence"), name.raw().get("m2s.write_count")), (0, 0), "{why:?}");
        new.write("next");
        assert_eq!(slave.read(10_000), Ok("next".into()), "{why:?}");
        if why == Why::Stopped {
            old.resume();
        }
    }
}

#[test]
fn a_message_that_is_too_large_for_the_new_segment_or_hostile_is_not_carried_over() {
    for size in [4093, 5000, u32::MAX as u64] {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        let mut slave = Peer::released("slave", &name, &[]);
        slave.read(0).expect_err("its baseline");
        for text in ["one", "two", "three"] {
            old.write(text);
        }
        name.raw().set("m2s.data_size", size);
        old.kill();
        let mut new = Peer::ours("master", &name, EXACTLY);
        let raw = name.raw();
        assert_eq!((raw.get("m2s.data_size"), raw.get("m2s.write_count")), (0, 3), "{size}");
        slave.ok("follow");
        assert_eq!(slave.read(0), Err(-10));
        new.write("next");
        assert_eq!(slave.read(10_000), Ok("next".into()), "{size}");
    }
}

/// Whoever still maps the old file is told, unless somebody lives there whose flag it is.
#[test]
fn a_dead_masters_flag_in_the_segment_left_behind_falls() {
    for why in Why::ALL {
        let name = Name::new();
        let mut old = why.old(&name);
        let _slave = Peer::ours("slave", &name, &["--behavior=never"]);
        let raw = name.raw();
        let _new = why.replace(&name, &mut old);
        assert_eq!(raw.get("master_alive"), (why == Why::LivingReleasedOne).into(), "{why:?}");
    }
}

/// A released writer of inverted parity copies at even: its count, which has not come as far, tells.
#[test]
fn what_a_released_master_left_in_doubt_is_not_carried_over() {
    let why = Why::LivingReleasedOne;
    let name = Name::new();
    let mut old = why.old(&name);
    let mut slave = Peer::released("slave", &name, &[]);
    slave.read(0).expect_err("its baseline");
    old.write("unread");
    old.ok("half-write half");
    name.raw().add("m2s.sequence", 1);
    let mut new = why.replace(&name, &mut old);
    slave.ok("follow");
    assert_eq!(slave.read(0), Err(-10));
    new.write("next");
    assert_eq!(slave.read(10_000), Ok("next".into()));
}

#[test]
fn a_slave_that_looks_for_its_master_follows_as_soon_as_the_new_segment_has_the_name() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=600000", "--attempts=0", "--wait=0"]);
    let raw = name.raw();
    old.kill();
    until("it is without its master", || slave.ask("stats").starts_with("error -14"));
    // As who replaces it does, and is held up in the midst.
    name.remove();
    raw.add("master_generation", 1);
    pause(50);
    let mut new = Peer::ours("master", &name, &[]);
    raw.set("master_alive", 0);
    new.write("here");
    assert_eq!(slave.read(20_000), Ok("here".into()));
}
