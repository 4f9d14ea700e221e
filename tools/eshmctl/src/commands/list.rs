//! `list`: every segment, one line each.

use crate::{
    exit::Exit,
    failure::Failure,
    numbers,
    paint::{Painted, Tone},
    progress,
    report::{self, AgeOf, Kind, Life, Report, Side},
    say, text, time, top,
};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};

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
        let all = serde_json::json!({ "segments": reports });
        say!("{}", text::json(&serde_json::to_string_pretty(&all)?));
    } else if reports.is_empty() {
        say!("no segments");
    } else {
        table(&reports, args.long);
    }
    Ok(if reports.iter().any(|report| report.orphan) { Exit::Findings } else { Exit::Fine })
}

/// Headings, widths, and columns in between; what is shown of a name, and the last word on an
/// orphan, is always whole.
const COLUMNS: [(&str, usize, usize); 9] = [
    ("NAME", 4, 0),
    ("CAPACITY", 8, 2),
    ("SIZE", 8, 1),
    ("PROTO", 5, 1),
    ("MASTER", SIDE, 2),
    ("SLAVE", SIDE, 1),
    ("M>S/s", 7, 1),
    ("S>M/s", 7, 1),
    ("AGE", 4, 1),
];
/// The first to go on a terminal that is too narrow, and so on.
const LEAST: [usize; 8] = [3, 2, 8, 1, 7, 6, 5, 4];
/// Columns of a name that others are set beside.
const LONGEST: usize = 40;
/// Columns of a side.
const SIDE: usize = 20;
const ORPHAN: &str = "  orphan";

/// A cell: its text, and how it is meant.
type Cell = (String, Option<Tone>);

/// The columns that fit into `room`, each with its width; `orphans` says whether any is called one.
fn layout(rows: &[[Cell; 9]], orphans: bool, room: usize) -> Vec<(usize, usize)> {
    let widest = |at: usize| {
        rows.iter()
            .map(|row| top::width(&row[at].0))
            .chain([COLUMNS[at].0.len()])
            .max()
            .unwrap_or(0)
    };
    let usual: [usize; 9] = std::array::from_fn(|at| match at {
        0 => widest(0).min(LONGEST), // one long name moves no other
        _ if is_number(at) => COLUMNS[at].1.max(widest(at)),
        _ => COLUMNS[at].1,
    });
    let orphan = if orphans { ORPHAN.len() } else { 0 };
    let taken = |widths: [usize; 9]| -> [usize; 9] {
        std::array::from_fn(|at| widths[at] + if at == 0 { orphan } else { COLUMNS[at].2 })
    };
    // On a terminal that is too narrow no column is wider than it needs to be.
    let fits = taken(usual).iter().sum::<usize>() <= room;
    let widths = if fits { usual } else { std::array::from_fn(|at| usual[at].min(widest(at))) };
    let mut shown: Vec<_> =
        top::kept(&taken(widths), &LEAST, 0, room).map(|at| (at, widths[at])).collect();
    let others = orphan + shown[1..].iter().map(|&(at, _)| taken(widths)[at]).sum::<usize>();
    shown[0].1 = shown[0].1.min(room.saturating_sub(others));
    shown
}

