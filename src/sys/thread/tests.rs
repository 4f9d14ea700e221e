//! Threads as they are started and ended.

use super::*;
use crate::sys::fork::succeeds_in_child;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const STACK: usize = 8 << 20;
/// Tells a hang from a slow machine.
const HANG: Duration = Duration::from_secs(30);

fn soon() -> u64 {
    clock::now() + HANG.as_nanos() as u64
}

/// Bytes of the calling thread's stack.
fn stack_size() -> usize {
    let (mut start, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are filled in, asked and destroyed.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), &mut attributes), 0);
        libc::pthread_attr_getstack(&attributes, &mut start, &mut size);
        libc::pthread_attr_destroy(&mut attributes);
    }
    size
}

#[test]
fn it_has_the_name_the_stack_and_the_mask_asked_for_and_is_gone_once_joined() {
    let (tell, told) = mpsc::channel();
    let body = move || {
        let name = std::fs::read_to_string("/proc/thread-self/comm").expect("our own");
        tell.send((name, stack_size(), SignalsBlocked::are())).expect("the test waits");
    };
    let thread = spawn(c"eshm_test", 3 << 20, Box::new(body)).expect("a thread");
    assert!(!SignalsBlocked::are(), "the mask of who starts it is as before");
    assert_eq!(told.recv_timeout(HANG), Ok(("eshm_test\n".to_owned(), 3 << 20, true)));
    assert!(thread.join(soon()));
}

#[test]
fn one_that_cannot_be_had_takes_nothing_along() {
    let what = Arc::new(());
    let body = what.clone();
    assert!(spawn(c"eshm_test", 1 << 62, Box::new(move || drop(body))).is_err());
    assert_eq!(Arc::strong_count(&what), 1);
    assert!(!SignalsBlocked::are());
}

unsafe extern "C-unwind" {
    fn pthread_exit(value: *mut c_void) -> !;
}

#[test]
fn one_that_leaves_by_pthread_exit_has_ended() {
    // SAFETY: the frames below are this one and those of `begin`, which may be unwound.
    let thread = spawn(c"eshm_test", STACK, Box::new(|| unsafe { pthread_exit(std::ptr::null_mut()) }));
    assert!(thread.expect("a thread").join(soon()));
}

#[test]
fn who_joins_waits_for_its_end_and_no_longer_than_said() {
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let start = || {
        let (begun, has_begun) = mpsc::channel();
        let gate = gate.clone();
        let body = move || {
            begun.send(()).expect("the test waits");
            let _ = gate.lock().expect("no panic").recv_timeout(HANG);
        };
        let thread = spawn(c"eshm_test", STACK, Box::new(body)).expect("a thread");
        has_begun.recv_timeout(HANG).expect("it begins");
        thread
    };
    assert!(!start().join(clock::now() + 10 * clock::MS));
    go_on.send(()).expect("it waits");
    let woken = (0..20).any(|_| {
        let thread = start();
        let begin = Instant::now();
        let joiner = std::thread::spawn(move || (thread.join(soon()), begin.elapsed()));
        std::thread::sleep(Duration::from_millis(20)); // it is about to wait
        go_on.send(()).expect("it waits");
        let (ended, time) = joiner.join().expect("no panic");
        assert!(ended);
        time < Duration::from_millis(500) // its sleep has an end after a second
    });
    assert!(woken, "it went on sleeping");
}

/// Bytes of addresses of this process.
fn addresses() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("our own");
    pages.split(' ').next().and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

#[test]
fn neither_one_that_was_joined_nor_one_that_was_let_go_of_keeps_its_stack() {
    for joined in [true, false] {
        assert!(succeeds_in_child(|| {
            let before = addresses();
            for _ in 0..40 {
                let thread = spawn(c"eshm_test", STACK, Box::new(|| ())).expect("a thread");
                if joined {
                    assert!(thread.join(soon()));
                }
            }
            // The C library keeps some 40 MB of stacks for the next threads.
            let start = Instant::now();
            while addresses() > before + 15 * STACK {
                assert!(start.elapsed() < HANG, "{} bytes of stacks", addresses() - before);
                std::thread::sleep(Duration::from_millis(1));
            }
            true
        }));
    }
}
