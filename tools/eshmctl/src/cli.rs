//! The command line.

use crate::{commands, paint::When};
use clap::{Parser, Subcommand};

/// See, watch, mend and drive eshm channels.
#[derive(Parser, Debug)]
#[command(name = "eshmctl", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 fine, 1 failed, 2 wrong command line, 3 something is wrong with what was looked at, \
                        4 no such segment, 5 timed out.")]
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
    /// Remove segments whose both ends are proven dead.
    Clean(commands::clean::Args),
}
