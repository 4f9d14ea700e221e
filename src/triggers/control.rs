//! Whether the dispatcher runs, and waiting for its end.

use crate::sync;
use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

/// Changed under the mutex only.
#[derive(Default)]
pub(super) struct State {
    /// What start and stop have asked for.
    pub(super) wanted: bool,
    /// The end has been dropped: nothing starts it again.
    pub(super) ended: bool,
    /// There is a dispatcher thread that has not decided to end.
    pub(super) alive: bool,
    /// Moves with each start: who waits for the end of an earlier run waits no longer.
    pub(super) run: u64,
    /// Stopped by a handler: the trigger's other handlers do not run.
    pub(super) cut: bool,
    pub(super) thread: Option<JoinHandle<()>>,
}

/// The state, and a signal for its changes.
#[derive(Default)]
pub(super) struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

impl Control {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.state)
    }

    /// Wakes those in [`Control::wait`].
    pub(super) fn announce(&self) {
        self.changed.notify_all();
    }

    /// Waits until the state has changed; may return early.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}
