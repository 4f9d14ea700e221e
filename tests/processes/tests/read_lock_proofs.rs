//! A read lock of somebody who may only read the segment's file keeps a side from its own lock. It
//! proves nothing: not that a dead peer lives, not that a living one is no peer of ours, not that a
//! half-written message is being written.

use eshm::Role;
use eshm_processes::{
    Name, Peer, Raw, eventually, ms, open, pause,
    read_lock::{LIMIT, ReadLock, flows_both_ways, until_locked_in},
    until,
};
use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

/// A slave that was killed in the midst of a message, and a living master.
fn half_message_of_a_dead_slave(name: &Name) -> (Peer, Raw) {
    let master = Peer::ours("master", name, &["--threshold=60000"]);
    let mut slave = Peer::ours("slave", name, &[]);
    let raw = name.raw();
    until("it is locked in", || raw.get("slave_lock") != 0);
    slave.kill();
    raw.add("s2m.sequence", 1);
    (master, raw)
}

#[test]
fn the_next_slave_repairs_the_half_message_of_a_dead_one() {
    for options in [&[] as &[&str], &["--no-threads"]] {
        for lock in ReadLock::on(&["1", "2"]) {
            let name = Name::new();
            let (mut master, raw) = half_message_of_a_dead_slave(&name);
            let _reader = lock.take(&name);
            let mut slave = Peer::ours("slave", &name, options);
            let repaired = eventually(LIMIT, || slave.code("write repaired") == 0);
            assert!(repaired, "{options:?} beside {lock:?}: {}", slave.log());
            assert_eq!((master.read(5000), raw.get("s2m.sequence") % 2), (Ok("repaired".into()), 0));
        }
    }
}

#[test]
fn a_lock_taken_while_a_slave_waits_for_it_stops_no_repair() {
    let name = Name::new();
    let (mut master, _raw) = half_message_of_a_dead_slave(&name);
    let mut reader = Peer::reader(&name, &["--bytes=1"]);
    let mut slave = Peer::ours("slave", &name, &[]);
    assert_eq!(reader.ask("held"), "ok 1");
    pause(100); // it has tried for its lock several times
    reader.ok("release");
    assert!(eventually(LIMIT, || slave.code("write repaired") == 0));
    assert_eq!(master.read(5000), Ok("repaired".into()));
    until("it has its lock in the end", || name.raw().get("slave_lock") == u64::from(slave.pid()));
}

#[test]
fn the_next_master_repairs_the_half_message_of_a_dead_one() {
    for lock in ReadLock::on(&["0", "2"]) {
        let name = Name::new();
        let mut old = Peer::ours("master", &name, &[]);
        let mut slave = Peer::ours("slave", &name, &[]);
        until_locked_in(&name.raw());
        old.kill();
        name.raw().add("m2s.sequence", 1);
        let _reader = lock.take(&name);
        let master = lock.opens(&name, Role::Auto);
        flows_both_ways(&master, &mut slave, lock);
        assert_eq!(name.raw().get("m2s.sequence") % 2, 0, "{lock:?}");
    }
}

/// Both live on a file that was locked as a whole before either started, so neither has its lock.
fn pair_without_locks(name: &Name, threshold: u64) -> (Peer, Peer, Peer) {
    let raw = Raw::stamped(name, 3, 4096);
    raw.set("stale_threshold", threshold);
    let reader = Peer::reader(name, &["--bytes=whole"]);
    let slave = Peer::ours("slave", name, &["--attempts=0", "--wait=0", "--retry=5"]);
    let inode = name.inode();
    let master = Peer::planned("master", name, &[], "");
    assert_eq!(master.answer_within(LIMIT), Some("ok Master".into()), "{}", master.log());
    assert_eq!(name.inode(), inode, "a slave lives there: taken over in place");
    (master, slave, reader)
}

#[test]
fn a_pair_without_locks_notices_a_death_at_the_threshold() {
    for dies in ["slave", "master"] {
        let name = Name::new();
        let (mut master, mut slave, _reader) = pair_without_locks(&name, 1000);
        until("they have met", || master.alive() && slave.alive());
        let (mut dead, mut other) = if dies == "slave" { (slave, master) } else { (master, slave) };
        dead.kill();
        assert!(eventually(LIMIT, || !other.alive()), "the {dies}'s death is not noticed");
    }
}

#[test]
fn a_pair_without_locks_works_and_has_them_once_they_are_free() {
    let name = Name::new();
    let (mut master, mut slave, mut reader) = pair_without_locks(&name, 60_000);
    let raw = name.raw();
    let both = |master: &mut Peer, slave: &mut Peer| {
        until("down", || master.code("write down") == 0 && slave.read(100) == Ok("down".into()));
        until("up", || slave.code("write up") == 0 && master.read(100) == Ok("up".into()));
    };
    both(&mut master, &mut slave);
    assert_eq!((raw.get("master_lock"), raw.get("slave_lock")), (0, 0), "the fields say what is");
    reader.ok("release");
    until("both are locked in", || {
        raw.get("slave_lock") == u64::from(slave.pid()) && raw.get("master_lock") == raw.get("master_generation")
    });
    both(&mut master, &mut slave);
    master.leave();
    assert!(!name.exists());
}

