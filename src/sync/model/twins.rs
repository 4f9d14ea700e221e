//! Twins: a model with one line of the real code broken.

use std::cell::Cell;
use std::panic::Location;

thread_local! {
    static TWIN: Cell<Option<Twin>> = const { Cell::new(None) };
    static HITS: Cell<u64> = const { Cell::new(0) };
}

/// How a line is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Its fences, barriers, stores, additions, exchanges and wake-ups are not made; its loads give 0.
    Skip,
    /// Its loads, stores and locked operations are relaxed.
    Relax,
    /// Its stores are made after the thread's next one.
    Late,
}

/// One broken line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twin {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) action: Action,
}

/// Chooses the line to break from now on.
pub(crate) fn choose(twin: Option<Twin>) {
    TWIN.set(twin);
    HITS.set(0);
}

/// How often the broken line was come by.
pub(crate) fn hits() -> u64 {
    HITS.get()
}

/// Whether the twin does `action` to the line that is being executed.
pub(super) fn broken(at: &Location<'_>, action: Action) -> bool {
    let hit = TWIN.get().is_some_and(|t| t.action == action && t.line == at.line() && t.file == at.file());
    if hit {
        HITS.set(HITS.get() + 1);
    }
    hit
}
