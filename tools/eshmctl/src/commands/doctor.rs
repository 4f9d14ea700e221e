//! `doctor`: the usual causes of trouble, one by one.

use crate::{
    checkup::{self, Check, Verdict},
    exit::Exit,
    failure::Failure,
    name::Name,
    numbers,
    paint::{Painted, Tone},
    say, text,
};
use serde_json::json;

/// Check the usual causes of trouble one by one.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A segment to look at as well.
    name: Option<Name>,
    /// Print JSON: one object with `checks`.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut checks = checkup::machine();
    if let Some(name) = &args.name {
        checks.extend(checkup::segment(name));
    }
    if args.json {
        say!("{}", text::json(&serde_json::to_string_pretty(&json!({ "checks": checks }))?));
    } else {
        checks.iter().for_each(print);
    }
    let wrong = checks.iter().filter(|check| check.verdict == Verdict::Wrong).count();
    if !args.json {
        say!("{}, {wrong} wrong", numbers::count(checks.len() as u64, "check"));
    }
    Ok(if wrong > 0 { Exit::Findings } else { Exit::Fine })
}

fn print(check: &Check) {
    let verdict = match check.verdict {
        Verdict::Fine => Painted(Tone::Good, "ok   "),
        Verdict::Note => Painted(Tone::Warn, "note "),
        Verdict::Wrong => Painted(Tone::Bad, "WRONG"),
    };
    say!("{verdict} {}: {}", check.subject, check.seen);
    if let Some(advice) = &check.advice {
        say!("      {advice}");
    }
}
