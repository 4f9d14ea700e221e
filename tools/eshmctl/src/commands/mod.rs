//! One module a command.

pub mod clean;
pub mod list;
pub mod show;

use crate::{cli::Command, exit::Exit, report::Failure};

/// Runs a command.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Clean(args) => clean::run(&args),
    }
}
