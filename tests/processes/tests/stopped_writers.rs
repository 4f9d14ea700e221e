//! A writer that is stopped in the midst of a message is alive: nobody breaks its lock, wherever it
//! lives and whoever else came and went. In a build without failpoints there is nothing here; run it
//! as `overlap`.
#![cfg(eshm_failpoints)]

use eshm_processes::{
    Name, Peer, Raw, elapsed_ms, eventually, ms, pause,
    sandbox::{Number, has_pid_namespaces, peer_at, places},
    until,
};
use std::time::Duration;

/// In which a writer notices that another is dead.
const SOON: Duration = ms(5000);

/// Messages of different sizes, so that the bytes of one with the size of another are a mixture.
fn message(letter: char) -> String {
    letter.to_string().repeat(3000 + letter as usize)
}

#[track_caller]
fn assert_whole(text: &str) {
    let letter = text.chars().next().expect("no message is empty");
    let letters: std::collections::BTreeSet<char> = text.chars().collect();
    assert!(text == message(letter), "a mixture: {} bytes of {letters:?}", text.len());
}

/// Has a peer of ours stop at a step of a write.
#[track_caller]
fn stop_in_a_write(peer: &mut Peer, letter: char, step: &str) {
    peer.ok(format_args!("arm {step}=stop"));
    peer.send(format_args!("write {}", message(letter)));
    peer.until_stopped();
}

/// What writers of a direction leave as it is.
fn state(raw: &Raw, channel: &str) -> (u64, u64, Vec<u8>) {
    let field = |field: &str| raw.get(&format!("{channel}.{field}"));
    (field("sequence"), field("write_count"), raw.data(channel, 4096))
}

/// Its writes come to nothing, in the time that the contract gives them.
#[track_caller]
fn assert_refused(peer: &mut Peer, raw: &Raw, what: &str) {
    let before = state(raw, "s2m");
    assert_eq!(before.0 % 2, 1, "{what}: the other is in its write");
    for round in 0..3 {
        let (code, took) = elapsed_ms(|| peer.code(&format!("write {}", message('a'))));
        assert_eq!(code, -10, "{what}, round {round}: it wrote beside another\n{}", peer.log());
        assert!((20..2000).contains(&took), "{what}: {took} ms");
        assert!(state(raw, "s2m") == before, "{what}: it changed something");
    }
}

/// Reads until a message by this letter comes; all are whole.
#[track_caller]
fn until_read(reader: &mut Peer, letter: char) {
    let came = eventually(SOON, || {
        let Ok(text) = reader.read(200) else { return false };
        assert_whole(&text);
        text.starts_with(letter)
    });
    assert!(came, "nothing comes from {letter}\n{}", reader.log());
}

/// Two that write beside each other are heard, by turns.
#[track_caller]
fn assert_both_heard(writers: [(&mut Peer, char); 2], reader: &mut Peer) {
    for (writer, letter) in writers {
        until("it writes", || writer.code(&format!("write {}", message(letter))) == 0);
        until_read(reader, letter);
    }
}

/// A third slave, which proves nothing about the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Third {
    None,
    /// It attached after the second, and is gone before that is stopped.
    Killed,
    Left,
    ReleasedKilled,
    ReleasedLeft,
    /// It attached once the second was stopped.
    KilledLate,
    LeftLate,
}

impl Third {
    const ALL: [Third; 7] = [
        Third::None,
        Third::Killed,
        Third::Left,
        Third::ReleasedKilled,
        Third::ReleasedLeft,
        Third::KilledLate,
        Third::LeftLate,
    ];

    fn is_late(self) -> bool {
        matches!(self, Third::KilledLate | Third::LeftLate)
    }

    #[track_caller]
    fn comes_and_goes(self, name: &Name) {
        let mut third = match self {
            Third::None => return,
            Third::ReleasedKilled | Third::ReleasedLeft => Peer::released("slave", name, &["--protocol=3"]),
            _ => Peer::ours("slave", name, &[]),
        };
        pause(20); // what the others do about it they do in a tick
        match self {
            Third::Killed | Third::KilledLate | Third::ReleasedKilled => third.kill(),
            _ => third.leave(),
        }
        pause(50); // likewise
    }
}

/// A master and its first slave, which holds the lock of its side.
#[track_caller]
fn master_and_first(name: &Name, options: &[&str]) -> (Peer, Peer, Raw) {
    let master = Peer::ours("master", name, &["--threshold=60000"]);
    let first = Peer::ours("slave", name, options);
    let raw = name.raw();
    until("the first has the lock", || raw.get("slave_lock") == u64::from(first.pid()));
    (master, first, raw)
}

