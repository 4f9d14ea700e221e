//! `torture`: kills peers with SIGKILL, again and again, and looks at who is left.
//!
//! ```text
//! torture kills [--kills=N] [--state=FILE] [--seed=N] [--lanes=N] [--rounds=N] [--side=master|slave] [--point=NAME]
//!               [--survivor=ours|threadless|old2|old3] [--mixed=yes|no]
//! torture soak  [--seconds=N] [--seed=N] [--channels=N]
//! torture slaves [--kills=N] [--stops=N] [--seed=N] [--lanes=N] [--capacity=BYTES] [--here]
//!               [--at-once]
//! torture peer  KIND ROLE NAME --author=N --retry=MS --threads=N [--poll] [--fresh] [--capacity=BYTES] [--beside]
//!               what the others start
//! ```
//!
//! `slaves` has two slaves write beside each other, each in a pid namespace of its own unless `--here`:
//! first so many are killed, then so many stopped for a while. The next one comes once the other slave is
//! heard anew, or `--at-once`. `kills` goes on until N masters and N slaves were killed, the counts of earlier runs in FILE included.

mod arguments;
mod channel;
mod frame;
mod interrupt;
mod kills;
mod peer;
mod plan;
mod points;
mod port;
mod process;
mod random;
mod released;
mod session;
mod slaves;
mod soak;
mod state;
mod traffic;

use arguments::Arguments;
use port::{CAPACITY, Kind, Opening};
use std::{env, process::ExitCode};

fn serve(arguments: &Arguments) -> Option<std::convert::Infallible> {
    let [kind, role, name, ..] = arguments.0.as_slice() else { return None };
    let opening = Opening {
        poll: arguments.has("poll"),
        fresh: arguments.has("fresh"),
        capacity: arguments.number("capacity").map_or(CAPACITY, |bytes| bytes as usize),
        beside: arguments.has("beside"),
        ..Opening::new(Kind::parse(kind)?, role, name, arguments.number("retry")?)
    };
    peer::run(&opening, arguments.number("author")?, arguments.number("threads")? as usize)
}

fn main() -> ExitCode {
    let mut words: Vec<String> = env::args().skip(1).collect();
    let verb = if words.is_empty() { String::new() } else { words.remove(0) };
    let arguments = Arguments(words);
    let result = match verb.as_str() {
        "kills" => kills::run(&arguments),
        "soak" => soak::run(&arguments),
        "slaves" => slaves::run(&arguments),
        "peer" => serve(&arguments).map_or(Err("torture peer KIND ROLE NAME ...".to_owned()), |never| match never {}),
        _ => Err("usage: torture kills|slaves|soak [--options]".to_owned()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error}");
            ExitCode::from(2)
        }
    }
}
