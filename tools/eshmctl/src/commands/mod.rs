//! One module a command.

pub mod bench;
pub mod clean;
pub mod doctor;
pub mod echo;
pub mod list;
pub mod papers;
pub mod ping;
pub mod record;
pub mod recv;
pub mod replay;
pub mod send;
pub mod show;
pub mod top;
pub mod watch;

use crate::{cli::Command, exit::Exit, failure::Failure};

/// Runs a command.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Send(args) => send::run(&args),
        Command::Recv(args) => recv::run(&args),
        Command::Echo(args) => echo::run(&args),
        Command::Ping(args) => ping::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => papers::completions(&args),
        Command::Man(args) => papers::man(&args),
        Command::Clean(args) => clean::run(&args),
    }
}
