//! `eshmctl`: see, watch, mend and drive eshm channels from the terminal.

mod capture;
mod chart;
mod checkup;
mod cli;
mod commands;
mod delivery;
mod exit;
mod failure;
mod fault;
mod histogram;
mod lines;
mod name;
mod numbers;
mod obstacle;
mod paint;
mod payload;
mod process;
mod processes;
mod progress;
mod record_text;
mod report;
mod say;
mod side;
mod standard;
mod stop;
mod tap;
mod text;
mod time;
mod top;
mod trips;
mod waiting;

use clap::FromArgMatches;
use std::process::ExitCode;

fn main() -> ExitCode {
    fault::prepare();
    let cli = cli::Cli::from_arg_matches(&cli::command().get_matches())
        .unwrap_or_else(|error| error.exit());
    paint::set(cli.color);
    match commands::run(cli.command) {
        Ok(exit) => say::end(exit).into(),
        Err(error) if error.is_of_a_closed_pipe() => say::die_of_a_closed_pipe(),
        Err(error) => {
            tell!("{error}");
            error.exit().into()
        }
    }
}
