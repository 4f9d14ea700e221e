//! The segment that a master left because its name was removed.
//!
//! Its slave follows once it sees that, a tick later or when it runs again, and writes there until
//! then. What comes there is delivered as if it had been there when the master left, unless the
//! slave has written to the new segment: that is newer.

use super::core::Core;
use crate::liveness::monitor::Monitor;
use crate::segment::{peer::LONGEST_WATCH, view::View};
use crate::sync::Ordering;
use std::sync::Arc;

/// Milliseconds for which the master looks there beyond the threshold, after which a released slave
/// follows at the latest. So long its memory stays; longer if the ticks are late or seldom, as each
/// counts for a few at most.
const AFTER: u64 = 1_000;

/// That segment, if there is one.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) view: Option<Arc<View>>,
    /// The sequence up to which nothing is unread there, and which messages are whole: a word of
    /// [`Parity`](crate::liveness::parity::Parity).
    pub(crate) known: (u32, u64),
    /// Milliseconds that are left until it is let go.
    pub(crate) rest: u64,
}

impl Left {
    /// Begins with the segment left just now, of this threshold; gives back the one before.
    pub(super) fn begin(&mut self, view: Option<Arc<View>>, known: (u32, u64), threshold: u32) -> Option<Arc<View>> {
        self.known = known;
        self.rest = u64::from(threshold).min(LONGEST_WATCH) + AFTER;
        std::mem::replace(&mut self.view, view)
    }
}

impl Core {
    /// Looks for messages in the segment that was left. Once a tick.
    pub(crate) fn look_back(&self, monitor: &mut Monitor, elapsed: u64) {
        let Some(view) = &monitor.left.view else { return };
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with a claim, which shows what was claimed
        if self.rx().baseline() != 0 || monitor.left.rest == 0 {
            let layout = view.layout;
            return self.let_go(layout, None, monitor.left.view.take());
        }
        let (seen, whole) = monitor.left.known;
        let rx = view.channel(self.side.reads());
        monitor.left.known.0 = self.keep(rx, (seen, Some(whole)), cursor, (Some(view), &monitor.segment));
        monitor.left.rest = monitor.left.rest.saturating_sub(elapsed);
    }
}
