//! The functions for triggers in any order on two ends, also from handlers, with NULL and texts that are none among the
//! arguments.

use crate::input::Input;
use eshm::ffi::eshm_rpc::*;
use eshm_processes::Name;
use std::{
    ffi::{CStr, CString, c_void},
    ptr,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

const STEPS: usize = 80;
const NAMES: [&CStr; 5] = [c"", c"go", c"stop", c"\xFF", c"h\xC3\xA4user"];

/// What handlers get: how many have run, and the end they act on.
#[derive(Default)]
struct Seen {
    runs: AtomicU64,
    acts_on: AtomicPtr<EshmRpc>,
}

unsafe extern "C-unwind" fn count(user: *mut c_void) {
    // SAFETY: it outlives both ends.
    unsafe { &*user.cast::<Seen>() }.runs.fetch_add(1, Ordering::Relaxed);
}

/// A handler that stops, registers and fires.
unsafe extern "C-unwind" fn act(user: *mut c_void) {
    // SAFETY: as above; the end is alive, as it waits for its handlers.
    unsafe {
        count(user);
        let rpc = (*user.cast::<Seen>()).acts_on.load(Ordering::Acquire); // pairs with run
        eshm_rpc_stop(rpc);
        eshm_rpc_on_call(rpc, c"go".as_ptr(), Some(count), user);
        eshm_rpc_call(rpc, c"stop".as_ptr());
        eshm_rpc_start(rpc);
    }
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = Name::new();
    let channel = CString::new(name.as_str()).expect("no NUL in a name");
    let seen = [Seen::default(), Seen::default()];
    // SAFETY: live names; ends that live until they are destroyed below, and what handlers get lives longer.
    unsafe {
        for bad in [ptr::null(), c"".as_ptr()] {
            assert!(eshm_rpc_create(bad, 0).is_null());
        }
        assert!(eshm_rpc_create(channel.as_ptr(), 3 + i32::from(input.byte())).is_null());
        let ends = [eshm_rpc_create(channel.as_ptr(), 0), eshm_rpc_create(channel.as_ptr(), 1)];
        for (end, seen) in ends.iter().zip(&seen) {
            assert!(!end.is_null());
            seen.acts_on.store(*end, Ordering::Release); // pairs with act
        }
        for _ in 0..STEPS {
            if input.is_empty() {
                break;
            }
            let (step, odd) = (input.byte(), input.byte());
            let at = usize::from(step >> 7);
            let rpc = if odd == 1 { ptr::null_mut() } else { ends[at] };
            let user = ptr::from_ref(&seen[at]).cast_mut().cast();
            let name = if odd == 2 { ptr::null() } else { input.pick(&NAMES).as_ptr() };
            let handler: eshm_rpc_handler = match odd {
                3 => None,
                4..100 => Some(act),
                _ => Some(count),
            };
            let code = match step & 7 {
                0 => eshm_rpc_on_call(rpc, name, handler, user),
                1 => eshm_rpc_on_event(rpc, name, handler, user),
                2 | 3 => eshm_rpc_start(rpc),
                4 => eshm_rpc_stop(rpc),
                5 => eshm_rpc_call(rpc, name),
                6 => eshm_rpc_emit(rpc, name),
                _ => {
                    assert!(eshm_rpc_dispatched(rpc) <= u64::MAX / 2 && eshm_rpc_missed(rpc) <= u64::MAX / 2);
                    0
                }
            };
            let is_odd = odd < 4;
            // An end that was starved may be detached for a moment.
            assert!(code == 0 || is_odd && code == -1 || matches!(step & 7, 5 | 6) && code == -10, "{code} of {step}");
            assert!(CStr::from_ptr(eshm_rpc_get_last_error()).to_str().is_ok());
        }
        for (end, seen) in ends.iter().zip(&seen) {
            assert_eq!(eshm_rpc_stop(*end), 0);
            let runs = seen.runs.load(Ordering::Relaxed);
            assert!(eshm_rpc_dispatched(*end) >= runs, "more ran than were dispatched");
        }
        // Those that run on, as a handler started its end again, end with the end.
        for end in ends {
            eshm_rpc_destroy(end);
        }
        eshm_rpc_destroy(ptr::null_mut());
    }
}
