//! Removing what nobody will ever use again.

use super::{HeaderFacts, Life, Segment};
use crate::config::Side;
use crate::error::Error;
use crate::segment::{Decision, find, find::Found, name::Name};
use crate::sys::file;
use std::{
    io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    time::{Duration, Instant},
};

/// What became of a segment that was to be removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Removal {
    /// Its name is gone.
    Removed,
    /// There was nothing under the name.
    Missing,
    /// It stays; says why.
    Kept(String),
}

/// A header as it was seen before, in the file with this inode. While it is still the same, no heartbeat has moved since: of the
/// time for which an end is watched only the rest is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The file's [`FileFacts::inode`](super::FileFacts::inode).
    pub inode: u64,
    /// Its words.
    pub header: HeaderFacts,
    /// When they were read.
    pub since: Instant,
}

/// How long another process's decision about the segment is waited for.
const DECIDING: Duration = Duration::from_secs(1);

/// Removes a segment if both its ends are proven dead or have left: under the lock that guards every such decision, with all
/// looked at again, so that one that comes to life meanwhile is safe. A file that is no segment, or half of one, stays, and so
/// does a segment with an end of which nothing is proven ([`Life::Unknown`]).
///
/// # Errors
/// [`Error::InvalidParameter`] for a name that no segment can have; [`Error::Attach`] if the file cannot be opened or
/// removed, with the reason.
pub fn remove_orphan(name: impl AsRef<[u8]>) -> Result<Removal, Error> {
    remove_orphan_if(name, None, |_, _| false)
}

/// The same for a segment that was `watched` before, where the caller can tell whether the process with this id, which held
/// this side, is gone: it is asked about an end whose heartbeat stands still and on which nobody holds a lock, while the lock
/// that guards the decision is held. A process may have this id all the same, and be another one than is meant.
///
/// # Errors
/// As [`remove_orphan`].
pub fn remove_orphan_if(
    name: impl AsRef<[u8]>,
    watched: Option<&Watched>,
    is_gone: impl Fn(Side, i32) -> bool,
) -> Result<Removal, Error> {
    let name = Name::new(name.as_ref())?;
    let failed = |error: io::Error| Error::Attach(format!("{name}: {error}"));
    // For writing, as that is what it takes to lock it; nothing is written, and none of its memory reserved.
    let found = find::check(file::open(name.path()), crate::MAX_DATA_SIZE).map_err(failed)?;
    let segment = match found {
        Found::Valid(seen) => Segment::new(name.clone(), seen),
        Found::Missing => return Ok(Removal::Missing),
        Found::Making(..) => return Ok(Removal::Kept("it is half made".to_owned())),
        Found::Invalid(_, _, why) => return Ok(Removal::Kept(format!("it is no segment: {why}"))),
        Found::TooNew(version) => return Ok(Removal::Kept(format!("it is of protocol {version}"))),
    };
    let file: OwnedFd = segment.file().try_clone().map_err(failed)?.into();
    let Some(decision) = Decision::wait(&file, DECIDING).map_err(failed)? else {
        return Ok(Removal::Kept("another process is deciding about it".to_owned()));
    };
    let before = segment.header();
    let inode = segment.file().metadata().map_err(failed)?.ino();
    let same = watched.filter(|watched| watched.inode == inode && watched.header == before);
    let still = same.map_or(Duration::ZERO, |watched| watched.since.elapsed());
    for side in [Side::Master, Side::Slave] {
        if let Some(why) = why_not(&segment, (&before, still), side, &is_gone) {
            return Ok(Removal::Kept(why));
        }
    }
    // The master was judged before the slave: neither may have come, or beaten, since.
    if !segment.is_whole() || segment.header() != before {
        return Ok(Removal::Kept("it changed while it was looked at".to_owned()));
    }
    if !segment.is_named() {
        return Ok(Removal::Kept("another file has taken its name".to_owned()));
    }
    if !decision.stands() {
        return Ok(Removal::Kept("another process has decided about it meanwhile".to_owned()));
    }
    file::unlink(name.path()).map_err(failed)?;
    Ok(Removal::Removed)
}

/// Why the segment stays, if this end is the reason.
fn why_not(
    segment: &Segment,
    (header, still): (&HeaderFacts, Duration),
    side: Side,
    is_gone: &impl Fn(Side, i32) -> bool,
) -> Option<String> {
    let (end, pid) = (side.name(), header.pids[side as usize]);
    match segment.judge_after(side, still) {
        Life::Absent | Life::Dead => None,
        // Its lock is held, if only by a child that it forked, which may well use the segment.
        Life::Unknown if header.is_ours(side) => Some(format!("the lock of its {end} is held")),
        // A number of a process here may be meant in another pid namespace, or be another one's by now: the caller may see that.
        Life::Unknown | Life::Silent if !header.is_ours(side) && is_gone(side, pid) => None,
        Life::Unknown => Some(format!("nothing proves that its {end}, process {pid}, is dead")),
        Life::Alive | Life::Silent => Some(format!("its {end} lives")),
    }
}
