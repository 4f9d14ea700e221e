//! Removing what nobody will ever use again.

use super::Life;
use crate::config::Side;
use crate::error::Error;
use crate::segment::{Decision, Segment, find, find::Found, name::Name, peer::Verdict};
use crate::sys::file;
use std::{io, time::Duration};

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

/// How long another process's decision about the segment is waited for.
const DECIDING: Duration = Duration::from_secs(1);

/// Removes a segment if both its ends are proven dead or have left: under the lock that guards every such decision, with all
/// looked at again, so that one that comes to life meanwhile is safe. A file that is no segment, or half of one, stays.
///
/// # Errors
/// [`Error::InvalidParameter`] for a name that no segment can have; [`Error::Attach`] if the file cannot be opened or
/// removed, with the reason.
pub fn remove_orphan(name: impl AsRef<[u8]>) -> Result<Removal, Error> {
    let name = Name::new(name.as_ref())?;
    let failed = |error: io::Error| Error::Attach(format!("{name}: {error}"));
    let segment = match find::find(&name, crate::MAX_DATA_SIZE).map_err(failed)? {
        Found::Valid(segment) => segment,
        Found::Missing => return Ok(Removal::Missing),
        Found::Making(..) => return Ok(Removal::Kept("it is half made".to_owned())),
        Found::Invalid(_, _, why) => return Ok(Removal::Kept(format!("it is no segment: {why}"))),
        Found::TooNew(version) => return Ok(Removal::Kept(format!("it is of protocol {version}"))),
    };
    let Some(_decision) = Decision::wait(&segment.file, DECIDING).map_err(failed)? else {
        return Ok(Removal::Kept("another process is deciding about it".to_owned()));
    };
    for side in [Side::Master, Side::Slave] {
        let life = life(&segment, side);
        if !matches!(life, Life::Absent | Life::Dead) {
            return Ok(Removal::Kept(format!("its {} lives", side.name())));
        }
    }
    if !segment.is_named(&name) {
        return Ok(Removal::Kept("another file has taken its name".to_owned()));
    }
    file::unlink(name.path()).map_err(failed)?;
    Ok(Removal::Removed)
}

fn life(segment: &Segment, side: Side) -> Life {
    match segment.judge(side, Duration::from_millis(segment.threshold().into())) {
        Verdict::Absent => Life::Absent,
        // Its lock is held by a child that it forked, which may well use the segment.
        Verdict::Alive | Verdict::Dead { pinned: true } => Life::Alive,
        Verdict::Dead { pinned: false } => Life::Dead,
    }
}
