//! The command line.

use crate::{commands, paint::When, time};
use clap::{CommandFactory, Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 failed, 2 wrong command line, 3 something is \
                          wrong with what was looked at, 4 no such segment (for doctor a finding: \
                          3), 5 timed out, or nobody read what was sent.";

/// The command line, as help and manual pages show it: with the exit codes at every command, and
/// the form of times where there are some.
pub fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| {
        let times = command.get_arguments().any(takes_a_time);
        command.after_help(if times {
            format!("{}\n\n{EXIT_CODES}", time::FORM)
        } else {
            EXIT_CODES.to_owned()
        })
    })
}

fn takes_a_time(argument: &clap::Arg) -> bool {
    argument.get_value_names().is_some_and(|names| names.iter().any(|name| name == time::VALUE))
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
    /// Remove segments whose both ends are proven dead or have left: also one that its master was
    /// told to keep (auto_cleanup=false).
    Clean(commands::clean::Args),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command cannot do without.
    fn needed(command: &clap::Command) -> Vec<String> {
        let needed = command.get_arguments().filter(|argument| argument.is_required_set());
        needed
            .map(|argument| {
                argument.get_long().map_or("x".to_owned(), |long| format!("--{long}=x"))
            })
            .collect()
    }

    #[test]
    fn every_time_has_every_form_and_help_says_so() {
        let mut options = 0;
        for command in command().get_subcommands() {
            let name = command.get_name();
            let help = command.clone().render_long_help().to_string();
            for argument in command.get_arguments() {
                let long = argument.get_long().unwrap_or_default();
                let about = argument.get_help().unwrap_or_default().to_string();
                let names = argument.get_value_names().unwrap_or_default();
                assert!(
                    !names.iter().any(|name| ["SECONDS", "MS", "US"].contains(&name.as_str())),
                    "{name} --{long}"
                );
                if !takes_a_time(argument) {
                    continue;
                }
                options += 1;
                assert!(about.contains("a bare number is "), "{name} --{long}: {about}");
                assert!(help.contains(time::FORM), "{name}");
                let value = |text: &str| {
                    let words = ["eshmctl".to_owned(), name.to_owned(), format!("--{long}={text}")];
                    super::command().try_get_matches_from(words.into_iter().chain(needed(command)))
                };
                for text in ["3s", "300ms", "60000us", "0.05min"] {
                    assert!(value(text).is_ok(), "{name} --{long} {text}: {:?}", value(text));
                }
                let unit = about
                    .split("a bare number is ")
                    .nth(1)
                    .and_then(|rest| rest.split([';', '.']).next());
                let bare = if unit == Some("seconds") { "3" } else { "3000" };
                assert!(value(bare).is_ok(), "{name} --{long} {bare}");
                for text in ["3 lightyears", "3m", "-3s", ""] {
                    assert!(value(text).is_err(), "{name} --{long} {text}");
                }
                for default in argument.get_default_values() {
                    let default = default.to_str().unwrap();
                    assert!(
                        default.parse::<f64>().is_err(),
                        "{name} --{long}: {default} has no unit"
                    );
                }
            }
        }
        assert!(options >= 13, "{options}");
    }
}
