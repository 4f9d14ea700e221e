//! How long a read spins before it parks. Spinning pays where the peer answers sooner than a park and a wake-up take, some
//! tens of microseconds; elsewhere it only keeps a processor busy. Each handle learns which it is from its last waits.

use crate::log;
use crate::sync::{AtomicU32, Ordering::Relaxed, statics};
use crate::sys::process;
use std::env;

/// The shortest spin in nanoseconds; each level above doubles it, so the longest is 128 us: on a hot pair that is a peer held up
/// for a moment, and parking then would cost more.
const SHORTEST: u64 = 2_000;
const TOP: u32 = 6;
/// Where a handle begins: 32 us.
const START: u32 = 4;
/// A miss takes this many levels, a hit gives one: a slow peer is known after two waits.
const FALL: u32 = 2;
/// At the bottom one wait in so many is tried with 16 us: a peer may have become fast. That is a quarter of a microsecond a wait.
const PROBE_EVERY: u32 = 64;
const PROBE: u32 = 3;
/// The longest that anyone gets, in microseconds: a peer that is slower than this is parked for.
const LONGEST: u32 = 1_000_000;
/// Not fixed by anyone: learnt.
const ADAPTIVE: u32 = u32::MAX;

/// What one handle has learnt. All of it are hints: threads that lose an update learn it the next time.
pub(crate) struct Spin {
    level: AtomicU32,
    waits: AtomicU32,
    /// Microseconds that the program asked for, or [`ADAPTIVE`].
    fixed: AtomicU32,
}

/// One wait's share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Budget {
    pub(crate) nanoseconds: u64,
    level: u32,
}

impl Spin {
    /// Of a handle that asks for so many microseconds; `None` = learnt.
    pub(crate) fn new(microseconds: Option<u32>) -> Spin {
        let spin = Spin { level: AtomicU32::new(START), waits: AtomicU32::new(0), fixed: AtomicU32::new(ADAPTIVE) };
        spin.fix(microseconds);
        spin
    }

    /// How long the next wait may spin.
    pub(crate) fn budget(&self) -> Budget {
        let level = self.level.load(Relaxed);
        let fixed = match self.fixed.load(Relaxed) {
            ADAPTIVE => of_environment(),
            fixed => Some(fixed),
        };
        if let Some(microseconds) = fixed {
            return Budget { nanoseconds: u64::from(microseconds) * 1000, level };
        }
        if !several_processors() {
            return Budget { nanoseconds: 0, level };
        }
        let waits = self.waits.load(Relaxed).wrapping_add(1);
        self.waits.store(waits, Relaxed);
        let level = if level == 0 && waits.is_multiple_of(PROBE_EVERY) { PROBE } else { level };
        Budget { nanoseconds: SHORTEST << level, level }
    }

    /// The message came while spinning.
    pub(crate) fn hit(&self, budget: Budget) {
        self.level.store((budget.level + 1).min(TOP), Relaxed);
    }

    /// It did not.
    pub(crate) fn miss(&self, budget: Budget) {
        let level = self.level.load(Relaxed).min(budget.level);
        self.level.store(level.saturating_sub(FALL), Relaxed);
    }

    /// From now on so many microseconds; `None` = learnt again.
    pub(crate) fn fix(&self, microseconds: Option<u32>) {
        self.fixed.store(microseconds.map_or(ADAPTIVE, |time| capped("the spin that is asked for", time)), Relaxed);
    }
}

/// So many microseconds, as far as that makes sense.
fn capped(what: &str, microseconds: u32) -> u32 {
    static LINES: log::Rate = log::Rate::new();
    if microseconds > LONGEST {
        let text = format_args!("{what} is {microseconds} us; a read spins for {LONGEST} us, one second, at most");
        LINES.line(log::Level::Warn, text);
    }
    microseconds.min(LONGEST)
}

/// `ESHM_SPIN_US`: so many microseconds for every handle of the process.
fn of_environment() -> Option<u32> {
    const UNREAD: u64 = u64::MAX;
    const UNSET: u64 = u64::MAX - 1;
    static KNOWN: statics::AtomicU64 = statics::AtomicU64::new(UNREAD); // no lock that a fork could leave held in the child
    match KNOWN.load(Relaxed) {
        UNREAD => {
            let set = read_environment();
            KNOWN.store(set.map_or(UNSET, u64::from), Relaxed); // the same whoever stores it
            set
        }
        UNSET => None,
        known => Some(known as u32),
    }
}

fn read_environment() -> Option<u32> {
    let text = env::var("ESHM_SPIN_US").ok()?;
    let set = text.trim().parse().ok();
    if set.is_none() {
        log::warning!("ESHM_SPIN_US is {text:?}, not a number of microseconds; ignored");
    }
    set.map(|microseconds| capped("ESHM_SPIN_US", microseconds))
}

/// With one processor online spinning only keeps the peer from running. Found out at the first wait: that takes a file.
fn several_processors() -> bool {
    static ONLINE: statics::AtomicU32 = statics::AtomicU32::new(0);
    let mut online = ONLINE.load(Relaxed);
    if online == 0 {
        online = process::processors_online() as u32;
        ONLINE.store(online, Relaxed); // the same whoever stores it
    }
    online > 1
}

/// Reads the environment, and complains about it, before the first handle opens.
pub(crate) fn prepare() {
    of_environment();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(spin: &Spin, came_after: u64) -> u64 {
        let budget = spin.budget();
        if came_after <= budget.nanoseconds {
            spin.hit(budget)
        } else {
            spin.miss(budget)
        }
        budget.nanoseconds
    }

    #[test]
    fn a_hot_pair_spins_long_and_a_hiccup_does_not_change_that() {
        let spin = Spin::new(None);
        for _ in 0..10 {
            wait(&spin, 400);
        }
        assert_eq!(wait(&spin, 400), SHORTEST << TOP);
        wait(&spin, 1_000_000);
        assert!(wait(&spin, 400) >= 32_000);
    }

    #[test]
    fn a_slow_peer_is_parked_for_after_two_waits_and_costs_a_fraction_of_a_microsecond_on_top() {
        let spin = Spin::new(None);
        wait(&spin, 1_000_000);
        wait(&spin, 1_000_000);
        let waits = 10_000;
        let spent: u64 = (0..waits).map(|_| wait(&spin, 1_000_000)).sum();
        assert!(spent <= waits * (SHORTEST + 250), "{spent}");
    }

    #[test]
    fn a_slow_peer_that_becomes_fast_is_noticed() {
        let spin = Spin::new(None);
        for _ in 0..100 {
            wait(&spin, 1_000_000);
        }
        for _ in 0..PROBE_EVERY + TOP {
            wait(&spin, 8_000);
        }
        assert_eq!(wait(&spin, 8_000), SHORTEST << TOP);
    }

    #[test]
    #[cfg_attr(miri, ignore = "writes a line by poll(2)")]
    fn what_the_program_asks_for_holds() {
        let spin = Spin::new(None);
        for asked in [0, 7, 1_000_000] {
            spin.fix(Some(asked));
            assert_eq!(wait(&spin, 0), u64::from(asked) * 1000);
        }
        spin.fix(Some(u32::MAX - 1));
        assert_eq!(wait(&spin, 0), u64::from(LONGEST) * 1000);
        spin.fix(None);
        assert_eq!(wait(&spin, 0) % SHORTEST, 0);
    }
}
