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
    let matches = cli::command().try_get_matches();
    let cli = matches
        .and_then(|matches| cli::Cli::from_arg_matches(&matches))
        .unwrap_or_else(|error| refuse(&error));
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

/// Ends with what is wrong with the command line, or with the help asked for. Arguments may be
/// anybody's words: the names of files, where a shell puts those in.
fn refuse(error: &clap::Error) -> ! {
    if !error.use_stderr() {
        error.exit()
    }
    say::beside(format_args!("{}", text::message(&error.render().to_string())));
    std::process::exit(error.exit_code())
}
