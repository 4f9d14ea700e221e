//! The descriptor that event loops wait on: readable while there is a value to read, or a change that was not asked about yet.
//!
//! The service thread raises it, as no writer could: a released one knows nothing of it, and ours are not to make system calls
//! for it. All that raises or lowers does so under one mutex and by what it sees there ([`Core::settle`]), so whoever comes last
//! has seen all that went before: a value that arrives while a read lowers is in that look or in the service thread's next.
//!
//! Reads of a handle that has one do without the fast path, so those of all others have nothing more to look at.

use super::core::{Core, NEVER, State};
use super::refusal::explain_descriptor;
use crate::error::Error;
use crate::liveness::service;
use crate::sync::{self, Held, Ordering};
use crate::sys::eventfd;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A handle's descriptor, and what it says.
pub(crate) struct Event {
    fd: OwnedFd,
    raised: bool,
    /// `standing` has changed since somebody asked.
    changed: bool,
    standing: Standing,
}

/// Why the descriptor is looked after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// A value may have come.
    Value,
    /// Somebody has read, and leaves what is there still. That is said again: who polls for edges would miss what came between
    /// the last look of his read and this one.
    Read,
    /// A value may have come, and the peer's standing may have changed: the tick.
    Change,
    /// Somebody asks how the peer stands: what they are told after this is no news any more.
    Asked,
}

/// What [`Core::remote_alive`] and its like tell: how the peer stands, which peer it is, and how we do.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    state: State,
    alive: bool,
    /// Its alive flag, and [`Core::writer_now`]; only of a segment that we are at home in.
    peer: Option<(bool, u64)>,
}

impl Core {
    /// The descriptor; made at the first call.
    pub(crate) fn event_fd(&self) -> Result<BorrowedFd<'_>, Error> {
        if self.is_inherited() {
            return Err(Error::Inherited);
        }
        if !self.threads {
            return Err(Error::InvalidParameter("an endpoint without threads has nobody to raise an event".into()));
        }
        let mut event = self.lock_event_fd();
        let made = event.is_none();
        if made {
            let fd = eventfd::new().map_err(|error| Error::Attach(explain_descriptor(&error)))?;
            *event = Some(Event { fd, raised: false, changed: false, standing: self.standing() });
        }
        let Some(Event { fd, .. }) = &*event else { return Err(Error::NotInitialized) };
        // SAFETY: closed with the handle, which outlives this borrow of it.
        let fd = unsafe { BorrowedFd::borrow_raw(fd.as_raw_fd()) };
        self.reads_directly.store(NEVER, Ordering::Relaxed); // what a late reader leaves raised the next look lowers
        drop(event);
        if made {
            service::watch();
            self.settle(News::Value);
        }
        Ok(fd)
    }

    /// Whether there may be a descriptor. Relaxed: who is told of a new one too late finds all settled at the next look.
    #[inline]
    fn has_event_fd(&self) -> bool {
        self.threads && self.reads_directly.load(Ordering::Relaxed) == NEVER
    }

    /// Raises or lowers the descriptor by what there is.
    #[inline]
    pub(crate) fn settle(&self, news: News) {
        if self.has_event_fd() {
            self.settle_event_fd(news);
        }
    }

    #[inline(never)]
    fn lock_event_fd(&self) -> Held<'_, Option<Event>> {
        sync::hold(&self.event_fd)
    }

    #[cold]
    fn settle_event_fd(&self, news: News) {
        if self.is_inherited() {
            return; // the parent's
        }
        let mut event = self.lock_event_fd();
        let Some(event) = event.as_mut() else { return };
        if matches!(news, News::Change | News::Asked) {
            let now = self.standing();
            event.changed = news == News::Change && (event.changed || now != event.standing);
            event.standing = now;
        }
        let due = event.changed || self.has_value();
        if due != event.raised || due && news == News::Read {
            event.raised = due;
            eventfd::set(event.fd.as_fd(), due);
        }
    }

    /// Gives the descriptor up: who polls it is woken first. In a forked child it is only closed. It stays where its mutex is
    /// not to be had until `end`.
    pub(super) fn end_event_fd(&self, end: u64) {
        if !self.has_event_fd() {
            return;
        }
        if self.is_inherited() {
            // If a thread of the parent held the mutex at the fork it stays locked here, and the rest is left to exit.
            if let Ok(mut event) = self.event_fd.try_lock() {
                drop(event.take());
            }
        } else if let Some(event) = sync::hold_until(&self.event_fd, end).and_then(|mut event| event.take()) {
            service::unwatch();
            eventfd::set(event.fd.as_fd(), true);
        }
    }

    fn standing(&self) -> Standing {
        let state = self.state();
        // Acquire, both: pairs with the tick's stores, and with attach and detach.
        let peer = matches!(state, State::Attached | State::Ousted).then(|| {
            let flag = &self.view().header().alive[self.side.other() as usize];
            (flag.load(Ordering::Acquire) != 0, self.writer_now())
        });
        Standing { state, alive: self.remote_alive.load(Ordering::Acquire), peer }
    }

    /// Whether a read would find a value: a whole one, so that nobody is woken again and again for what he cannot have.
    fn has_value(&self) -> bool {
        self.has_kept.load(Ordering::Acquire) || self.has_whole_message() // Acquire pairs with keep
    }
}