#[test]
fn who_takes_the_lock_of_a_dead_peer_proves_it_alive_no_longer_than_the_threshold() {
    for bytes in ["0", "1"] {
        let name = Name::new();
        let master = Peer::ours("master", &name, &["--threshold=1000"]);
        let slave = Peer::ours("slave", &name, &[]);
        until_locked_in(&name.raw());
        let mut reader = Peer::reader(&name, &["--bytes=each", "--again"]);
        let (mut dead, mut other) = if bytes == "0" { (master, slave) } else { (slave, master) };
        dead.kill();
        until("it has taken the lock", || reader.ask("held").contains(bytes));
        assert!(eventually(LIMIT, || !other.alive()), "byte {bytes}");
    }
}

#[test]
fn a_master_that_ends_beside_a_slave_that_never_had_its_lock_removes_the_name() {
    for lock in ReadLock::on(&["1"]) {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let _reader = lock.take(&name);
        let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0"]);
        until("they have met", || master.alive() && slave.alive());
        assert_eq!(name.raw().get("slave_lock"), 0);
        master.leave();
        assert!(!name.exists(), "{lock:?}: {}", master.log());
    }
    let name = Name::new();
    let (mut master, mut slave, _reader) = pair_without_locks(&name, 60_000);
    until("they have met", || master.alive() && slave.alive());
    master.leave();
    assert!(!name.exists(), "{}", master.log());
}

/// It remembers the count of writes, so the name must stay for the next master; the lock is not its own.
#[test]
fn a_released_slave_is_no_slave_of_ours_because_somebody_locks_its_byte() {
    for lock in ReadLock::on(&["1", "2"]) {
        for protocol in ["--protocol=2", "--protocol=3"] {
            let name = Name::new();
            let mut master = Peer::ours("master", &name, &[]);
            let _reader = lock.take(&name);
            let mut slave = Peer::released("slave", &name, &[protocol]);
            slave.ask("read 0"); // it takes its baseline
            master.write("counted");
            assert_eq!(slave.read(5000), Ok("counted".into()));
            master.leave();
            assert!(name.exists(), "{lock:?}, {protocol}: it remembers the count");
            let mut next = Peer::ours("master", &name, &[]);
            next.write("and on");
            assert_eq!(slave.read(5000), Ok("and on".into()), "{lock:?}, {protocol}");
        }
    }
}

/// Read locks on all places for marks of slaves that are free now.
fn lock_marks(name: &Name) -> File {
    let reader = File::open(name.path()).expect("the segment");
    let mut from: libc::off_t = 1 << 57;
    loop {
        let mut lock = libc::flock {
            l_type: libc::F_RDLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: from,
            l_len: 0, // to the end
            l_pid: 0,
        };
        // SAFETY: a descriptor that is open, and a lock that outlives the call.
        let call = |command, lock: &mut libc::flock| unsafe { libc::fcntl(reader.as_raw_fd(), command, lock) };
        if call(libc::F_OFD_SETLK, &mut lock) == 0 {
            return reader;
        }
        assert_eq!(call(libc::F_OFD_GETLK, &mut lock), 0, "somebody's mark");
        let mark = lock.l_start;
        if mark > from {
            (lock.l_type, lock.l_start, lock.l_len) = (libc::F_RDLCK as libc::c_short, from, mark - from);
            lock.l_pid = 0;
            assert_eq!(call(libc::F_OFD_SETLK, &mut lock), 0, "a read lock");
        }
        from = mark + 1;
    }
}

/// Each says of itself that it is not in the midst of that message, though it has no place to say so.
#[test]
fn living_slaves_that_have_no_place_for_another_mark_are_heard_after_a_third_died_in_a_write() {
    for second_has_a_mark in [true, false] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
        let mut first = Peer::ours("slave", &name, &[]);
        let mut second = second_has_a_mark.then(|| Peer::ours("slave", &name, &[]));
        let mut third = Peer::ours("slave", &name, &[]);
        let _reader = lock_marks(&name);
        let second = second.get_or_insert_with(|| Peer::ours("slave", &name, &[]));
        third.kill();
        name.raw().add("s2m.sequence", 1);
        let mut heard = |slave: &mut Peer, text: &str| {
            let written = eventually(LIMIT, || slave.code(&format!("write {text}")) == 0);
            assert!(written, "a mark {second_has_a_mark}: no write succeeds\n{}", slave.log());
            until("it is read", || master.read(100) == Ok(text.into()));
        };
        heard(&mut first, "first");
        heard(second, "second");
    }
}

/// Who can have no mark is named in the header: two at once are not told apart, and would be waited for by all after them.
#[test]
fn names_are_taken_away_once_locks_can_be_had_again() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let reader = lock_marks(&name);
    let slaves = [Peer::ours("slave", &name, &[]), Peer::ours("slave", &name, &[])];
    let named = || {
        let bytes = fs::read(name.path()).expect("the segment");
        u64::from_ne_bytes(bytes[88..96].try_into().expect("eight bytes"))
    };
    assert_ne!(named(), 0);
    drop(reader);
    assert!(eventually(ms(60_000), || named() == 0), "10 s until it is questioned, and 10 s for an answer");
    drop(slaves);
}
