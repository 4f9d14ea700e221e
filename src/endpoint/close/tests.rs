//! Ends of a handle that something stands in the way of. What is held up here is the test's own, so nothing depends on time but that
//! each call ends: a bound of the library's is five seconds.

use super::*;
use crate::endpoint::{self, Endpoint, open::begin_master, read::Timeout};
use crate::error::Error;
use crate::sys::{fork::succeeds_in_child, lock};
use crate::{Role, segment::layout::Header};
use std::os::fd::AsFd;
use std::sync::{Weak, mpsc};
use std::time::Instant;

/// Tells a hang from a slow machine.
const HANG: Duration = Duration::from_secs(60);
/// Less than the bound after which closing goes on by itself.
const AT_ONCE: Duration = Duration::from_secs(4);

fn open(test: &str, role: Role) -> Endpoint {
    Endpoint::builder(format!("close_{test}_{}", process::pid())).role(role).open().expect("open")
}

/// Runs it on another thread, for as long as a call may take that has an end; how long it took.
fn ends(action: impl FnOnce() + Send + 'static) -> Duration {
    let (start, (done, is_done)) = (Instant::now(), mpsc::channel());
    std::thread::spawn(move || {
        action();
        let _ = done.send(());
    });
    is_done.recv_timeout(HANG).expect("it hangs");
    start.elapsed()
}

fn is_alive(header: &Header, side: Side) -> bool {
    header.alive[side as usize].load(Ordering::Relaxed) != 0
}

#[test]
fn a_thread_that_holds_the_handle_for_ever_keeps_its_memory_and_not_its_side() {
    let (master, slave) = (open("held", Role::Master), open("held", Role::Slave));
    let (core, header) = (slave.core.clone(), master.core.view().header());
    let held = sync::hold(&core.monitor); // as a thread does that has jumped out of a call
    let kept: Weak<Core> = Arc::downgrade(&slave.core);
    assert!(is_alive(header, Side::Slave));
    ends(move || drop(slave));
    assert!(!is_alive(header, Side::Slave), "the peer is told");
    drop(held);
    drop(core);
    // The service thread gives its list back at its next tick.
    while Weak::strong_count(&kept) > 1 {
        std::thread::yield_now();
    }
    assert!(kept.upgrade().is_some(), "that thread may still use it");
}

#[test]
fn who_has_lost_its_side_to_another_does_not_end_that_ones_when_its_lock_is_held_for_ever() {
    let (first, second) = (open("displaced", Role::Master), open("displaced", Role::Master));
    let core = first.core.clone();
    let held = sync::hold(&core.monitor);
    ends(move || drop(first));
    assert!(is_alive(second.core.view().header(), Side::Master));
    drop(held);
}

#[test]
fn a_read_that_comes_after_the_end_is_refused() {
    let master = open("late", Role::Master);
    let core = master.core.clone();
    core.write(&[std::mem::MaybeUninit::new(1)]).expect("write");
    drop(master);
    // SAFETY: the Arc keeps the handle; its addresses are kept for some more ends.
    let read = unsafe { endpoint::read_rest(Arc::as_ptr(&core), &mut [std::mem::MaybeUninit::uninit(); 8], Timeout::None) };
    assert_eq!(read, Err(Error::NotInitialized));
}

#[test]
fn an_interruption_ends_when_somebody_resumes_and_else_by_itself() {
    let master = open("interrupt", Role::Master);
    let (place, _) = master.core.enter(); // a read that does not come back
    for resumed in [true, false] {
        let core = master.core.clone();
        let other = std::thread::spawn(move || ends(move || core.interrupt()));
        while !master.core.interrupted.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        if resumed {
            master.core.resume();
        }
        let time = other.join().expect("it ends");
        assert_eq!(time < AT_ONCE, resumed, "{time:?}");
        master.core.resume();
    }
    // SAFETY: entered above.
    unsafe { Core::exit(Arc::as_ptr(&master.core), place) };
}

#[test]
fn a_read_that_does_not_return_in_time_finds_all_as_it_was() {
    for without_place in [false, true] {
        let (master, slave) = (open("late_read", Role::Master), open("late_read", Role::Slave));
        let (core, reader) = (slave.core.clone(), slave.core.clone());
        std::thread::spawn(move || {
            let places: Vec<usize> = (0..=PLACES).map(|_| reader.enter().0).collect();
            for &place in places.iter().filter(|&&place| (place < PLACES) == without_place) {
                // SAFETY: entered above.
                unsafe { Core::exit(Arc::as_ptr(&reader), place) };
            }
        })
        .join()
        .expect("no panic");
        ends(move || drop(slave));
        for _ in 0..20 {
            drop(open("late_read_more", Role::Master)); // more than are kept
        }
        assert!(Arc::strong_count(&core) > 1, "it was forgotten, and not dropped");
        let beats = |core: &Core| core.view().header().heartbeat[Side::Master as usize].load(Ordering::Relaxed);
        let (before, start) = (beats(&core), Instant::now());
        while beats(&core) == before {
            assert!(start.elapsed() < HANG, "its addresses lead to the segment no more");
            std::thread::yield_now();
        }
        drop(master);
    }
}

#[test]
fn an_end_waits_for_no_read_that_is_over() {
    let master = open("over", Role::Master);
    let (count, mut inside) = (PLACES + 3, Vec::new());
    let (begun, has_begun) = mpsc::channel();
    let (go_on, gates): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel::<()>()).unzip();
    for gate in gates {
        let (core, begun) = (master.core.clone(), begun.clone());
        inside.push(std::thread::spawn(move || {
            let (place, _) = core.enter();
            begun.send(()).expect("the test waits");
            gate.recv().expect("the test says so");
            // SAFETY: entered above.
            unsafe { Core::exit(Arc::as_ptr(&core), place) };
        }));
    }
    for _ in 0..count {
        has_begun.recv_timeout(HANG).expect("a thread that enters");
    }
    assert!(master.core.inside.load(Ordering::SeqCst) > 0, "some have no place");
    for gate in go_on {
        gate.send(()).expect("the thread waits");
    }
    inside.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(ends(move || drop(master)) < AT_ONCE);
}

#[test]
fn a_child_that_lives_on_keeps_no_lock_on_what_is_left_nor_on_what_was_to_come() {
    let name = format!("close_pending_{}", process::pid());
    let master = Endpoint::builder(&name).role(Role::Master).threads(false).open().expect("open");
    file::unlink(master.core.name.path()).expect("its name");
    let next = begin_master(&master.core.name, &master.core.settings, None).expect("room").expect("a name");
    let mut held = sync::hold(&master.core.monitor);
    let monitor = held.as_mut().expect("open");
    let childs = [&monitor.segment, &next.segment].map(|segment| segment.file.try_clone().expect("as fork(2) copies it"));
    let others = childs.each_ref().map(|file| file::reopened(file.as_fd(), libc::O_RDWR));
    let is_locked = || others.each_ref().map(|file| lock::held_by_other(file.as_fd(), 0..i64::MAX));
    monitor.pending = Some((next.segment, Some(next.attachment)));
    drop(held);
    assert_eq!(is_locked(), [true, true]);
    drop(master);
    assert_eq!(is_locked(), [false, false]);
}

#[test]
fn an_end_does_not_wait_for_ever_for_what_all_handles_share() {
    let good = succeeds_in_child(|| {
        let (master, slave) = (open("shared", Role::Master), open("shared", Role::Slave));
        service::while_held(|| drop(slave));
        let told = !is_alive(master.core.view().header(), Side::Slave);
        drop(master);
        told
    });
    assert!(good, "it hangs, or the peer is not told");
}