#[track_caller]
fn nobody_breaks_the_seconds_lock(place: Option<Number>, third: Third, step: &str, options: &[&str]) {
    let what = format!("{place:?}, third {third:?}, at {step}, {options:?}");
    let name = Name::new();
    let (mut master, mut first, raw) = master_and_first(&name, options);
    let mut second = peer_at(place, "ours", "slave", &name, &[]);
    second.ok(format_args!("write {}", message('b')));
    until_read(&mut master, 'b');
    if !third.is_late() {
        third.comes_and_goes(&name);
    }
    stop_in_a_write(&mut second, 'b', step);
    if third.is_late() {
        third.comes_and_goes(&name);
    }
    assert_refused(&mut first, &raw, &what);
    assert_eq!(master.read(0), Err(-9), "{what}");
    second.resume();
    assert_eq!(second.answer(), "ok", "{what}");
    until_read(&mut master, 'b');
    assert_both_heard([(&mut first, 'a'), (&mut second, 'c')], &mut master);
    assert_both_heard([(&mut second, 'c'), (&mut first, 'a')], &mut master);
}

#[test]
fn a_slave_leaves_the_lock_of_another_that_is_stopped() {
    for place in places() {
        for step in ["write.odd", "write.half", "write.copied", "write.counted", "write.signalled"] {
            nobody_breaks_the_seconds_lock(place, Third::None, step, &[]);
        }
    }
}

#[test]
fn the_end_of_a_third_slave_proves_nothing_about_the_second() {
    for place in places() {
        for third in Third::ALL {
            nobody_breaks_the_seconds_lock(place, third, "write.half", &[]);
        }
    }
}

#[test]
fn a_slave_without_threads_leaves_the_lock_of_another_that_is_stopped() {
    for place in places() {
        for third in [Third::None, Third::Killed, Third::Left] {
            nobody_breaks_the_seconds_lock(place, third, "write.copied", &["--no-threads"]);
        }
    }
}

#[test]
fn once_the_second_is_killed_the_first_repairs_its_message() {
    for place in places() {
        for third in [Third::None, Third::Killed, Third::Left, Third::KilledLate] {
            let name = Name::new();
            let (mut master, mut first, raw) = master_and_first(&name, &[]);
            let mut second = peer_at(place, "ours", "slave", &name, &[]);
            if !third.is_late() {
                third.comes_and_goes(&name);
            }
            stop_in_a_write(&mut second, 'b', "write.half");
            if third.is_late() {
                third.comes_and_goes(&name);
            }
            assert_refused(&mut first, &raw, &format!("{place:?}, {third:?}"));
            second.kill();
            let repaired = eventually(SOON, || first.code(&format!("write {}", message('a'))) == 0);
            assert!(repaired, "{place:?}, third {third:?}: no write succeeds\n{}", first.log());
            until_read(&mut master, 'a');
        }
    }
}

/// The first is gone, the second has never had the lock of the side, and the third gets it.
#[track_caller]
fn the_third_gets_the_lock(place: Option<Number>, first_is_killed: bool) -> (Name, Peer, Peer, Peer, Raw) {
    let name = Name::new();
    let (master, mut first, raw) = master_and_first(&name, &[]);
    let mut second = peer_at(place, "ours", "slave", &name, &[]);
    stop_in_a_write(&mut second, 'b', "write.half");
    if first_is_killed {
        first.kill()
    } else {
        first.leave()
    }
    let third = Peer::ours("slave", &name, &[]);
    until("the third has the lock", || raw.get("slave_lock") == u64::from(third.pid()));
    (name, master, second, third, raw)
}

#[test]
fn a_third_slave_that_has_the_lock_leaves_that_of_the_second_alone() {
    for place in places() {
        for first_is_killed in [true, false] {
            let (_name, mut master, mut second, mut third, raw) = the_third_gets_the_lock(place, first_is_killed);
            assert_refused(&mut third, &raw, &format!("{place:?}, the first killed: {first_is_killed}"));
            second.resume();
            assert_eq!(second.answer(), "ok");
            until_read(&mut master, 'b');
            assert_both_heard([(&mut third, 'a'), (&mut second, 'c')], &mut master);
        }
    }
}

#[test]
fn a_third_slave_that_has_the_lock_repairs_the_message_of_the_second_once_that_is_dead() {
    for place in places() {
        let (_name, mut master, mut second, mut third, _raw) = the_third_gets_the_lock(place, true);
        second.kill();
        let repaired = eventually(SOON, || third.code(&format!("write {}", message('a'))) == 0);
        assert!(repaired, "{place:?}: no write succeeds\n{}", third.log());
        until_read(&mut master, 'a');
    }
}

/// Each has the same number in its own namespace, so the header names both at once.
#[test]
fn two_slaves_with_the_same_number_in_two_namespaces_are_two() {
    if !has_pid_namespaces() {
        return;
    }
    for ends in ["it goes on", "it is killed"] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
        let raw = name.raw();
        let mut first = peer_at(Some(Number::Taken), "ours", "slave", &name, &[]);
        until("the first has the lock", || raw.get("slave_lock") != 0);
        let number = raw.get("slave_pid");
        let mut second = peer_at(Some(Number::Taken), "ours", "slave", &name, &[]);
        assert_eq!(raw.get("slave_pid"), number, "the same number");
        pause(50); // what the first does about it it does in a tick
        stop_in_a_write(&mut second, 'b', "write.half");
        assert_refused(&mut first, &raw, ends);
        if ends == "it goes on" {
            second.resume();
            assert_eq!(second.answer(), "ok");
            until_read(&mut master, 'b');
            assert_both_heard([(&mut first, 'a'), (&mut second, 'c')], &mut master);
        } else {
            second.kill();
            let repaired = eventually(SOON, || first.code(&format!("write {}", message('a'))) == 0);
            assert!(repaired, "no write succeeds\n{}", first.log());
            until_read(&mut master, 'a');
        }
    }
}

