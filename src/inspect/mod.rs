//! Looking at segments from outside, as a tool or a monitor does: which there are, who is on either side, what they exchange.
//!
//! A segment is read as a file, so looking changes nothing in it, takes no message from its reader, reserves no memory for it,
//! and bears that its owner truncates it meanwhile. Only while a side is judged is it mapped, for reading alone: a program that
//! judges segments of users whom it does not trust handles SIGBUS.
//!
//! ```
//! use eshm::inspect::{self, Direction, Found, Life, Side};
//! use eshm::{Endpoint, Role};
//!
//! let name = format!("doc_inspect_{}", std::process::id());
//! let master = Endpoint::builder(&name).role(Role::Master).open()?;
//! master.write(b"position 1.5")?;
//!
//! let Found::Segment(segment) = inspect::look(&name)?.found else { panic!("it is there") };
//! assert_eq!(segment.header().pids[Side::Master as usize], std::process::id() as i32);
//! assert_eq!(segment.judge(Side::Master), Life::Alive);
//! assert_eq!(segment.judge(Side::Slave), Life::Absent);
//! let mut message = Vec::new();
//! let sequence = segment.message(Direction::MasterToSlave, None, &mut message);
//! assert_eq!((sequence, message.as_slice()), (Some(2), b"position 1.5".as_slice()));
//! # Ok::<(), eshm::Error>(())
//! ```

mod facts;
mod remove;
mod segment;

pub use crate::config::Side;
pub use facts::{ChannelFacts, FileFacts, HeaderFacts};
pub use remove::{Removal, Watched, remove_orphan, remove_orphan_if};
pub use segment::{LONGEST_WATCH, Life, Segment};

use crate::endpoint::refusal::explain;
use crate::error::Error;
use crate::segment::{
    find,
    name::{self, FOLDER, Name},
};
use crate::sys::file;
use std::{
    ffi::OsStr,
    fs, io,
    os::{fd::AsFd, unix::ffi::OsStrExt},
    path::PathBuf,
};

/// One of the two channels of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From the master to the slave.
    MasterToSlave = 0,
    /// From the slave to the master.
    SlaveToMaster = 1,
}

/// What stands under a name.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Missing,
    /// A file that someone is filling in right now, or never finished.
    Making,
    /// A file that is no segment; says why.
    Invalid(String),
    /// A segment of this later protocol, which is not ours to understand.
    TooNew(u32),
    /// A segment.
    Segment(Segment),
}

/// A file under a segment's name, and what it is.
#[derive(Debug)]
pub struct Sight {
    /// The file, if there is one.
    pub file: Option<FileFacts>,
    /// What it is.
    pub found: Found,
}

/// How the names of segment files begin.
const PREFIX: &[u8] = b"eshm_";

/// The names of all segment files, sorted, without `eshm_`: anything in `/dev/shm` that is called like one.
///
/// # Errors
/// If `/dev/shm` cannot be listed.
pub fn names() -> io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(OsStr::from_bytes(FOLDER.to_bytes()))?;
    let mut names = Vec::new();
    for entry in entries {
        if let Some(name) = entry?.file_name().as_bytes().strip_prefix(PREFIX)
            && !name.is_empty()
        {
            names.push(name.to_vec());
        }
    }
    names.sort();
    Ok(names)
}

/// The file that a name stands for.
///
/// # Errors
/// [`Error::InvalidParameter`] for a name that no segment can have.
pub fn path(name: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
    Ok(OsStr::from_bytes(Name::new(name.as_ref())?.path().to_bytes()).into())
}

/// A name, or any other bytes, as the library's own messages show it: what is not printable or no UTF-8 is escaped, so that
/// different names never look alike.
///
/// ```
/// assert_eq!(eshm::inspect::shown(b"arm\xff"), r"arm\xff");
/// ```
pub fn shown(name: impl AsRef<[u8]>) -> String {
    name::escaped(name.as_ref())
}

/// Looks under a name.
///
/// # Errors
/// [`Error::InvalidParameter`] for a name that no segment can have; [`Error::Attach`] if the file cannot be opened or
/// read, with the reason.
pub fn look(name: impl AsRef<[u8]>) -> Result<Sight, Error> {
    let name = Name::new(name.as_ref())?;
    let failed = |error: io::Error| Error::Attach(explain(&name, &error));
    let seen = find::check(file::open_to_look(name.path()), crate::MAX_DATA_SIZE).map_err(failed)?;
    let (file, found) = match seen {
        find::Found::Missing => return Ok(Sight { file: None, found: Found::Missing }),
        find::Found::Making(file, _) => (FileFacts::of(file.as_fd()), Found::Making),
        find::Found::Invalid(file, _, why) => (FileFacts::of(file.as_fd()), Found::Invalid(why)),
        find::Found::TooNew(version) => (FileFacts::under(&name), Found::TooNew(version)),
        find::Found::Valid(seen) => (FileFacts::of(seen.file.as_fd()), Found::Segment(Segment::new(name.clone(), seen))),
    };
    Ok(Sight { file: Some(file.map_err(failed)?), found })
}
