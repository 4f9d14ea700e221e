//! Diagnostics on stderr: lines that start with `[ESHM] `, filtered by the environment's `ESHM_LOG`
//! (`off`, `error`, `warn` by default, `info`, `debug`).

use crate::sync::{
    Ordering,
    statics::{AtomicU32, AtomicU64},
};
use crate::sys::{
    clock::{self, MS},
    process,
};
use std::{env, fmt};

/// How much the library says on stderr; each level includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Nothing.
    Off,
    /// What made a call fail.
    Error,
    /// Peers lost and found, takeovers, repairs; the default.
    Warn,
    /// Handles that open and close.
    Info,
    /// What was tried in vain.
    Debug,
}

/// The levels' names, in order.
const NAMES: [&str; 5] = ["off", "error", "warn", "info", "debug"];

pub(crate) const LEVELS: [Level; 5] = [Level::Off, Level::Error, Level::Warn, Level::Info, Level::Debug];

fn parse(text: &str) -> Level {
    NAMES.iter().position(|name| text.trim().eq_ignore_ascii_case(name)).map_or(Level::Warn, |at| LEVELS[at])
}

/// The level in force as a number; no lock that a fork could leave held in the child.
static KNOWN: AtomicU32 = AtomicU32::new(u32::MAX);

/// From now on this level, for the whole process and whatever the environment says.
pub(crate) fn set_level(level: Level) {
    KNOWN.store(level as u32, Ordering::Relaxed); // a setting, ordered with nothing
}

/// The level in force, read from the environment once; first when a handle opens, so that no fork falls into it.
pub(crate) fn level() -> Level {
    match KNOWN.load(Ordering::Relaxed) {
        u32::MAX => {
            let level = env::var("ESHM_LOG").map_or(Level::Warn, |text| parse(&text));
            KNOWN.store(level as u32, Ordering::Relaxed); // the same whoever stores it
            level
        }
        known => LEVELS[known as usize],
    }
}

/// Writes one line in one system call, so that lines of several processes do not mix.
pub(crate) fn line(at: Level, text: fmt::Arguments<'_>) {
    if at <= level() {
        let line = format!("[ESHM] {}: {text}\n", NAMES[at as usize]);
        process::write_stderr(line.as_bytes());
    }
}

/// How many lines somebody else can have us write: some at once, and one a second. What is left out is counted, and told with the
/// next line. Each handle has one, so that no peer can silence what is said of another.
pub(crate) struct Rate {
    /// When all that was written is regained.
    regained: AtomicU64,
    left_out: AtomicU32,
}

/// Lines at once: more than a peer that is restarted a few times causes.
const AT_ONCE: u64 = 30;
/// Between two of those that follow, in nanoseconds.
const EVERY: u64 = 1000 * MS;

impl Rate {
    pub(crate) const fn new() -> Rate {
        Rate { regained: AtomicU64::new(0), left_out: AtomicU32::new(0) }
    }

    /// Whether a line may be written at `now`; counts it.
    fn admits(&self, now: u64) -> bool {
        let regained = |then: u64| Some(then.max(now) + EVERY).filter(|then| *then <= now + AT_ONCE * EVERY);
        // Relaxed, here and below: ordered with nothing.
        self.regained.fetch_update(Ordering::Relaxed, Ordering::Relaxed, regained).is_ok()
    }

    /// Writes a line, or counts it as left out.
    #[cold]
    pub(crate) fn line(&self, at: Level, text: fmt::Arguments<'_>) {
        if at > level() {
            return;
        }
        if !self.admits(clock::now()) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.left_out.swap(0, Ordering::Relaxed) {
            0 => line(at, text),
            more => line(at, format_args!("{text} ({more} lines before this one were left out)")),
        }
    }
}

macro_rules! error { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Error, format_args!($($t)*)) } }
macro_rules! warning { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Warn, format_args!($($t)*)) } }
macro_rules! info { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Info, format_args!($($t)*)) } }
pub(crate) use {error, info, warning};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_at_once_and_then_one_a_second() {
        let rate = Rate::new();
        let admitted = |now: u64, tries: u32| (0..tries).filter(|_| rate.admits(now)).count() as u64;
        let start = 7 * EVERY;
        assert_eq!(admitted(start, 1000), AT_ONCE);
        assert_eq!(admitted(start + EVERY - 1, 1000), 0);
        assert_eq!(admitted(start + EVERY, 1000), 1);
        assert_eq!(admitted(start + 4 * EVERY, 1000), 3);
        assert_eq!(admitted(start, 1000), 0, "a clock that was set back");
        assert_eq!(admitted(start + 1000 * EVERY, 1000), AT_ONCE, "all is regained");
    }

    #[test]
    fn levels_by_name_and_warn_for_anything_else() {
        assert_eq!(
            ["off", "ERROR", " info ", "debug", "warn", "", "loud"].map(parse),
            [Level::Off, Level::Error, Level::Info, Level::Debug, Level::Warn, Level::Warn, Level::Warn]
        );
    }
}
