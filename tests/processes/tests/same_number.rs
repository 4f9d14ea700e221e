//! A slave of ours is killed, and a released one comes that has the same number in a pid namespace of
//! its own, as the first process of a container has that is started again. It writes neither of the
//! words by which the header knows ours, so what the killed one left there would be its own.

use eshm_processes::{
    Name, Peer, Raw, eventually, ms, pause,
    sandbox::{Number, has_pid_namespaces, peer_at},
    tasks::free_pid,
    until,
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Where the pid of the slave of ours that came last is.
const MARKED_SLAVE: usize = 100;

/// A master of ours, and the released slave.
struct Followed {
    master: Peer,
    slave: Peer,
    raw: Raw,
    name: Name,
}

/// `None` where there can be no pid namespaces. The one of ours dies in the midst of a message, if `half`.
#[track_caller]
fn followed(half: bool) -> Option<Followed> {
    if !has_pid_namespaces() {
        return None;
    }
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    let raw = name.raw();
    let mut ours = peer_at(Some(Number::Taken), "ours", "slave", &name, &[]);
    until("it is locked in", || raw.get("slave_lock") != 0);
    let number = raw.get("slave_pid");
    ours.write("of ours");
    assert_eq!(master.read(5000), Ok("of ours".into()));
    ours.stop();
    if half {
        raw.add("s2m.sequence", 1); // as its own write would begin
    }
    ours.kill();
    until("its lock tells", || !master.alive());
    let slave = peer_at(Some(Number::Taken), "released", "slave", &name, &["--protocol=3"]);
    assert_eq!((raw.get("slave_pid"), raw.get("slave_alive")), (number, 1), "the same number");
    Some(Followed { master, slave, raw, name })
}

impl Followed {
    /// The master has heard it.
    #[track_caller]
    fn until_met(&mut self) {
        until("it is alive", || self.master.alive());
        let beats = self.raw.get("slave_heartbeat");
        until("it beats on", || self.raw.get("slave_heartbeat") > beats + 5);
        pause(50); // what the master does about it it does in a tick
    }
}

#[test]
fn another_slave_leaves_its_lock() {
    let Some(mut pair) = followed(false) else { return };
    pair.until_met();
    let mut third = Peer::ours("slave", &pair.name, &[]);
    pair.slave.ok("half-write b");
    pair.slave.stop();
    let odd = pair.raw.get("s2m.sequence");
    assert_eq!(odd % 2, 1);
    for _ in 0..3 {
        assert_eq!(third.code("write a"), -10, "{}", third.log());
        assert_eq!(pair.raw.get("s2m.sequence"), odd);
    }
    assert_eq!(pair.master.read(0), Err(-9));
}

#[test]
fn its_half_messages_are_not_believed() {
    for at_once in [true, true, true, true, false] {
        let Some(mut pair) = followed(true) else { return };
        if !at_once {
            pair.until_met();
        }
        // It adds 1 blindly, and so copies at even.
        pair.slave.ok("half-write b");
        assert_eq!(pair.raw.get("s2m.sequence") % 2, 0);
        for _ in 0..5 {
            let read = pair.master.read(20);
            assert!(read.is_err(), "{read:?}, at once: {at_once}");
        }
    }
}

#[test]
fn while_it_is_stopped_it_lives_and_keeps_its_segment() {
    let Some(mut pair) = followed(false) else { return };
    pair.until_met();
    pair.slave.stop();
    pause(50); // longer than a free lock would take to prove its death
    assert!(pair.master.alive(), "{}", pair.master.log());
    let inode = pair.name.inode();
    pair.master.kill();
    let next = Peer::with_failpoints("", "auto", &pair.name, &[]);
    assert_eq!(next.answer_within(ms(10_000)).as_deref(), Some("ok Master"), "{}", next.log());
    assert_eq!(pair.name.inode(), inode, "it is left behind");
    let mut next = next;
    next.leave();
    assert!(pair.name.exists(), "it remembers the count");
}

/// Its heartbeat begins anew: who has that number now is another one.
#[test]
fn one_that_came_before_the_death_was_known_is_a_released_one() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    let (raw, pid, done) = (name.raw(), free_pid(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                raw.add("slave_heartbeat", 1);
                pause(1);
            }
        });
        raw.occupy("slave", pid);
        raw.set("slave_lock", pid.into());
        (0..4).for_each(|at| raw.set_byte(MARKED_SLAVE + at, pid.to_ne_bytes()[at]));
        until("it is heard", || raw.get("slave_heartbeat") > 50 && master.alive());
        raw.set("slave_heartbeat", 0);
        let known = eventually(ms(10_000), || raw.get("slave_lock") != u64::from(pid));
        done.store(true, Ordering::Relaxed);
        assert!(known, "its lock field stays");
    });
}
