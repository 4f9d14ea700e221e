//! `list`: every segment, one line each.

use crate::{
    exit::Exit,
    failure::Failure,
    paint::{Painted, Tone},
    report::{self, AgeOf, Channel, Kind, Life, Report, Side},
    say, say_part, time,
};
use std::time::Duration;

/// List every segment with its two sides.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON: one object with `segments`.
    #[arg(long)]
    json: bool,
    /// Print the whole command lines of both sides as well.
    #[arg(long, short, conflicts_with = "json")]
    long: bool,
    /// Measure rates over this time; a bare number is milliseconds.
    #[arg(
        long,
        value_name = time::VALUE,
        default_value = "200ms",
        value_parser = time::milliseconds(1..=60_000)
    )]
    over: Duration,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let reports = report::collect_all(args.over).map_err(report::unlisted)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&serde_json::json!({ "segments": reports }))?);
    } else if reports.is_empty() {
        say!("no segments");
    } else {
        table(&reports, args.long);
    }
    Ok(if reports.iter().any(|report| report.orphan) { Exit::Findings } else { Exit::Fine })
}

fn table(reports: &[Report], long: bool) {
    let width = reports.iter().map(|r| r.name.chars().count()).max().unwrap_or(0).clamp(4, 40);
    let heading = format!(
        "{:width$}  {:>8} {:>8} {:>5}  {:20} {:20} {:>7} {:>7} {:>4}",
        "NAME", "CAPACITY", "SIZE", "PROTO", "MASTER", "SLAVE", "M>S/s", "S>M/s", "AGE"
    );
    say!("{}", Painted(Tone::Bold, heading));
    for report in reports {
        let name = format!("{:width$}", report.name); // whole: it is typed again, and searched for
        let Some(segment) = &report.segment else {
            let why = report.findings.first().map_or("", |finding| &finding.what);
            say!("{name}  {:>8} {:>8} {:>5}  {}", "-", report.size, "-", Painted(Tone::Bad, why));
            continue;
        };
        say_part!("{name}  {:>8} {:>8} {:>5}  ", segment.capacity, report.size, segment.protocol);
        say_part!("{} {} ", who(&segment.master), who(&segment.slave));
        say_part!("{:>7} {:>7} ", rate(&segment.master_to_slave), rate(&segment.slave_to_master));
        say_part!("{:>4}", age(report));
        say!(
            "{}",
            if report.orphan {
                format!("  {}", Painted(Tone::Bad, "orphan"))
            } else {
                String::new()
            }
        );
        for (label, side) in [("master", &segment.master), ("slave", &segment.slave)] {
            if let (true, Some(pid), Some(command)) = (long, side.pid, &side.command) {
                say!("    {label:6} {pid} {}", command.escape_debug());
            }
        }
    }
    let orphans = reports.iter().filter(|r| r.orphan).count();
    let broken = reports.iter().filter(|r| r.kind != Kind::Segment).count();
    if orphans + broken > 0 {
        say!(
            "{orphans} orphaned, {broken} not segments; `eshmctl show NAME` says more, `eshmctl \
             clean` removes orphans"
        );
    }
}

/// A side in 20 columns.
fn who(side: &Side) -> Painted<String> {
    let library = if side.library == Some("released") { "*" } else { "" };
    let pid = side.pid.map_or(String::new(), |pid| pid.to_string());
    let (tone, text) = match side.life {
        Life::Absent => (Tone::Dim, "-".to_owned()),
        Life::Alive => {
            let command = side.command.as_deref().unwrap_or("");
            let program = command.split(' ').next().unwrap_or("").rsplit('/').next().unwrap_or("");
            (Tone::Good, format!("{pid}{library} {program}"))
        }
        Life::Silent => (Tone::Warn, format!("{pid}{library} silent")),
        Life::Dead => (Tone::Bad, format!("{pid}{library} dead")),
    };
    Painted(tone, format!("{:20}", shorten(&text, 20)))
}

/// At most `width` characters; an ellipsis shows that some are left out.
fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['\u{2026}']).collect()
}

fn rate(channel: &Channel) -> String {
    match channel.writes_per_second {
        rate if rate >= 1e6 => format!("{:.1}M", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0}k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}

/// With `~` where it counts from the last change, for want of a birth.
fn age(report: &Report) -> String {
    let mark = if report.age_of == AgeOf::Change { "~" } else { "" };
    mark.to_owned() + &short_time(report.age_s)
}

fn short_time(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_fit_their_columns() {
        assert_eq!([5, 300, 90_000, 1_000_000].map(short_time), ["5s", "5m", "25h", "11d"]);
        assert_eq!(shorten("abcdef", 4), "abc\u{2026}");
        assert_eq!(shorten("abcd", 4), "abcd");
    }
}
