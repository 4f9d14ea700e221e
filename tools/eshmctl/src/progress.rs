//! How far long work has come: one line on standard error that is written over, on a terminal
//! alone.

use crate::{say, top};
use ratatui::crossterm::terminal;
use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

/// Twice a second is often enough to be seen moving.
const EVERY: Duration = Duration::from_millis(500);

/// Columns of the terminal; 80 without one.
pub fn columns() -> usize {
    match io::stdout().is_terminal() || io::stderr().is_terminal() {
        true => terminal::size().map_or(80, |(columns, _)| columns.clamp(20, 500).into()),
        false => 80,
    }
}

/// The line.
pub struct Progress {
    shown: bool,
    told: Instant,
}

impl Progress {
    /// Begins.
    pub fn new() -> Progress {
        Progress { shown: io::stderr().is_terminal(), told: Instant::now() }
    }

    /// Shows how far the work has come, if the last time was long enough ago.
    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        if self.shown && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            say::beside(format_args!("\r\x1b[K{}", top::cut(&text(), columns())));
        }
    }

    /// Shows it at once.
    pub fn now(&self, text: &str) {
        if self.shown {
            say::beside(format_args!("\r\x1b[K{}", top::cut(text, columns())));
        }
    }

    /// Takes the line away, as any other end does.
    pub fn done(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            say::beside(format_args!("\r\x1b[K"));
        }
    }
}
