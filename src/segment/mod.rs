//! From a name to mapped, validated memory: layout, finding, creating, and who is on the other side.

pub(crate) mod create;
mod decision;
pub(crate) mod find;
#[cfg(loom)]
pub(crate) mod heap;
pub(crate) mod layout;
pub(crate) mod mark;
pub(crate) mod name;
pub(crate) mod peer;
pub(crate) mod view;

use crate::sys::{
    file::{self, FileId},
    lock,
};
pub(crate) use decision::Decision;
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};
use view::View;

/// An open segment file with a mapping of its own.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: OwnedFd,
    pub(crate) id: FileId,
    /// Shared with the handle that reaches into it, which may also have it replaced under its hands.
    pub(crate) view: Arc<View>,
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

    /// Gives back all locks that were taken by this open file, once the header says that we have left: a child that was forked
    /// meanwhile shares it, and may live on. Never in that child, as they are its parent's.
    pub(crate) fn give_locks_back(&self) {
        lock::unlock_all(self.file.as_fd());
    }

    /// Whether the name still leads to this very file.
    pub(crate) fn is_named(&self, name: &name::Name) -> bool {
        matches!(file::lookup(name.path()), Ok(Some(id)) if id == self.id)
    }
}
