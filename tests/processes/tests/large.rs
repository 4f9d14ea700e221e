//! Segments so large that reserving their memory takes a while.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Peer, Raw, builder, ms, open, until};
use std::{
    fs,
    os::unix::{fs::MetadataExt, thread::JoinHandleExt},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
};

const CAPACITY: usize = 64 << 20;
/// A busy machine may run the watcher too late.
const ATTEMPTS: u32 = 20;

fn master(name: &Name) -> Endpoint {
    builder(name, Role::Master).capacity(CAPACITY).open().expect("create")
}

/// Bytes of memory that a file has, and its size.
fn memory(name: &Name) -> Option<(u64, u64)> {
    fs::metadata(name.path()).ok().map(|file| (file.blocks() * 512, file.len()))
}

#[test]
fn the_name_is_there_before_the_memory_and_a_slave_that_comes_then_finds_a_live_master() {
    let mut early = 0;
    for _ in 0..ATTEMPTS {
        let name = Name::new();
        thread::scope(|scope| {
            let starter = scope.spawn(|| master(&name));
            let mut first = None;
            until("there is a name", || {
                first = memory(&name);
                first.is_some()
            });
            let slave = open(&name, Role::Slave);
            assert_eq!(slave.capacity(), Ok(CAPACITY));
            let (had, size) = first.expect("just seen");
            assert!(had > 2 << 16, "what is no message has its memory before the name: {had}");
            assert_eq!(size, fs::metadata(name.path()).expect("still there").len(), "the name came with the whole size");
            early += u32::from(had < size);
            let master = starter.join().expect("no panic");
            let (has, _) = memory(&name).expect("still there");
            assert!(has >= size, "all of it is reserved once a master is open");
            master.write(&[7; 100]).expect("write");
            assert_eq!(slave.read_timeout(&mut [0; 100], ms(20_000)), Ok(100));
        });
        if early > 0 {
            return;
        }
    }
    panic!("in {ATTEMPTS} attempts no name was there before the memory");
}

#[test]
fn a_small_segment_has_all_its_memory_at_once() {
    for capacity in [100, 4096, 200_000] {
        let name = Name::new();
        let _master = builder(&name, Role::Master).capacity(capacity).open().expect("create");
        let (has, size) = memory(&name).expect("it is there");
        assert!(has >= size, "{has} of {size}");
    }
}

#[test]
fn a_master_beats_while_its_memory_is_reserved() {
    let beats = (0..ATTEMPTS).any(|_| {
        let name = Name::new();
        thread::scope(|scope| {
            let starter = scope.spawn(|| master(&name));
            until("there is a name", || name.exists());
            let (raw, mut beats) = (name.raw(), 0);
            while !starter.is_finished() {
                let now = raw.get("master_heartbeat");
                if memory(&name).is_some_and(|(has, size)| has < size) {
                    beats = now;
                }
            }
            drop(starter.join().expect("no panic"));
            beats >= 3
        })
    });
    assert!(beats, "in {ATTEMPTS} attempts none beat");
}

#[test]
fn a_master_for_whose_memory_there_is_no_room_leaves_as_any_other() {
    for _ in 0..ATTEMPTS {
        let (name, done) = (Name::new(), AtomicBool::new(false));
        let mut peer = Peer::faults(&name);
        peer.ok(format_args!("failing fallocate {} {}", libc::ENOSPC, 48 << 20)); // that piece of it
        let look = || fs::File::options().read(true).write(true).open(name.path()).ok();
        let seen = thread::scope(|scope| {
            let watcher = scope.spawn(|| std::iter::repeat_with(look).find(|file| file.is_some() || done.load(SeqCst)));
            let answer = peer.ask(format_args!("why master {CAPACITY}"));
            done.store(true, SeqCst);
            assert!(answer.starts_with("code -2 ") && answer.contains("No space left"), "{answer}");
            assert!(!name.exists(), "its name stays");
            let file = watcher.join().expect("no panic").flatten()?;
            // As a slave sees it that had come in between.
            assert_eq!(Raw::map(file, CAPACITY).expect("a segment").get("master_alive"), 0);
            Some(())
        });
        peer.ok("failing none");
        assert_eq!(peer.ask(format_args!("why master {CAPACITY}")), "ok");
        if seen.is_some() {
            return;
        }
    }
    panic!("in {ATTEMPTS} attempts no name was seen");
}

extern "C" fn ignore(_: libc::c_int) {}

#[test]
fn a_periodic_signal_does_not_keep_a_large_segment_from_being_made() {
    let handler: extern "C" fn(libc::c_int) = ignore;
    // SAFETY: a plain struct, for which zero is a value; the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
    }
    let (name, done) = (Name::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        let starter = thread::spawn({
            let path = name.as_str().to_owned();
            move || drop(Endpoint::builder(path).role(Role::Master).capacity(CAPACITY).open().expect("create"))
        });
        let target = starter.as_pthread_t();
        let profiler = scope.spawn({
            let done = &done;
            move || {
                while !done.load(SeqCst) {
                    // SAFETY: the thread is joined only after this loop.
                    unsafe { libc::pthread_kill(target, libc::SIGUSR1) };
                    thread::sleep(ms(2));
                }
            }
        });
        let ended = eshm_processes::eventually(ms(20_000), || starter.is_finished());
        done.store(true, SeqCst);
        profiler.join().expect("no panic");
        starter.join().expect("no panic");
        assert!(ended, "made only once the signals had ended");
    });
    assert!(!name.exists());
}
