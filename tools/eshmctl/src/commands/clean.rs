//! `clean`: removes segments that nobody will ever use again, and no other.

use crate::{
    exit::Exit,
    failure::Failure,
    fault,
    name::Name,
    process::{self, Mapped},
    processes::Processes,
    report::{self, Kind, Life, Report, Segment},
    say, say_part, tell,
};
use eshm::inspect::{Removal, remove_orphan_if};
use std::{
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::MetadataExt,
    time::Duration,
};

/// Remove segments whose both ends are proven dead or have left.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only these; all orphaned ones without.
    names: Vec<Name>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Only say what would be removed.
    #[arg(long, short = 'n', conflicts_with = "yes")]
    dry_run: bool,
    /// Remove the named ones also where nothing proves that an end is dead: it does not beat, and
    /// its process is not seen, as of a released library in another container, or its number is
    /// here that of a process which is seen not to use it (root sees that of most). One that is only
    /// paused loses its channel. If a named one stays, that is a failure.
    #[arg(long, requires = "names")]
    force: bool,
}

/// How long a segment is watched before it counts as orphaned; it is looked at once more as it is
/// removed.
const WATCH: Duration = Duration::from_millis(100);

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (mut missing, mut stay, mut orphans) = (false, 0, Vec::new());
    if args.names.is_empty() {
        for (name, report) in report::collect_named(WATCH).map_err(report::unlisted)? {
            match report {
                report if report.orphan => orphans.push((name, report)),
                report if report.is_doubtful() => tell_doubt(&name, &report),
                _ => {}
            }
        }
    } else {
        let reports = report::collect_these(&args.names, WATCH);
        for (name, report) in args.names.iter().cloned().zip(reports) {
            match report {
                Some(report) if report.orphan || args.force && report.is_doubtful() => {
                    orphans.push((name, report));
                }
                Some(report) if report.is_doubtful() => tell_doubt(&name, &report),
                Some(report) if report.kind == Kind::Segment => {
                    stay += 1;
                    say!("{name}: {}; stays", use_of(&report));
                }
                Some(_) => {
                    stay += 1;
                    let typed = name.typed();
                    say!(
                        "{name}: not a segment that can be judged; stays; `eshmctl show {typed}` says what it is"
                    );
                }
                None => {
                    tell!("there is no segment '{name}'; `eshmctl list` shows which there are");
                    missing = true;
                }
            }
        }
    }
    // What was to go by force and stays is no success; without force it is as it should be.
    let ended = |stay: usize| match args.names.len() {
        named if args.force && stay > 0 => {
            tell!("{stay} of {named} named {}", if stay == 1 { "stays" } else { "stay" });
            Exit::Failed
        }
        _ if missing => Exit::Missing,
        _ => Exit::Fine,
    };
    if orphans.is_empty() {
        say!("nothing to remove");
        return Ok(ended(stay));
    }
    for (name, report) in &orphans {
        match doubts(report) {
            doubts if doubts.is_empty() => say!("{name}: both ends are gone"),
            doubts => say!("{name}: {doubts}"),
        }
    }
    if args.dry_run {
        say!("{} would be removed", orphans.len());
        return Ok(ended(stay));
    }
    if !args.yes && !confirmed(orphans.len())? {
        say!("nothing removed");
        return Ok(Exit::Fine);
    }
    let (mut removed, mut failed) = (0, false);
    for (name, report) in &orphans {
        // All is looked at again, the processes too. By force goes what is unknown, and not what a
        // process has that is silent.
        let is_gone = |_, pid| {
            // The file of now: the one that is removed only if it still has the name then.
            let Ok(file) = name.path().symlink_metadata() else { return false };
            let mapped = Mapped::new(name, file.ino());
            args.force && (!process::exists(pid) || mapped.is_by_a_stranger(pid))
                || Processes::look().lack(pid, &mapped)
        };
        let removal = fault::looking(|| remove_orphan_if(name, report.watched.as_ref(), is_gone));
        match removal {
            Ok(Removal::Removed) => removed += 1,
            Ok(Removal::Missing) => say!("{name}: gone already"),
            Ok(Removal::Kept(why)) => {
                stay += 1;
                say!("{name}: stays: {why}");
            }
            Err(error) => {
                tell!("{error}; its owner or root may remove it");
                failed = true;
            }
        }
    }
    say!("{removed} removed");
    let ended = ended(stay);
    Ok(if failed { Exit::Failed } else { ended })
}

/// What is not known of its ends.
fn doubts(report: &Report) -> String {
    let sides = report.segment.iter().flat_map(|s| [("master", &s.master), ("slave", &s.slave)]);
    let doubts: Vec<_> = sides
        .filter_map(|(end, side)| {
            let (pid, doubt) = (side.pid.unwrap_or(0), side.doubt.as_ref()?);
            Some(format!("nothing proves that its {end}, process {pid}, is dead: {doubt}"))
        })
        .collect();
    doubts.join("; ")
}

/// What is known of who uses a segment that stays.
fn use_of(report: &Report) -> &'static str {
    let is_alive = |s: &Segment| [&s.master, &s.slave].iter().any(|side| side.life == Life::Alive);
    match report.segment.as_ref().is_some_and(is_alive) {
        true => "in use",
        false => "silent, but a process with the number of an end is here, and may use it",
    }
}

fn tell_doubt(name: &Name, report: &Report) {
    say!(
        "{name}: {}; stays; if you know that it is dead, `eshmctl clean --force {}` removes it",
        doubts(report),
        name.typed()
    );
}

fn confirmed(count: usize) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "not a terminal to ask on; say --yes to remove, or --dry-run to look",
        ));
    }
    say_part!("remove {count}? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
