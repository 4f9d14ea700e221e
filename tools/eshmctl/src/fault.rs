//! SIGBUS: somebody truncates a segment's file while it is mapped here. A look survives that; of a
//! command that holds a side it is the end, told in words.

use crate::{name::Name, top};
use std::{
    ptr,
    sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering},
};

/// The thread that judges a side: the one moment in which a look has a file mapped. 0 = none does.
static LOOKING: AtomicI32 = AtomicI32::new(0);
/// The name of the segment of which a side is held.
static USED: AtomicPtr<String> = AtomicPtr::new(ptr::null_mut());
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// Prepares for it.
pub fn prepare() {
    // SAFETY: takes no memory.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed); // before the handler is there
    // SAFETY: a valid action; the handler makes system calls alone, and touches atomics.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = raised as extern "C" fn(_, _, _) as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &action, ptr::null_mut());
    }
}

/// Judges a side: what is missing of the file reads as zeroes meanwhile.
pub fn looking<T>(judge: impl FnOnce() -> T) -> T {
    LOOKING.store(thread(), Ordering::Relaxed); // for the handler, which runs on this thread
    let result = judge();
    LOOKING.store(0, Ordering::Relaxed); // as above
    result
}

/// A side of this segment is held from now on.
pub fn uses(name: &Name) {
    let name = Box::into_raw(Box::new(name.to_string())); // a handler may look at it at any time
    USED.store(name, Ordering::Release); // pairs with the handler's acquire
}

extern "C" fn raised(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid one.
    let (code, at) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // From kill(2) its code is 0 or less.
    if code > 0 && LOOKING.load(Ordering::Relaxed) == thread() && fill(at) {
        return;
    }
    top::leave_the_screen();
    if code > 0 {
        say(b"eshmctl: ");
        // Acquire pairs with the store in `uses`.
        let name = USED.load(Ordering::Acquire);
        if !name.is_null() {
            // SAFETY: a leaked box.
            say(unsafe { &*name }.as_bytes());
            say(b": ");
        }
        say(b"somebody has truncated its file while it was in use (SIGBUS); find out who, ");
        say(b"and start both sides anew\n");
        // SAFETY: ends the process.
        unsafe { libc::_exit(1) };
    }
    // SAFETY: the signal's own end, as soon as this returns.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn thread() -> i32 {
    // SAFETY: takes nothing.
    unsafe { libc::gettid() }
}

/// Puts zeroes where the file has nothing any more.
fn fill(at: usize) -> bool {
    let page = PAGE.load(Ordering::Relaxed); // stored before the handler was there
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: this page belongs to the mapping that is looked at: nothing else here is of a file
    // that somebody may truncate meanwhile.
    let filled = unsafe {
        libc::mmap((at / page * page) as *mut libc::c_void, page, libc::PROT_READ, flags, -1, 0)
    };
    filled != libc::MAP_FAILED
}

fn say(text: &[u8]) {
    // SAFETY: bytes that live over the call.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}
