//! Colours, on a terminal and without `NO_COLOR` (no-color.org) alone.

use clap::ValueEnum;
use std::{
    env, fmt,
    io::{self, IsTerminal},
    sync::atomic::{AtomicBool, Ordering},
};

/// When to colour.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Into a file or a pipe too.
    Always,
    /// Nowhere.
    Never,
}

static ON: AtomicBool = AtomicBool::new(false);

/// Decides once for the process.
pub fn set(when: When) {
    let on = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            io::stdout().is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    ON.store(on, Ordering::Relaxed); // one thread so far
}

/// Whether colours are on.
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed) // set once, before
}

/// What a colour says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Of less interest.
    Dim,
    /// A heading.
    Bold,
}

/// Text in a tone.
pub struct Painted<T>(pub Tone, pub T);

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !is_on() {
            return self.1.fmt(f);
        }
        let code = match self.0 {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Bold => "1",
        };
        write!(f, "\x1b[{code}m")?;
        self.1.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}
