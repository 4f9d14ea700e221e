//! From a name to mapped, validated memory: layout, finding, creating, and who is on the other side.

pub(crate) mod create;
pub(crate) mod find;
#[cfg(loom)]
pub(crate) mod heap;
pub(crate) mod layout;
pub(crate) mod name;
pub(crate) mod peer;
pub(crate) mod view;

use crate::sys::{
    file::{self, FileId},
    lock,
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};
use view::View;

/// Byte of the file whose lock guards every decision that unlinks, takes over or clears a flag. Bytes 0 and 1 are the
/// master's and the slave's own.
const DECISION: i64 = 2;

/// An open segment file with a mapping of its own.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: OwnedFd,
    pub(crate) id: FileId,
    /// Shared with the handle that reaches into it, which may also have it replaced under its hands.
    pub(crate) view: Arc<View>,
}

/// The right to decide about a segment file, given back when dropped.
pub(crate) struct Decision<'a>(&'a OwnedFd);

impl<'a> Decision<'a> {
    /// Waits for it up to `limit`: a holder that was killed gives it back by dying, one that is stopped does not.
    pub(crate) fn wait(file: &'a OwnedFd, limit: Duration) -> io::Result<Option<Decision<'a>>> {
        let end = crate::sys::clock::now() + limit.as_nanos() as u64;
        loop {
            if lock::try_lock(file.as_fd(), DECISION)? {
                return Ok(Some(Decision(file)));
            }
            if crate::sys::clock::now() >= end {
                return Ok(None);
            }
            crate::sys::clock::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Decision<'_> {
    fn drop(&mut self) {
        lock::unlock(self.0.as_fd(), DECISION);
    }
}

impl Segment {
    /// Another mapping of the file, for what is to be done there once `view` leads elsewhere: a write(2) to it would fall under
    /// the limit on file sizes, whose signal may end us. `None` if there is no room for one.
    pub(crate) fn mapped_again(&self) -> Option<Arc<View>> {
        #[cfg(not(loom))]
        return View::of_file(self.file.as_fd(), self.view.layout, true).ok().map(Arc::new);
        #[cfg(loom)]
        return Some(heap::file(self.id));
    }

    /// Whether the name still leads to this very file.
    pub(crate) fn is_named(&self, name: &name::Name) -> bool {
        matches!(file::lookup(name.path()), Ok(Some(id)) if id == self.id)
    }
}
