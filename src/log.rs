//! Diagnostics on stderr: lines that start with `[ESHM] `, filtered by the environment's `ESHM_LOG`
//! (`off`, `error`, `warn` by default, `info`, `debug`).

use crate::sync::{Ordering, statics::AtomicU32};
use crate::sys::process;
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

macro_rules! error { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Error, format_args!($($t)*)) } }
macro_rules! warning { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Warn, format_args!($($t)*)) } }
macro_rules! info { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Info, format_args!($($t)*)) } }
macro_rules! debug { ($($t:tt)*) => { $crate::log::line($crate::log::Level::Debug, format_args!($($t)*)) } }
pub(crate) use {debug, error, info, warning};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_name_and_warn_for_anything_else() {
        assert_eq!(
            ["off", "ERROR", " info ", "debug", "warn", "", "loud"].map(parse),
            [Level::Off, Level::Error, Level::Info, Level::Debug, Level::Warn, Level::Warn, Level::Warn]
        );
    }
}