/// The third came before the message was repaired, so for all that the first knows it may be the one
/// that writes, and the other way round: without more, both would be refused as long as both live.
#[test]
fn two_living_slaves_are_heard_again_after_a_third_died_in_a_write() {
    for place in places() {
        let name = Name::new();
        let (mut master, mut first, _raw) = master_and_first(&name, &[]);
        let mut second = peer_at(place, "ours", "slave", &name, &[]);
        stop_in_a_write(&mut second, 'b', "write.half");
        let mut third = Peer::ours("slave", &name, &[]);
        second.kill();
        let mut heard = |slave: &mut Peer, letter: char| {
            let written = eventually(SOON, || slave.code(&format!("write {}", message(letter))) == 0);
            assert!(written, "{place:?}: no write succeeds\n{}", slave.log());
            until_read(&mut master, letter);
        };
        heard(&mut first, 'a');
        heard(&mut third, 'c');
    }
}

/// One of ours that has no lock looks like a released one, whose parity is in doubt where somebody
/// died in a write. But it counts a message before it makes the sequence even.
#[test]
fn a_slave_without_the_lock_is_heard_after_one_died_in_a_write() {
    let name = Name::new();
    let (mut old, mut first, _raw) = master_and_first(&name, &[]);
    let mut dead = Peer::ours("slave", &name, &[]);
    dead.ok("arm write.half=kill");
    dead.send("write x");
    assert!(dead.was_killed());
    until("the message is repaired", || first.code("write repaired") == 0);
    old.kill();
    let mut second = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
    let mut master = Peer::ours("master", &name, &["--threshold=60000"]);
    until("it writes", || second.code("write first") == 0);
    second.ok("arm write.counted=sleep:100"); // the master looks at it each millisecond
    second.write("held up");
    for letter in ['b', 'c', 'd'] {
        second.write(&message(letter));
        until_read(&mut master, letter);
    }
    first.write(&message('a'));
    until_read(&mut master, 'a');
}

/// Two slaves that came at the same instant may leave the lock field of one beside the pid of the other. Who is named is one of ours
/// all the same.
#[test]
fn a_slave_is_heard_beside_the_lock_field_of_another() {
    let name = Name::new();
    let (mut master, _first, raw) = master_and_first(&name, &[]);
    let mut second = Peer::ours("slave", &name, &[]);
    raw.set("slave_lock", u64::from(u32::MAX)); // nobody's, who would take it away
    second.write("before");
    assert_eq!(master.read(10_000), Ok("before".into()));
    second.ok("arm write.counted=sleep:100"); // the master looks at it each millisecond
    second.write("held up");
    for letter in ['b', 'c', 'd'] {
        second.write(&message(letter));
        until_read(&mut master, letter);
    }
}

#[test]
fn who_holds_the_lock_takes_its_field_back_where_another_is_named() {
    let name = Name::new();
    let (_master, first, raw) = master_and_first(&name, &[]);
    let _second = Peer::ours("slave", &name, &[]);
    raw.set("slave_lock", u64::from(first.pid()));
    until("it is nobody's", || raw.get("slave_lock") == 0);
}

/// A released slave holds no lock, so only its process tells whether it is dead.
#[test]
fn a_slave_leaves_the_lock_of_a_released_one_that_is_stopped() {
    for place in places() {
        let name = Name::new();
        let (mut master, mut first, raw) = master_and_first(&name, &[]);
        let mut second = peer_at(place, "released", "slave", &name, &["--protocol=3"]);
        second.ok(format_args!("half-write {}", message('b')));
        second.stop();
        assert_refused(&mut first, &raw, &format!("{place:?}"));
        second.resume();
        assert_eq!(master.read(0), Err(-9));
    }
}

/// Where the marks of slaves lie that may hold any lock, none of them disclaimed.
const SLAVES: std::ops::Range<i64> = 2 << 56..(2 << 56) + (1 << 16);

/// Both disclaim a dead one's lock. The first ends that to break it, and its tick goes on meanwhile.
#[test]
fn who_is_about_to_repair_a_message_is_held_up() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let [mut first, mut second] = [(); 2].map(|()| Peer::ours("slave", &name, &[]));
    let raw = name.raw();
    raw.add("s2m.sequence", 1);
    let is_marked = || !raw.locked(SLAVES).is_empty();
    until("both disclaim it", || !is_marked());
    first.ok("arm write.alone=sleep:2000");
    first.send(format_args!("write {}", message('f')));
    until("it is about to break it", is_marked);
    assert_refused(&mut second, &raw, "the first is in the way");
    assert_eq!(first.answer_within(SOON).as_deref(), Some("ok"), "{}", first.log());
    assert_both_heard([(&mut first, 'f'), (&mut second, 's')], &mut master);
}
