//! `eshmctl`: see, watch, mend and drive eshm channels from the terminal.

mod capture;
mod chart;
mod checkup;
mod cli;
mod commands;
mod delivery;
mod exit;
mod failure;
mod histogram;
mod lines;
mod name;
mod numbers;
mod paint;
mod payload;
mod process;
mod progress;
mod record_text;
mod report;
mod side;
mod standard;
mod stop;
mod tap;
mod top;
mod trips;
mod waiting;

use clap::FromArgMatches;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A reader of our output that leaves, `head` say, ends us quietly as it ends any other tool.
    // SAFETY: sets the disposition of one signal, before any thread exists.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let cli = cli::Cli::from_arg_matches(&cli::command().get_matches()).unwrap_or_else(|error| error.exit());
    paint::set(cli.color);
    match commands::run(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("eshmctl: {error}");
            error.exit().into()
        }
    }
}
