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
    /// One that cannot be seen, and for how many looks it has not been said to be ours: that may be on its way.
    suspect: (i32, u32),
    /// The last one that was seen to run, and for how many looks: likewise, if two of ours name
    /// themselves at once.
    fresh: (i32, u32),
    /// One of them can never be shown to be gone.
    unknown: bool,
}

/// Looks, one a millisecond, after which one that is not said to be ours is none.
const LOOKS: u32 = 100;

impl Strangers {
    /// Notices who is named in the header now, if that is none of ours.
    pub(crate) fn notice(&mut self, view: &View, side: Side) {
        let (header, index) = (view.header(), side as usize);
        if header.alive[index].load(Ordering::Acquire) == 0 {
            return; // pairs with attach: nobody has come since one left
        }
        // Relaxed: both change with an attach alone, and are looked at again.
        let pid = header.pid[index].load(Ordering::Relaxed);
        if header.marked[index].load(Ordering::Relaxed) == pid {
            self.ours = pid; // for as long as a successor of ours is on its way
        }
        if self.fresh.0 == pid && self.fresh.1 < LOOKS {
            self.fresh.1 += 1;
            if self.ours == pid {
                self.pids.iter_mut().filter(|known| **known == pid).for_each(|known| *known = 0);
            }
        }
        let (suspect, looks) = self.suspect;
        self.unknown |= suspect != 0 && suspect != pid && suspect != self.ours;
        self.suspect = (0, 0);
        // Of another handle of this process the process knows.
        if [0, process::pid(), self.ours].contains(&pid) || self.pids.contains(&pid) {
            return;
        }
        // A pid that is not to be seen is one of another pid namespace, or of a dead process: nobody can tell.
        match self.pids.iter_mut().find(|known| !process::exists(**known)) {
            Some(free) if process::exists(pid) => {
                *free = pid;
                self.fresh = (pid, 0);
            }
            _ if suspect != pid => self.suspect = (pid, 1),
            _ if looks < LOOKS => self.suspect = (pid, looks + 1),
            _ => self.unknown = true,
        }
    }

    /// Those that can be seen.
    pub(crate) fn forget_unknown(self) -> Strangers {
        Strangers { unknown: false, suspect: (0, 0), ..self }
    }

    /// Whether all of them have been seen to end.
    pub(crate) fn are_gone(&self) -> bool {
        !self.unknown && self.suspect.0 == 0 && self.pids.iter().all(|pid| !process::exists(*pid))
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::layout::Layout;
    use crate::sys::{file, map::Mapping};
    use std::{os::fd::AsFd, process::Command};

    /// A child that sleeps, and its pid.
    fn sleeper() -> (std::process::Child, i32) {
        let child = Command::new("sleep").arg("60").spawn().expect("a process");
        let pid = child.id() as i32;
        (child, pid)
    }

    fn view() -> View {
        let layout = Layout::new(64).expect("a capacity");
        let file = file::unnamed(crate::segment::name::FOLDER).expect("a file");
        file::set_size(file.as_fd(), layout.total() as u64).expect("room");
        View::new(Mapping::of_file(file.as_fd(), layout.total(), false).expect("addresses"), layout)
    }

    #[test]
    fn a_released_writer_is_one_until_its_end_is_seen() {
        let (view, mut strangers) = (view(), Strangers::default());
        let notice = |strangers: &mut Strangers, pid: i32, marked: i32| {
            view.header().alive[1].store(1, Ordering::Relaxed);
            view.header().pid[1].store(pid, Ordering::Relaxed);
            view.header().marked[1].store(marked, Ordering::Relaxed);
            strangers.notice(&view, Side::Slave);
        };
        notice(&mut strangers, 0, 0);
        notice(&mut strangers, process::pid(), 0);
        let (mut ours, pid_of_ours) = sleeper();
        notice(&mut strangers, pid_of_ours, pid_of_ours);
        notice(&mut strangers, pid_of_ours, 1); // one of ours is about to take its place
        assert!(strangers.are_gone(), "none yet");
        let mut others: Vec<_> = (0..KNOWN).map(|_| sleeper()).collect();
        for (_, pid) in &others {
            notice(&mut strangers, *pid, pid_of_ours);
            notice(&mut strangers, *pid, pid_of_ours);
        }
        assert!(!strangers.are_gone());
        for (child, _) in &mut others {
            assert!(!strangers.are_gone());
            child.kill().and_then(|()| child.wait()).expect("its end");
        }
        assert!(strangers.are_gone());
        notice(&mut strangers, i32::MAX, pid_of_ours);
        assert!(!strangers.are_gone(), "nobody can tell where that one is");
        assert!(strangers.forget_unknown().are_gone());
        notice(&mut strangers, i32::MAX, i32::MAX);
        assert!(strangers.are_gone(), "ours after all, whose mark was wiped out for a moment");
        for _ in 0..=LOOKS {
            notice(&mut strangers, i32::MAX - 1, pid_of_ours);
            assert!(!strangers.are_gone());
        }
        notice(&mut strangers, i32::MAX - 1, i32::MAX - 1);
        assert!(!strangers.are_gone(), "too late");
        for (looks, is_ours) in [(1, true), (LOOKS - 1, true), (LOOKS + 1, false)] {
            let mut strangers = Strangers::default();
            (0..looks).for_each(|_| notice(&mut strangers, pid_of_ours, 1));
            assert!(!strangers.are_gone());
            notice(&mut strangers, pid_of_ours, pid_of_ours);
            assert_eq!(strangers.are_gone(), is_ours, "two of ours have named themselves at once, {looks} looks ago");
        }
        ours.kill().and_then(|()| ours.wait()).expect("its end");
    }
}
