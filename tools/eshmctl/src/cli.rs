//! The command line.

use crate::{commands, paint::When};
use clap::{CommandFactory, Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 failed, 2 wrong command line, 3 something is wrong with what was looked at, \
                          4 no such segment (for doctor a finding: 3), 5 timed out, or nobody read what was sent.";

/// The command line, as help and manual pages show it: with the exit codes at every command.
pub fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| command.after_help(EXIT_CODES))
}

/// See, watch, mend and drive eshm channels.
#[derive(Parser, Debug)]
#[command(name = "eshmctl", version, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Colours.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub color: When,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List every segment with its two sides.
    List(commands::list::Args),
    /// Show one segment: all fields, both channels, what is wrong with it.
    Show(commands::show::Args),
    /// Show all segments in a live table.
    Top(commands::top::Args),
    /// Print each value as it passes by, without taking it from its reader.
    Watch(commands::watch::Args),
    /// Send values as one side of a segment; print what comes back.
    Send(commands::send::Args),
    /// Print the values that come, as one side of a segment.
    Recv(commands::recv::Args),
    /// Answer every value with itself, for `ping`.
    Echo(commands::echo::Args),
    /// Time round trips to an `echo`.
    Ping(commands::ping::Args),
    /// Write the values that pass by to a file, with their times.
    Record(commands::record::Args),
    /// Play such a file back, as one side of a segment.
    Replay(commands::replay::Args),
    /// Check the usual causes of trouble one by one.
    Doctor(commands::doctor::Args),
    /// Measure this machine: one cache line's exchange, and a pair's round trip.
    Bench(commands::bench::Args),
    /// Print a shell's completions.
    Completions(commands::papers::Completions),
    /// Write the manual pages.
    Man(commands::papers::Man),
    /// Remove segments whose both ends are proven dead or have left: also one that its master was told to keep
    /// (auto_cleanup=false).
    Clean(commands::clean::Args),
}
