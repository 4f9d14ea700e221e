//! The life of an endpoint behind a Python object.
//!
//! The interpreter lock is what guards it. A call uses the endpoint while it holds that lock, and
//! runs no Python code between looking it up and its last use. A call that lets go of the lock
//! counts itself in `away` before, and out when it is done with the endpoint, before it has the
//! lock again. Closing takes the endpoint out of its place under the lock, so that no call finds it
//! any more, then waits without the lock for those that are away: interrupted, they come back at
//! once.

use eshm::Endpoint;
use pyo3::prelude::*;
use std::{
    ptr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

/// Between two looks at the calls that are away.
const AGAIN: Duration = Duration::from_micros(50);
/// How long a second close waits for the first.
const CLOSING: Duration = Duration::from_secs(2);

/// An endpoint in use.
pub(crate) struct Open {
    endpoint: Endpoint,
    away: AtomicUsize,
}

impl Open {
    /// The endpoint, for calls that return at once.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// A call that is counted in, and out however it ends.
struct Away<'a>(&'a Open);

impl<'a> Away<'a> {
    fn new(open: &'a Open) -> Self {
        open.away.fetch_add(1, Ordering::Relaxed); // under the lock, as is taking the endpoint out
        Away(open)
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        // Pairs with close: nothing of it is used after this.
        self.0.away.fetch_sub(1, Ordering::Release);
    }
}

/// Where an endpoint is, or is not.
#[derive(Default)]
pub(crate) struct Place {
    open: AtomicPtr<Open>,
    closing: AtomicBool,
}

impl Place {
    /// The endpoint, if there is one. The caller runs no Python code as long as it uses it.
    #[inline]
    pub(crate) fn get<'a>(&'a self, _attached: Python<'a>) -> Option<&'a Open> {
        // SAFETY: NULL, or from put, and freed by close alone: after it has taken it out of here,
        // which needs the lock that this thread holds. Acquire pairs with put.
        unsafe { self.open.load(Ordering::Acquire).as_ref() }
    }

    /// Puts an endpoint there; gives it back if there is one already.
    pub(crate) fn put(&self, endpoint: Endpoint) -> Result<(), Endpoint> {
        let new = Box::into_raw(Box::new(Open { endpoint, away: AtomicUsize::new(0) }));
        // Release pairs with get.
        match self.open.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Relaxed)
        {
            Ok(_) => Ok(()),
            // SAFETY: nobody else has seen it.
            Err(_) => Err(unsafe { Box::from_raw(new) }.endpoint),
        }
    }

    /// Runs a call that may take long without the interpreter lock.
    pub(crate) fn away<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Endpoint) -> T + Send,
    ) -> Option<T> {
        let away = Away::new(self.get(py)?);
        // Counted out before it has the lock again: where the interpreter ends meanwhile, a thread
        // never gets it.
        Some(py.detach(move || {
            let result = call(away.0.endpoint());
            drop(away);
            result
        }))
    }

    /// Ends the endpoint. On return it is gone, whichever thread did it.
    pub(crate) fn close(&self, py: Python<'_>) {
        let open = self.open.swap(ptr::null_mut(), Ordering::AcqRel); // pairs with put
        if open.is_null() {
            if self.closing.load(Ordering::Acquire) {
                py.detach(|| self.await_closed()); // pairs with the store below
            }
            return;
        }
        self.closing.store(true, Ordering::Relaxed); // under the lock, as is the look at it
        // SAFETY: from put; taken out, so it is this call's alone once those that are away are
        // back.
        let open = unsafe { Box::from_raw(open) };
        py.detach(|| {
            // In a forked child nobody is away: their threads are the parent's.
            if open.endpoint.capacity().is_ok() {
                open.endpoint.interrupt();
                while open.away.load(Ordering::Acquire) != 0 {
                    thread::sleep(AGAIN); // pairs with away
                }
            }
            drop(open);
            self.closing.store(false, Ordering::Release); // pairs with await_closed
        });
    }

    /// Waits for another thread's close, within reason: in a forked child there is none.
    fn await_closed(&self) {
        // Counted: a clock may be false, as under libfaketime.
        for _ in 0..CLOSING.as_micros() / AGAIN.as_micros() {
            if !self.closing.load(Ordering::Acquire) {
                return; // pairs with the end of close
            }
            thread::sleep(AGAIN);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.open.get_mut().is_null() {
            Python::attach(|py| self.close(py));
        }
    }
}
