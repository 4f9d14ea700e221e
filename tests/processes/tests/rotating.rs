//! A name that has another file again as soon as its file is removed, as a script that has gone wrong makes it, and faster than
//! anybody makes a segment: an opening ends, in time, with few lines, and says why.

use eshm_processes::{Name, Peer, Raw, elapsed_ms, ms, tasks};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// The longest that the documentation gives one opening, in milliseconds, and a judgement; with what a busy machine adds.
const MOST: u64 = 15_000 + 4_000;

/// Makes a file of some kind under this name.
type Make = fn(&Name);

const FILES: [(&str, Make); 3] = [
    ("never finished", |name| fs::write(name.path(), "").expect("write")),
    ("no segment", |name| fs::write(name.path(), "not a segment").expect("write")),
    ("a dead master's", |name| {
        let raw = Raw::stamped(name, 2, 4096);
        raw.set("stale_threshold", 2000);
        raw.occupy("master", tasks::free_pid());
    }),
];

/// Has a thread stop as the test goes on, or fails.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_name_that_leads_to_one_file_after_another_holds_up_no_opening_for_long() {
    thread::scope(|scope| {
        for (what, make) in FILES {
            for role in ["master", "auto"] {
                scope.spawn(move || open_beside_a_script(what, make, role));
            }
        }
    });
}

fn open_beside_a_script(what: &str, make: Make, role: &str) {
    let (name, stop) = (Name::new(), AtomicBool::new(false));
    let mut peer = Peer::faults(&name);
    // As if the script had been faster each time.
    peer.ok(format_args!("failing linkat {}", libc::EEXIST));
    let (answer, took) = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let next = Name::new();
                make(&next);
                let _ = fs::hard_link(next.path(), name.path()); // where there is none now
                thread::sleep(ms(1));
            }
        });
        let _stopping = Stopping(&stop); // also where no answer comes
        elapsed_ms(|| peer.ask(format_args!("init {role}")))
    });
    let log = peer.log();
    println!("{what}, {role}: {answer} after {took} ms, {} lines", log.lines().count());
    assert_eq!(answer, "null", "{what}, {role}");
    assert!(took < MOST, "{what}, {role}: {took} ms");
    assert!(log.lines().count() < 60, "{what}, {role}: {} lines", log.lines().count());
    assert!(log.contains("another file again and again"), "{what}, {role}: {}", log.lines().last().unwrap_or(""));
}
