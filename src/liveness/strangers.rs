//! Writers of our own side that leave no mark: released ones. All that is known of them is their pid, in the header.

use crate::config::Side;
use crate::segment::view::View;
use crate::sync::Ordering;
use crate::sys::process;

/// So many are known at a time.
const KNOWN: usize = 4;

/// Those that were seen, and may be in the midst of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strangers {
    pids: [i32; KNOWN],
    /// One that was known to be ours.
    ours: i32,
    /// One of them can never be shown to be gone.
    unknown: bool,
}

impl Strangers {
    /// Notices who is named in the header now, if that is none of ours.
    pub(crate) fn notice(&mut self, view: &View, side: Side) {
        let (header, index) = (view.header(), side as usize);
        // Relaxed: both change with an attach alone, and are looked at again.
        let pid = header.pid[index].load(Ordering::Relaxed);
        if header.marked[index].load(Ordering::Relaxed) == pid {
            self.ours = pid; // for as long as a successor of ours is on its way
        }
        // Of another handle of this process the process knows.
        if [0, process::pid(), self.ours].contains(&pid) || self.pids.contains(&pid) {
            return;
        }
        // A pid that is not to be seen is one of another pid namespace, or of a dead process: nobody can tell.
        match self.pids.iter_mut().find(|known| !process::exists(**known)) {
            Some(free) if process::exists(pid) => *free = pid,
            _ => self.unknown = true,
        }
    }

    /// Those that can be seen.
    pub(crate) fn forget_unknown(self) -> Strangers {
        Strangers { unknown: false, ..self }
    }

    /// Whether all of them have been seen to end.
    pub(crate) fn are_gone(&self) -> bool {
        !self.unknown && self.pids.iter().all(|pid| !process::exists(*pid))
    }
}
