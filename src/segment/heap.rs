//! A segment in heap memory, for models: a file, and mappings of it whose memory can be exchanged.

use super::layout::{Header, Layout};
use super::view::View;
use crate::channel::heap::Owned;
use crate::sync::model::{Rite, Switch};
use crate::sys::file::FileId;
use std::cell::RefCell;
use std::sync::Arc;

/// The atomics of a file, or of a mapping.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) header: Header,
    pub(crate) channels: [Owned; 2],
    /// A mapping that other threads may use while its memory is exchanged has one.
    switch: Option<Switch>,
}

impl Memory {
    /// All zero.
    pub(crate) fn new(layout: Layout) -> Memory {
        let channels = [0, 1].map(|_| Owned::new(layout.capacity));
        Memory { header: Header::default(), channels, switch: None }
    }

    /// A mapping of the file that `file` maps.
    pub(crate) fn another(file: &Memory, layout: Layout) -> Memory {
        let mapping = Memory { switch: Some(Switch::new()), ..Memory::new(layout) };
        mapping.undergo(file, &Rite::Alias(mapping.switch.clone()));
        mapping
    }

    /// What mremap(2) does to the addresses of this mapping: from now on they are the bytes of `other`, for every thread.
    pub(crate) fn exchange(&self, other: &Memory) {
        if let Some(switch) = &self.switch {
            switch.turn();
        }
        self.undergo(other, &Rite::Alias(self.switch.clone()));
    }

    /// Nobody uses it from now on.
    pub(crate) fn end(&self) {
        self.undergo(self, &Rite::End);
    }

    fn undergo(&self, other: &Memory, rite: &Rite) {
        self.header.undergo(&other.header, rite);
        for (own, other) in self.channels.iter().zip(&other.channels) {
            own.undergo(other, rite);
        }
    }
}

thread_local! {
    /// The files of the model that runs on this thread, as another process maps them.
    static FILES: RefCell<Vec<(FileId, Arc<View>)>> = const { RefCell::new(Vec::new()) };
}

/// Has `view` stand for the file `id` in [`file`]; of an earlier one of that name nothing is left.
pub(crate) fn put_file(id: FileId, view: Arc<View>) {
    FILES.with_borrow_mut(|files| {
        files.retain(|(known, _)| *known != id);
        files.push((id, view));
    });
}

/// The file, as another process maps it.
pub(crate) fn file(id: FileId) -> Arc<View> {
    let view = FILES.with_borrow(|files| files.iter().find(|(known, _)| *known == id).map(|(_, view)| view.clone()));
    view.expect("a file of the model")
}
