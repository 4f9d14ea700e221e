//! Threads of the library's own, made by pthread_create(3) alone: those of the standard library have destructors of thread-local
//! values, which need the loader's lock, and a handle may be opened and closed by a constructor that the loader runs.

#[cfg(not(loom))]
use super::{clock, futex};
#[cfg(not(loom))]
use crate::sync::{AtomicU32, Ordering};
use std::io;
#[cfg(not(loom))]
use std::{
    ffi::{CStr, c_int, c_void},
    sync::Arc,
};

/// All signals blocked in the calling thread but the synchronous ones, until dropped: a thread started meanwhile keeps
/// this mask, so that no handler of the program ever runs on it.
pub(crate) struct SignalsBlocked(#[cfg(not(any(loom, miri)))] libc::sigset_t);

#[cfg(not(any(loom, miri)))]
impl SignalsBlocked {
    /// Blocks them.
    #[inline(never)]
    pub(crate) fn new() -> Self {
        // SAFETY: sigset_t is plain old data, initialised by sigfillset; the old mask is written by the call.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut old: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut all);
            for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
                libc::sigdelset(&mut all, signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
            SignalsBlocked(old)
        }
    }

    /// Whether they are blocked in the calling thread.
    pub(crate) fn are() -> bool {
        // SAFETY: as in new; no mask is given, so none is changed.
        unsafe {
            let mut now: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &mut now);
            libc::sigismember(&now, libc::SIGTERM) == 1
        }
    }
}

#[cfg(any(loom, miri))]
impl SignalsBlocked {
    pub(crate) fn new() -> Self {
        SignalsBlocked()
    }

    pub(crate) fn are() -> bool {
        true
    }
}

impl Drop for SignalsBlocked {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: the mask saved by new.
        #[cfg(not(any(loom, miri)))]
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut())
        };
    }
}

/// Cancellation (pthread_cancel(3)) is off in this thread until dropped: it would unwind our frames. It stays pending.
#[cfg(not(any(loom, miri)))]
pub(crate) struct Uncancelled(c_int);

#[cfg(not(any(loom, miri)))]
impl Uncancelled {
    #[inline]
    pub(crate) fn new() -> Self {
        let mut old = 0;
        // SAFETY: a state, and room for the old one.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut old) };
        Uncancelled(old)
    }
}

#[cfg(not(any(loom, miri)))]
impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the state saved by new.
        unsafe { pthread_setcancelstate(self.0, std::ptr::null_mut()) };
    }
}

/// Ends this thread if somebody has cancelled it. Only where no frame of ours below has anything to clean up.
#[inline]
pub(crate) fn honour_cancellation() {
    // SAFETY: takes no memory; what it unwinds are plain frames by this function's condition.
    #[cfg(not(any(loom, miri)))]
    unsafe {
        pthread_testcancel()
    };
}

#[cfg(not(any(loom, miri)))]
const PTHREAD_CANCEL_DISABLE: c_int = 1;

#[cfg(not(any(loom, miri)))]
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

#[cfg(not(any(loom, miri)))]
unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// In models and under miri there is none.
#[cfg(any(loom, miri))]
pub(crate) struct Uncancelled;

#[cfg(any(loom, miri))]
impl Uncancelled {
    pub(crate) fn new() -> Self {
        Uncancelled
    }
}

/// The calling thread's number among those that live; never 0.
pub(crate) fn own_number() -> usize {
    // SAFETY: takes no memory.
    (unsafe { libc::pthread_self() }) as usize
}

/// A thread of the library's.
#[cfg(not(loom))]
pub(crate) struct Thread {
    id: libc::pthread_t,
    /// Futex: 1 when it has done all that it does.
    done: Arc<AtomicU32>,
    joined: bool,
}

/// What a new thread is given.
#[cfg(not(loom))]
struct Start {
    name: &'static CStr,
    done: Arc<AtomicU32>,
    body: Box<dyn FnOnce() + Send>,
}

#[cfg(not(loom))]
extern "C-unwind" fn begin(start: *mut c_void) -> *mut c_void {
    // SAFETY: given up by spawn to this thread alone.
    let Start { name, done, body } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    // SAFETY: a name of less than 16 bytes, for this thread.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    let _done = Done(done);
    body();
    std::ptr::null_mut()
}

/// Says that a thread has done all that it does, however it ends.
#[cfg(not(loom))]
struct Done(Arc<AtomicU32>);

#[cfg(not(loom))]
impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(1, Ordering::Release); // pairs with join
        futex::wake(&self.0, futex::Scope::Private);
    }
}

/// Starts a thread of the library's: named, with all signals blocked, so that none of the program's handlers runs on it.
#[cfg(not(loom))]
pub(crate) fn spawn(name: &'static CStr, stack: usize, body: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
    let done = Arc::new(AtomicU32::new(0));
    let start = Box::into_raw(Box::new(Start { name, done: done.clone(), body }));
    let _blocked = SignalsBlocked::new(); // inherited by the thread
    // SAFETY: the attributes are initialised before use and destroyed after; `start` goes to the thread, if there is one.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        let mut id: libc::pthread_t = std::mem::zeroed();
        let mut error = libc::pthread_attr_init(&mut attributes);
        if error == 0 {
            libc::pthread_attr_setstacksize(&mut attributes, stack); // the default's is larger
            error = pthread_create(&mut id, &attributes, begin, start.cast());
            libc::pthread_attr_destroy(&mut attributes);
        }
        if error == 0 {
            return Ok(Thread { id, done, joined: false });
        }
        drop(Box::from_raw(start));
        Err(io::Error::from_raw_os_error(error))
    }
}

#[cfg(not(loom))]
unsafe extern "C" {
    /// As in `libc`, but for what may leave the thread: an exception of a handler of the program's goes to the C++ runtime.
    fn pthread_create(
        id: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        begin: extern "C-unwind" fn(*mut c_void) -> *mut c_void,
        start: *mut c_void,
    ) -> c_int;
}

#[cfg(not(loom))]
impl Thread {
    /// Waits until it is gone, at most until `end`; false if it was not, and then it is let go of.
    pub(crate) fn join(mut self, end: u64) -> bool {
        // Acquire pairs with Done.
        while self.done.load(Ordering::Acquire) == 0 {
            if clock::now() >= end {
                return false;
            }
            futex::wait(&self.done, 0, Some(end), futex::Scope::Private);
        }
        self.joined = true;
        // SAFETY: neither joined nor detached before; it does nothing any more.
        unsafe { libc::pthread_join(self.id, std::ptr::null_mut()) == 0 }
    }
}

#[cfg(not(loom))]
impl Drop for Thread {
    fn drop(&mut self) {
        if !self.joined {
            // SAFETY: neither joined nor detached before.
            unsafe { libc::pthread_detach(self.id) };
        }
    }
}

/// In models, a thread of theirs.
#[cfg(loom)]
pub(crate) struct Thread(crate::sync::thread::JoinHandle<()>);

#[cfg(loom)]
pub(crate) fn spawn(name: &'static std::ffi::CStr, _stack: usize, body: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
    let name = name.to_str().expect("a name").to_owned();
    crate::sync::thread::Builder::new().name(name).spawn(body).map(Thread)
}

#[cfg(loom)]
impl Thread {
    pub(crate) fn join(self, _end: u64) -> bool {
        self.0.join().is_ok()
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests;
