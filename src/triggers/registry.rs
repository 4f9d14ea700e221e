//! Who handles what.

use super::{Kind, Rpc};
use crate::sync;
use std::sync::{Arc, Mutex};

/// A handler, shared so that it can be replaced while it runs.
pub(super) type Handler = Arc<dyn Fn(&Rpc) + Send + Sync>;

struct Entry {
    kind: Kind,
    name: Box<[u8]>,
    handler: Handler,
}

/// The handlers in the order they came; a program has few.
#[derive(Default)]
pub(super) struct Registry(Mutex<Vec<Entry>>);

impl Registry {
    /// Sets the one handler of a call.
    pub(super) fn set_call(&self, name: &[u8], mut handler: Handler) {
        let mut entries = sync::hold(&self.0);
        match entries.iter_mut().find(|entry| entry.kind == Kind::Call && &*entry.name == name) {
            Some(entry) => std::mem::swap(&mut entry.handler, &mut handler),
            None => {
                entries.push(Entry { kind: Kind::Call, name: name.into(), handler });
                return;
            }
        }
        drop(entries); // before the old handler, whose own end may register others
    }

    /// Adds one of an event's handlers.
    pub(super) fn add_event(&self, name: &[u8], handler: Handler) {
        sync::hold(&self.0).push(Entry { kind: Kind::Event, name: name.into(), handler });
    }

    /// Lets go of all handlers.
    pub(super) fn clear(&self) {
        let entries = std::mem::take(&mut *sync::hold(&self.0));
        drop(entries); // without the lock: an end of theirs may use the library
    }

    /// Runs `action` while nobody registers anything.
    #[cfg(test)]
    pub(super) fn while_held<T>(&self, action: impl FnOnce() -> T) -> T {
        let _entries = sync::hold(&self.0);
        action()
    }

    /// Those for one trigger, in order; what is registered from here on is for the next.
    pub(super) fn find(&self, kind: Kind, name: &[u8]) -> Vec<Handler> {
        let entries = sync::hold(&self.0);
        let fitting = entries.iter().filter(|entry| entry.kind == kind && &*entry.name == name);
        fitting.map(|entry| entry.handler.clone()).collect()
    }
}
