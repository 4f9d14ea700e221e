//! `clean`: removes segments that nobody will ever use again, and no other.

use crate::{
    exit::Exit,
    failure::Failure,
    name::Name,
    report::{self, Kind},
    say, say_part, tell,
};
use eshm::inspect::{Removal, remove_orphan};
use std::{
    io::{self, BufRead, IsTerminal, Write},
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
}

/// How long a segment is watched before it counts as orphaned; it is looked at once more as it is
/// removed.
const WATCH: Duration = Duration::from_millis(100);

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut missing = false;
    let orphans: Vec<Name> = if args.names.is_empty() {
        let all = report::collect_named(WATCH).map_err(report::unlisted)?;
        all.into_iter().filter(|(_, report)| report.orphan).map(|(name, _)| name).collect()
    } else {
        let mut found = Vec::new();
        for name in &args.names {
            match report::collect(name, WATCH) {
                Some(report) if report.orphan => found.push(name.clone()),
                Some(report) if report.kind == Kind::Segment => say!("{name}: in use; stays"),
                Some(_) => {
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
        found
    };
    let ended = if missing { Exit::Missing } else { Exit::Fine };
    if orphans.is_empty() {
        say!("nothing to remove");
        return Ok(ended);
    }
    for name in &orphans {
        say!("{name}: both ends are gone");
    }
    if args.dry_run {
        say!("{} would be removed", orphans.len());
        return Ok(ended);
    }
    if !args.yes && !confirmed(orphans.len())? {
        say!("nothing removed");
        return Ok(Exit::Fine);
    }
    let (mut removed, mut failed) = (0, false);
    for name in &orphans {
        match remove_orphan(name) {
            Ok(Removal::Removed) => removed += 1,
            Ok(Removal::Missing) => say!("{name}: gone already"),
            Ok(Removal::Kept(why)) => say!("{name}: stays: {why}"),
            Err(error) => {
                tell!("{error}; its owner or root may remove it");
                failed = true;
            }
        }
    }
    say!("{removed} removed");
    Ok(if failed { Exit::Failed } else { ended })
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
