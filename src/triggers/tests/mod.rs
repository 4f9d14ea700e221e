#[cfg(not(miri))] // forked children
mod ends;
#[cfg(not(miri))]
mod memory;

use super::*;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender as Tell};
use std::thread;
use std::time::Duration;

/// Tells a hang from a slow machine.
const HANG: Duration = Duration::from_secs(30);

/// A channel name of the test's own.
fn name(test: &str) -> String {
    format!("rpc_{test}_{}", std::process::id())
}

/// Both ends in this process.
fn pair(test: &str) -> (Rpc, Rpc) {
    let master = Rpc::open(name(test), Role::Master).unwrap();
    let slave = Rpc::open(name(test), Role::Slave).unwrap();
    (master, slave)
}

/// A handler that says a word when it runs.
fn say(words: &Tell<&'static str>, word: &'static str) -> impl Fn(&Rpc) + Send + Sync + 'static {
    let words = words.clone();
    move |_| {
        let _ = words.send(word);
    }
}

fn hear(words: &Receiver<&'static str>) -> &'static str {
    words.recv_timeout(HANG).expect("a handler that should have run")
}

fn unlock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn calls_and_events_go_both_ways() {
    let (master, slave) = pair("both_ways");
    let (said, words) = mpsc::channel();
    for (end, call, event) in [(&master, "call of master", "event of master"), (&slave, "call of slave", "event of slave")] {
        end.on_call("go", say(&said, call));
        end.on_event("go", say(&said, event)); // the same name, another kind
        end.start().unwrap();
    }
    for (end, call, event) in [(&slave, "call of master", "event of master"), (&master, "call of slave", "event of slave")] {
        end.call("go").unwrap();
        assert_eq!(hear(&words), call);
        end.emit("go").unwrap();
        assert_eq!(hear(&words), event);
    }
    for end in [&master, &slave] {
        assert_eq!((end.dispatched(), end.missed()), (2, 0));
    }
    assert_eq!((master.role(), slave.role()), (Role::Master, Role::Slave));
}

#[test]
fn a_call_has_one_handler_and_an_event_any_number() {
    let (master, slave) = pair("handlers");
    let (said, words) = mpsc::channel();
    master.on_call("c", say(&said, "old"));
    master.on_call("c", say(&said, "new"));
    master.on_call("other", say(&said, "other"));
    master.on_event("e", say(&said, "first"));
    master.on_event("e", say(&said, "second"));
    master.start().unwrap();
    slave.call("c").unwrap();
    assert_eq!(hear(&words), "new");
    slave.emit("e").unwrap();
    assert_eq!([hear(&words), hear(&words)], ["first", "second"]);
    assert_eq!(master.dispatched(), 3);
    for (fire, name) in [(Kind::Event, "nobody's"), (Kind::Call, "nobody's"), (Kind::Event, "c"), (Kind::Call, "e")] {
        slave.fire(fire, name.as_bytes()).unwrap();
        // Taken before the next is fired, or it would coalesce.
        let number = unlock(&slave.shared.sender.0).0;
        while master.shared.last.lock().unwrap().number != number {
            thread::sleep(Duration::from_millis(1));
        }
    }
    slave.call("other").unwrap();
    assert_eq!(hear(&words), "other");
    assert_eq!((master.dispatched(), master.missed()), (4, 0));
}

#[test]
fn a_handler_may_register_and_fire() {
    let (master, slave) = pair("register_and_fire");
    let (said, words) = mpsc::channel();
    let later = Mutex::new(Some(said.clone()));
    master.on_call("begin", move |master| {
        if let Some(said) = unlock(&later).take() {
            master.on_event("begun", say(&said, "registered by a handler"));
            master.on_call("begin", |_| {}); // itself
        }
        master.emit("ready").unwrap();
    });
    slave.on_event("ready", move |slave| {
        say(&said, "ready")(slave);
        slave.emit("begun").unwrap();
    });
    master.start().unwrap();
    slave.start().unwrap();
    slave.call("begin").unwrap();
    assert_eq!(hear(&words), "ready");
    assert_eq!(hear(&words), "registered by a handler");
}

#[test]
fn what_is_fired_faster_than_taken_coalesces_and_is_counted() {
    let (master, slave) = pair("coalesce");
    let (said, words) = mpsc::channel();
    master.on_call("last", say(&said, "last"));
    for _ in 0..9 {
        slave.call("first").unwrap();
    }
    slave.call("last").unwrap();
    master.start().unwrap();
    assert_eq!(hear(&words), "last");
    assert_eq!((master.dispatched(), master.missed()), (1, 9));
}

#[test]
fn what_was_fired_before_an_end_came_is_not_missed() {
    let master = Rpc::open(name("late"), Role::Master).unwrap();
    let (said, words) = mpsc::channel();
    for _ in 0..3 {
        master.call("go").unwrap();
    }
    let slave = Rpc::open(name("late"), Role::Slave).unwrap();
    slave.on_call("go", say(&said, "go"));
    slave.start().unwrap();
    master.call("go").unwrap();
    assert_eq!(hear(&words), "go");
    assert_eq!((slave.dispatched(), slave.missed()), (1, 0));
}

#[test]
fn a_restarted_peer_is_no_gap() {
    let (master, slave) = pair("restart");
    let (said, words) = mpsc::channel();
    master.on_call("go", say(&said, "go"));
    master.start().unwrap();
    for _ in 0..3 {
        slave.call("go").unwrap();
        assert_eq!(hear(&words), "go");
    }
    drop(slave);
    let slave = Rpc::open(name("restart"), Role::Slave).unwrap();
    slave.call("go").unwrap();
    assert_eq!(hear(&words), "go");
    assert_eq!((master.dispatched(), master.missed()), (4, 0));
}

#[test]
fn what_a_new_peer_fired_before_its_first_was_taken_is_no_gap() {
    let (master, slave) = pair("successor");
    let (said, words) = mpsc::channel();
    slave.on_call("go", say(&said, "go"));
    slave.start().unwrap();
    for _ in 0..3 {
        master.call("go").unwrap();
        assert_eq!(hear(&words), "go");
    }
    slave.stop().unwrap();
    drop(master);
    let master = Rpc::open(name("successor"), Role::Master).unwrap();
    for _ in 0..10 {
        master.call("go").unwrap();
    }
    slave.start().unwrap();
    assert_eq!(hear(&words), "go");
    assert_eq!((slave.dispatched(), slave.missed()), (4, 0));
}

#[test]
fn a_trigger_that_was_refused_is_no_gap() {
    let (master, slave) = pair("refused");
    let (said, words) = mpsc::channel();
    master.on_call("go", say(&said, "go"));
    master.start().unwrap();
    for _ in 0..2 {
        assert!(matches!(slave.call("x".repeat(crate::MAX_DATA_SIZE)), Err(Error::BufferTooSmall { .. })));
        slave.call("go").unwrap();
        assert_eq!(hear(&words), "go");
    }
    assert_eq!((master.dispatched(), master.missed()), (2, 0));
}

#[test]
fn names_of_any_length_that_fits() {
    let (master, slave) = pair("long");
    let (said, words) = mpsc::channel();
    for (name, word) in [("", "empty"), ("häuser ✓", "utf-8")] {
        master.on_call(name, say(&said, word));
    }
    let long = "n".repeat(crate::MAX_DATA_SIZE - 100);
    master.on_call(&long, say(&said, "long")); // longer than the dispatcher's first buffer
    master.start().unwrap();
    for (name, word) in [("", "empty"), ("häuser ✓", "utf-8"), (long.as_str(), "long"), ("", "empty")] {
        slave.call(name).unwrap();
        assert_eq!(hear(&words), word);
    }
}

#[test]
fn a_panic_ends_the_handler_and_nothing_else() {
    let (master, slave) = pair("panic");
    let (said, words) = mpsc::channel();
    master.on_event("e", |_| panic!("on purpose"));
    master.on_event("e", say(&said, "the next handler"));
    master.start().unwrap();
    for _ in 0..2 {
        slave.emit("e").unwrap();
        assert_eq!(hear(&words), "the next handler");
    }
    assert_eq!(master.dispatched(), 4);
}

#[test]
fn a_slave_waits_for_its_master_when_it_opens() {
    let slave = thread::spawn(|| Rpc::open(name("slave_first"), Role::Slave));
    thread::sleep(Duration::from_millis(50));
    assert!(!slave.is_finished());
    let _master = Rpc::open(name("slave_first"), Role::Master).unwrap();
    assert_eq!(slave.join().unwrap().unwrap().role(), Role::Slave);
}

#[test]
fn names_of_channels() {
    assert!(matches!(Rpc::open("", Role::Slave), Err(Error::InvalidParameter(_)))); // at once
    assert!(matches!(Rpc::open("x".repeat(246), Role::Slave), Err(Error::InvalidParameter(_))));
    let long = format!("{:x<245}", name("longest"));
    let rpc = Rpc::open(&long, Role::Auto).unwrap();
    assert!(Path::new(&format!("/dev/shm/eshm_{long}_ctl")).exists());
    drop(rpc);
    assert!(!Path::new(&format!("/dev/shm/eshm_{long}_ctl")).exists());
}
