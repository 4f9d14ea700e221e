//! The functions for triggers, as [`exported`](crate::exported) has the others.

use crate::exported::{Exported, PANICKED};
use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    path::Path,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

type Handler = unsafe extern "C" fn(user: *mut c_void);

unsafe extern "C" {
    fn eshm_rpc_create(channel: *const c_char, role: c_int) -> *mut c_void;
    fn eshm_rpc_destroy(rpc: *mut c_void);
    fn eshm_rpc_on_call(rpc: *mut c_void, name: *const c_char, handler: Handler, user: *mut c_void) -> c_int;
    fn eshm_rpc_on_event(rpc: *mut c_void, name: *const c_char, handler: Handler, user: *mut c_void) -> c_int;
    fn eshm_rpc_start(rpc: *mut c_void) -> c_int;
    fn eshm_rpc_stop(rpc: *mut c_void) -> c_int;
    fn eshm_rpc_call(rpc: *mut c_void, name: *const c_char) -> c_int;
    fn eshm_rpc_emit(rpc: *mut c_void, name: *const c_char) -> c_int;
    fn eshm_rpc_missed(rpc: *const c_void) -> u64;
    fn eshm_rpc_dispatched(rpc: *const c_void) -> u64;
    fn eshm_rpc_get_last_error() -> *const c_char;
}

extern "C" fn nothing(_: *mut c_void) {}

/// What a call gives with a channel of its own, which is gone afterwards.
fn with(name: &str, call: impl FnOnce(*mut c_void) -> c_int) -> i64 {
    let channel = CString::new(name).expect("no NUL in it");
    // SAFETY: a name; a live one until the end, as in all below.
    unsafe {
        let rpc = eshm_rpc_create(channel.as_ptr(), 0);
        assert!(!rpc.is_null(), "a channel");
        let result = call(rpc);
        eshm_rpc_destroy(rpc);
        result.into()
    }
}

/// One trigger goes from a slave to a master, whose second handler waits for it; what `count` gives there.
fn counted(name: &str, fired: u32, count: unsafe extern "C" fn(*const c_void) -> u64) -> i64 {
    extern "C" fn wake(user: *mut c_void) {
        // SAFETY: the sender outlives the handler.
        let _ = unsafe { &*user.cast::<std::sync::mpsc::Sender<()>>() }.send(());
    }
    let (sender, ran) = std::sync::mpsc::channel::<()>();
    let mut result = -1;
    // SAFETY: a live end, names that end in NUL, a handler that may always run.
    with(name, |rpc| unsafe {
        let user = ptr::from_ref(&sender).cast_mut().cast();
        assert_eq!(eshm_rpc_on_event(rpc, c"go".as_ptr(), wake, user), 0);
        let channel = CString::new(name).expect("no NUL in it");
        let slave = eshm_rpc_create(channel.as_ptr(), 1);
        (0..fired).for_each(|_| assert_eq!(eshm_rpc_emit(slave, c"go".as_ptr()), 0));
        assert_eq!(eshm_rpc_start(rpc), 0);
        ran.recv().expect("the handler runs");
        assert_eq!(eshm_rpc_stop(rpc), 0);
        eshm_rpc_destroy(slave);
        result = count(rpc) as i64;
        0
    });
    result
}

/// All of them.
pub(crate) const ALL: &[Exported] = &[
    Exported {
        name: "eshm_rpc_create",
        call: |_, name| {
            let channel = CString::new(name).expect("no NUL in it");
            // SAFETY: a live end, names that end in NUL, a handler that may always run.
            let rpc = unsafe { eshm_rpc_create(channel.as_ptr(), 0) };
            // SAFETY: a live end, names that end in NUL, a handler that may always run.
            unsafe { eshm_rpc_destroy(rpc) };
            i64::from(!rpc.is_null())
        },
        good: 1,
        bad: 0,
    },
    Exported {
        name: "eshm_rpc_destroy",
        // Whether the channel is still there; then the next call ends it.
        call: |_, name| {
            static LEFT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
            let channel = CString::new(name).expect("no NUL in it");
            let mut rpc = LEFT.swap(ptr::null_mut(), Ordering::Relaxed);
            // SAFETY: destroyed once more only if that has not begun.
            unsafe {
                if rpc.is_null() {
                    rpc = eshm_rpc_create(channel.as_ptr(), 0);
                }
                eshm_rpc_destroy(rpc);
            }
            let is_there = Path::new(&format!("/dev/shm/eshm_{name}_ctl")).exists();
            if is_there {
                LEFT.store(rpc, Ordering::Relaxed);
            }
            is_there.into()
        },
        good: 0,
        bad: 1,
    },
    Exported {
        name: "eshm_rpc_on_call",
        // SAFETY: a live end, names that end in NUL, a handler that may always run.
        call: |_, name| with(name, |rpc| unsafe { eshm_rpc_on_call(rpc, c"go".as_ptr(), nothing, ptr::null_mut()) }),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_rpc_on_event",
        // SAFETY: a live end, names that end in NUL, a handler that may always run.
        call: |_, name| with(name, |rpc| unsafe { eshm_rpc_on_event(rpc, c"go".as_ptr(), nothing, ptr::null_mut()) }),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_rpc_start",
        // SAFETY: a live end, names that end in NUL, a handler that may always run.
        call: |_, name| with(name, |rpc| unsafe { eshm_rpc_start(rpc) }),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_rpc_stop",
        call: |_, name| {
            // SAFETY: a live end, names that end in NUL, a handler that may always run.
            with(name, |rpc| unsafe {
                assert_eq!(eshm_rpc_start(rpc), 0);
                eshm_rpc_stop(rpc)
            })
        },
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_rpc_call",
        // SAFETY: a live end, names that end in NUL, a handler that may always run.
        call: |_, name| with(name, |rpc| unsafe { eshm_rpc_call(rpc, c"go".as_ptr()) }),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_rpc_emit",
        // SAFETY: a live end, names that end in NUL, a handler that may always run.
        call: |_, name| with(name, |rpc| unsafe { eshm_rpc_emit(rpc, c"go".as_ptr()) }),
        good: 0,
        bad: PANICKED,
    },
    Exported { name: "eshm_rpc_missed", call: |_, name| counted(name, 3, eshm_rpc_missed), good: 2, bad: 0 },
    Exported { name: "eshm_rpc_dispatched", call: |_, name| counted(name, 1, eshm_rpc_dispatched), good: 1, bad: 0 },
    Exported {
        name: "eshm_rpc_get_last_error",
        // SAFETY: a live end, names that end in NUL, a handler that may always run.
        call: |_, _| unsafe {
            assert_eq!(eshm_rpc_start(ptr::null_mut()), -1);
            CStr::from_ptr(eshm_rpc_get_last_error()).count_bytes() as i64
        },
        good: "the handle is NULL".len() as i64,
        bad: 0,
    },
];
