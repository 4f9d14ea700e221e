//! A master that is stopped in the midst of a message, and another that takes its place: what the old
//! one writes when it goes on mixes with nothing. In a build without failpoints there is nothing here;
//! run it as `overlap`.
#![cfg(eshm_failpoints)]

use eshm_processes::{
    Name, Peer, Raw, eventually, ms, pause,
    sandbox::{Number, peer_at, places},
    until,
};
use std::time::Duration;

/// In which a new master is there, and heard.
const SOON: Duration = ms(8000);

/// Messages of different sizes, so that the bytes of one with the size of another are a mixture.
fn message(letter: char) -> String {
    letter.to_string().repeat(3000 + letter as usize)
}

/// The new master is heard, before and after the old one goes on; every message is whole.
#[track_caller]
fn assert_only_whole(old: &mut Peer, new: &mut Peer, slave: &mut Peer, what: &str) {
    let hears = |new: &mut Peer, slave: &mut Peer, rounds: u32| {
        for round in 0..rounds {
            let heard = eventually(SOON, || {
                if new.code(&format!("write {}", message('n'))) != 0 {
                    return false;
                }
                let Ok(text) = slave.read(200) else { return false };
                let letter = text.chars().next().expect("no message is empty");
                assert!(text == message(letter), "{what}: a mixture of {} bytes", text.len());
                letter == 'n'
            });
            assert!(heard, "{what}, round {round}: the new master is not heard\n{}{}", new.log(), slave.log());
        }
    };
    hears(new, slave, 3);
    old.resume();
    hears(new, slave, 3);
    pause(50); // the old one has gone on by now, and finds out that it is no master any more
    hears(new, slave, 3);
}

/// A new master, which is to be there soon.
#[track_caller]
fn new_master(role: &str, name: &Name, what: &str) -> Peer {
    let new = Peer::planned(role, name, &[], "");
    let greeting = new.answer_within(SOON);
    assert_eq!(greeting.as_deref(), Some("ok Master"), "{what}: {}", new.log());
    new
}

/// AUTO becomes the slave of a master whose process is to be seen.
fn roles(place: Option<Number>) -> &'static [&'static str] {
    if place == Some(Number::Free) { &["master", "auto"] } else { &["master"] }
}

#[test]
fn an_old_master_of_ours_that_is_stopped_mixes_with_nothing() {
    for place in places() {
        for &role in roles(place) {
            for step in ["write.half", "write.copied", "write.counted"] {
                let (what, name) = (format!("{place:?}, {role}, {step}"), Name::new());
                let mut old = peer_at(place, "ours", "master", &name, &[]);
                let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
                until("they are locked in", || name.raw().get("slave_lock") != 0);
                old.ok(format_args!("arm {step}=stop"));
                old.send(format_args!("write {}", message('o')));
                old.until_stopped();
                let mut new = new_master(role, &name, &what);
                assert_only_whole(&mut old, &mut new, &mut slave, &what);
            }
        }
    }
}

/// It took over while somebody who may only read the file held its byte, so no lock tells of it.
#[test]
fn an_old_master_that_never_had_its_lock_mixes_with_nothing_either() {
    for place in places() {
        for &role in roles(place) {
            for stays in [true, false] {
                let what = format!("{place:?}, {role}, the reader stays: {stays}");
                let name = Name::new();
                drop(Raw::stamped(&name, 3, 4096));
                let mut reader = Peer::reader(&name, &["--bytes=0"]);
                let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
                let mut old = peer_at(place, "ours", "master", &name, &[]);
                assert_eq!(name.raw().get("master_lock"), 0);
                old.ok("arm write.copied=stop");
                old.send(format_args!("write {}", message('o')));
                old.until_stopped();
                if !stays {
                    reader.ok("release");
                }
                let mut new = new_master(role, &name, &what);
                assert_only_whole(&mut old, &mut new, &mut slave, &what);
            }
        }
    }
}

#[test]
fn a_released_master_that_is_stopped_and_not_proven_dead_is_replaced() {
    for place in places() {
        for &role in roles(place) {
            for protocol in ["--protocol=2", "--protocol=3"] {
                let (what, name) = (format!("{place:?}, {role}, {protocol}"), Name::new());
                let mut old = peer_at(place, "released", "master", &name, &[protocol]);
                let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0", "--retry=5"]);
                let inode = name.inode();
                old.ok(format_args!("half-write {}", message('o')));
                old.stop();
                let mut new = new_master(role, &name, &what);
                assert_ne!(name.inode(), inode, "{what}: taken over in place");
                assert_only_whole(&mut old, &mut new, &mut slave, &what);
            }
        }
    }
}
