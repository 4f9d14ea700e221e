//! Waits of the Rust API that end early: after a spin, at a signal, at an interruption.

use eshm::{Endpoint, Role};
use std::{
    mem::MaybeUninit,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// So long that only a hang lasts it.
const LONG: Duration = Duration::from_secs(3600);

fn pair(name: &str) -> (Endpoint, Endpoint) {
    let name = format!("waiting_{name}_{}", std::process::id());
    let open = |role| Endpoint::builder(&name).role(role).open().expect("opens");
    (open(Role::Master), open(Role::Slave))
}

#[test]
fn a_spin_finds_what_comes_and_ends_without_it() {
    let (master, slave) = pair("spin");
    let mut buffer = [MaybeUninit::uninit(); 64];
    for spin in [Duration::ZERO, Duration::from_micros(20)] {
        assert_eq!(slave.try_read_for(&mut buffer, spin), Ok(None));
        master.write(b"here").unwrap();
        assert_eq!(slave.try_read_for(&mut buffer, spin), Ok(Some(4)));
    }
    let writer = thread::spawn(move || {
        master.write(b"later").unwrap();
        master
    });
    assert_eq!(slave.try_read_for(&mut buffer, LONG).map(|size| size.is_none_or(|size| size == 5)), Ok(true));
    drop(writer.join().unwrap());
}

#[test]
fn a_write_that_nothing_stands_in_the_way_of_is_done_at_once() {
    let (master, slave) = pair("write");
    assert!(master.try_write(b"x"));
    assert_eq!(slave.try_read(&mut [0; 8]), Ok(Some(1)));
    assert!(!master.try_write(&vec![0; eshm::MAX_DATA_SIZE + 1]));
    assert_eq!(slave.try_read(&mut [0; 8]), Ok(None));
}

#[test]
fn a_signal_ends_a_wait_and_takes_nothing() {
    extern "C" fn handler(_: libc::c_int) {}
    // SAFETY: a handler that does nothing, of a signal that no other test of this program uses.
    unsafe { libc::signal(libc::SIGUSR1, handler as *const () as libc::sighandler_t) };
    let (master, slave) = pair("signal");
    // SAFETY: asks for this thread's id.
    let reader = unsafe { libc::pthread_self() };
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                // SAFETY: the thread outlives this scope.
                unsafe { libc::pthread_kill(reader, libc::SIGUSR1) };
                thread::sleep(Duration::from_millis(1)); // again: one may have come before it was asleep
            }
        });
        let mut buffer = [MaybeUninit::uninit(); 64];
        assert_eq!(slave.read_until_signal(&mut buffer, LONG), Ok(None));
        ended.store(true, Ordering::Relaxed);
    });
    let mut buffer = [MaybeUninit::uninit(); 64];
    assert_eq!(slave.read_until_signal(&mut buffer, Duration::from_millis(2)), Ok(None));
    master.write(b"here").unwrap();
    assert_eq!(slave.read_until_signal(&mut buffer, LONG), Ok(Some(4)));
}

#[test]
fn an_interruption_ends_the_waits_of_all_threads_until_resumed() {
    let (master, slave) = pair("interrupt");
    thread::scope(|scope| {
        let begun: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut buffer = [MaybeUninit::uninit(); 64];
                    slave.read_until_signal(&mut buffer, LONG)
                })
            })
            .collect();
        slave.interrupt();
        for read in begun {
            assert_eq!(read.join().unwrap(), Ok(None)); // also of one that began after it
        }
    });
    slave.resume();
    master.write(b"here").unwrap();
    assert_eq!(slave.read_timeout(&mut [0; 8], LONG), Ok(4));
}
