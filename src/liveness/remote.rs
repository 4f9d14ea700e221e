//! Is the other side alive? Judged once a tick from what its half of the header shows.

use crate::segment::peer::STILL;

/// What one look at the remote shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub(crate) pid: i32,
    pub(crate) heartbeat: u64,
    /// Its alive flag.
    pub(crate) flag: bool,
    /// Milliseconds of silence that make it stale.
    pub(crate) threshold: u32,
}

/// What became of it with this look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    None,
    Stale,
    Recovered,
}

/// What is known of the remote.
#[derive(Debug)]
pub(crate) struct Remote {
    pid: i32,
    heartbeat: u64,
    flag: bool,
    /// Milliseconds without a heartbeat, as far as we were there to hear one.
    silence: u64,
    /// Milliseconds since something of it was seen without its flag: it is arriving, or came and left between two looks.
    lurking: Option<u64>,
    stale: bool,
}

/// Milliseconds that an arrival may take, from the first thing seen of it to its flag.
const ARRIVAL: u64 = 50;

impl Remote {
    /// Begins with what is there now; `gone` if it is already known to be dead or to have left.
    pub(crate) fn new(pid: i32, heartbeat: u64, flag: bool, gone: bool) -> Self {
        Remote { pid, heartbeat, flag, silence: 0, lurking: None, stale: gone }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Its heartbeat at the last look.
    pub(crate) fn heartbeat(&self) -> u64 {
        self.heartbeat
    }

    /// One look, `elapsed` milliseconds after the last. `proven_dead` asks the kernel, and is only called after
    /// [`STILL`] milliseconds of silence.
    pub(crate) fn look(&mut self, sight: Sight, elapsed: u64, proven_dead: impl FnOnce() -> bool) -> Change {
        let moved = sight.heartbeat != self.heartbeat;
        self.lurking = match self.lurking {
            _ if sight.flag => None,
            _ if moved || sight.pid != self.pid => Some(0),
            since => since.map(|since| since + elapsed),
        };
        // It left if its flag fell, also if that was between two looks.
        let left = self.flag && !sight.flag || self.lurking.is_some_and(|since| since >= ARRIVAL);
        self.pid = sight.pid;
        self.heartbeat = sight.heartbeat;
        self.flag = sight.flag;
        self.silence = if moved { 0 } else { self.silence.saturating_add(elapsed) };
        if self.stale {
            if !(moved && sight.flag) {
                return Change::None;
            }
            self.stale = false;
            return Change::Recovered;
        }
        if left || self.silence >= u64::from(sight.threshold) || (self.silence >= STILL && sight.flag && proven_dead()) {
            self.stale = true;
            return Change::Stale;
        }
        Change::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(heartbeat: u64, flag: bool) -> Sight {
        Sight { pid: 1, heartbeat, flag, threshold: 100 }
    }

    #[test]
    fn a_silent_remote_is_stale_at_the_threshold_and_recovers_with_its_next_heartbeat() {
        let mut remote = Remote::new(1, 7, true, false);
        for _ in 0..99 {
            assert_eq!(remote.look(sight(7, true), 1, || false), Change::None);
        }
        assert_eq!(remote.look(sight(7, true), 1, || false), Change::Stale);
        assert_eq!(remote.look(sight(7, true), 1, || false), Change::None);
        assert_eq!(remote.look(sight(8, true), 1, || false), Change::Recovered);
        assert!(!remote.is_stale());
    }

    #[test]
    fn a_heartbeat_nobody_ever_advanced_counts_too() {
        let mut remote = Remote::new(1, 0, false, false);
        let ticks = (0..).take_while(|_| remote.look(sight(0, false), 1, || false) == Change::None).count();
        assert_eq!(ticks, 99);
    }

    #[test]
    fn a_clean_exit_is_stale_at_once_and_needs_flag_and_heartbeat_to_recover() {
        let mut remote = Remote::new(1, 7, true, false);
        assert_eq!(remote.look(sight(8, false), 1, || false), Change::Stale);
        assert_eq!(remote.look(sight(9, false), 1, || false), Change::None);
        assert_eq!(remote.look(sight(9, true), 1, || false), Change::None);
        assert_eq!(remote.look(sight(10, true), 1, || false), Change::Recovered);
    }

    #[test]
    fn one_that_came_and_left_between_two_looks_has_left() {
        for seen in [Sight { pid: 2, ..sight(0, false) }, sight(3, false)] {
            let mut remote = Remote::new(1, 0, false, false);
            let looks = (0..).take_while(|_| remote.look(seen, 1, || false) == Change::None).count();
            assert_eq!(looks as u64, ARRIVAL);
            let mut remote = Remote::new(1, 0, false, false);
            remote.look(seen, 1, || false);
            assert_eq!(remote.look(Sight { flag: true, ..seen }, 60, || false), Change::None, "it was arriving");
        }
    }

    #[test]
    fn the_kernel_is_asked_only_after_five_silent_ticks() {
        let mut remote = Remote::new(1, 7, true, false);
        for _ in 0..4 {
            assert_eq!(remote.look(sight(7, true), 1, || unreachable!("asked too early")), Change::None);
        }
        assert_eq!(remote.look(sight(7, true), 1, || true), Change::Stale);
    }

    #[test]
    fn a_moving_heartbeat_is_alive_whatever_the_kernel_says() {
        let mut remote = Remote::new(1, 0, true, false);
        for beat in 1..1000 {
            assert_eq!(remote.look(sight(beat, true), 3, || unreachable!("asked")), Change::None);
        }
    }
}