fn table(reports: &[Report], long: bool) {
    let room = if io::stdout().is_terminal() { progress::columns() } else { usize::MAX };
    let rows: Vec<_> = reports.iter().map(cells).collect();
    let shown = layout(&rows, reports.iter().any(|report| report.orphan), room);
    let line = |cells: &[Cell; 9]| {
        let mut line = String::new();
        for &(at, width) in &shown {
            let (text, tone) = &cells[at];
            let pad = " ".repeat(width.saturating_sub(top::width(text)));
            let text = if is_number(at) { pad + text } else { text.to_owned() + &pad };
            line += &" ".repeat(COLUMNS[at].2);
            line += &tone.map_or(text.clone(), |tone| Painted(tone, text).to_string());
        }
        line
    };
    say!("{}", Painted(Tone::Bold, line(&COLUMNS.map(|(heading, ..)| plain(heading))).trim_end()));
    for (report, cells) in reports.iter().zip(&rows) {
        let Some(segment) = &report.segment else {
            let why = report.findings.first().map_or("", |finding| &finding.what);
            let start = line(cells);
            let start = format!("{:1$}", start.trim_end(), shown[0].1);
            let room = room.saturating_sub(top::width(&start) + 2);
            say!("{start}  {}", Painted(Tone::Bad, top::cut(why, room)));
            continue;
        };
        let orphan =
            if report.orphan { Painted(Tone::Bad, ORPHAN).to_string() } else { String::new() };
        say!("{}{orphan}", line(cells));
        for (label, side) in [("master", &segment.master), ("slave", &segment.slave)] {
            if let (true, Some(pid), Some(command)) = (long, side.pid, &side.command) {
                say!("    {label:6} {pid} {}", text::shown(command));
            }
        }
    }
    if shown.len() < COLUMNS.len() {
        let hidden = numbers::count((COLUMNS.len() - shown.len()) as u64, "column");
        say!("without {hidden}; all: `eshmctl list | cat`");
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

fn plain(text: impl ToString) -> Cell {
    (text.to_string(), None)
}

/// The row of a file.
fn cells(report: &Report) -> [Cell; 9] {
    // The name whole: it is typed again, and searched for.
    let (name, size) = (plain(&report.name), plain(report.size));
    let Some(segment) = &report.segment else {
        let [dash, none] = ["-", ""].map(plain);
        return [
            name,
            dash.clone(),
            size,
            dash,
            none.clone(),
            none.clone(),
            none.clone(),
            none.clone(),
            none,
        ];
    };
    [
        name,
        plain(segment.capacity),
        size,
        plain(segment.protocol),
        who(&segment.master),
        who(&segment.slave),
        plain(numbers::rate(segment.master_to_slave.writes_per_second)),
        plain(numbers::rate(segment.slave_to_master.writes_per_second)),
        plain(age(report)),
    ]
}

/// Whether a column stands on the right.
fn is_number(at: usize) -> bool {
    matches!(COLUMNS[at].0, "CAPACITY" | "SIZE" | "PROTO" | "M>S/s" | "S>M/s" | "AGE")
}

/// A side in 20 columns.
fn who(side: &Side) -> Cell {
    let library = if side.library == Some("released") { "*" } else { "" };
    let pid = side.pid.map_or(String::new(), |pid| pid.to_string());
    let (tone, text) = match side.life {
        Life::Absent => (Tone::Dim, "-".to_owned()),
        Life::Alive => {
            let command = side.command.as_deref().unwrap_or("");
            let program = command.split(' ').next().unwrap_or("").rsplit('/').next().unwrap_or("");
            (Tone::Good, format!("{pid}{library} {}", text::shown(program)))
        }
        Life::Silent => (Tone::Warn, format!("{pid}{library} silent")),
        Life::Dead => (Tone::Bad, format!("{pid}{library} dead")),
        Life::Unknown => (Tone::Warn, format!("{pid}{library} unknown")),
    };
    (top::cut(&text, SIDE), Some(tone))
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
    fn what_is_shown_fits_and_no_more_is_left_out_than_must_be() {
        let row = |name: &str| {
            [name, "4096", "8576", "3", "4194304 controller", "4194305*", "123k", "4200.00M", "25h"]
                .map(plain)
        };
        let rows = [row("robot_arm"), row("x")];
        let total = |shown: &[(usize, usize)]| {
            shown.iter().map(|&(at, width)| width + COLUMNS[at].2).sum::<usize>()
        };
        for room in 1..200 {
            for (orphans, last) in [(false, 0), (true, ORPHAN.len())] {
                let shown = layout(&rows, orphans, room);
                assert!(shown.len() == 1 || total(&shown) + last <= room, "{room}: {shown:?}");
                for &(at, width) in &shown[1..] {
                    assert!(
                        width >= top::width(&rows[0][at].0),
                        "{room}: a cell of {} is cut",
                        COLUMNS[at].0
                    );
                }
            }
        }
        assert_eq!(
            layout(&rows, false, usize::MAX).iter().map(|shown| shown.1).collect::<Vec<_>>(),
            [9, 8, 8, 5, 20, 20, 7, 8, 4]
        );
        let narrow = layout(&rows, false, 80);
        assert_eq!(narrow.len(), COLUMNS.len(), "{narrow:?}");
        let shown = layout(&rows, false, 40);
        assert_eq!(
            shown.iter().map(|&(at, _)| COLUMNS[at].0).collect::<Vec<_>>(),
            ["NAME", "MASTER", "SLAVE"]
        );
    }

    #[test]
    fn a_time_is_short() {
        assert_eq!([5, 300, 90_000, 1_000_000].map(short_time), ["5s", "5m", "25h", "11d"]);
    }
}
