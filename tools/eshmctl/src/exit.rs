//! Exit codes, the same for every command; README.md of this crate lists them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, and nothing is wrong.
    Fine = 0,
    /// It could not be done; a line on standard error says why. (2 is a wrong command line, by
    /// clap.)
    Failed = 1,
    /// Done, and something is wrong with what was looked at: an orphan in `list`, a finding of
    /// `doctor`.
    Findings = 3,
    /// There is no such segment.
    Missing = 4,
    /// The time passed.
    TimedOut = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
