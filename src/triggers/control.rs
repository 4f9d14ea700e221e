//! Whether the dispatcher runs, and waiting for its end.

use crate::sync::{self, AtomicU32, Held, Mutex, Ordering};
use crate::sys::{futex, thread::Thread};

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
    pub(super) thread: Option<Thread>,
}

/// The state, and a signal for its changes.
#[derive(Default)]
pub(super) struct Control {
    state: Mutex<State>,
    /// Futex: moves as the state changes.
    changed: AtomicU32,
}

impl Control {
    pub(super) fn lock(&self) -> Held<'_, State> {
        sync::hold(&self.state)
    }

    /// Wakes those in [`Control::wait`]; the state is changed already, under its mutex.
    pub(super) fn announce(&self) {
        self.changed.fetch_add(1, Ordering::Release); // pairs with wait
        futex::wake(&self.changed, futex::Scope::Private);
    }

    /// Waits without the mutex until the state has changed, at most until `end`; may return early.
    pub(super) fn wait(&self, state: Held<'_, State>, end: u64) {
        let seen = self.changed.load(Ordering::Acquire); // with the mutex: a change comes after it
        drop(state);
        futex::wait(&self.changed, seen, Some(end), futex::Scope::Private);
    }
}
