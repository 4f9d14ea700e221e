//! What stands under a name. Nothing is mapped, and no byte believed, before size, magic and version are checked; the
//! header is first read as file bytes, which cannot raise SIGBUS however short the file is. Who only looks maps nothing.

use super::{
    Segment,
    create::reserve_first,
    layout::{Layout, MAGIC, VERSION},
    name::Name,
    view::View,
};
use crate::failpoint::failpoint;
use crate::liveness::service;
use crate::sync::Ordering;
use crate::sys::file::{self, FileId};
use std::{
    io,
    mem::{offset_of, size_of},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

/// A file whose header and size are those of a segment, not mapped yet.
pub(crate) struct Candidate {
    pub(crate) file: OwnedFd,
    pub(crate) id: FileId,
    pub(crate) layout: Layout,
    /// Its master's flag.
    has_master: bool,
}

/// The result of a look.
pub(crate) enum Found<S = Segment> {
    /// No such file.
    Missing,
    /// A file that someone is filling in right now, or never finished.
    Making(OwnedFd, FileId),
    /// No segment; says why.
    Invalid(OwnedFd, FileId, String),
    /// A segment of a later protocol: not ours to touch.
    TooNew(u32),
    /// A segment.
    Valid(S),
}

/// A word of the header as read from the file.
fn word(header: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(header[offset..offset + 4].try_into().expect("four bytes"))
}

/// What a segment is found for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read, write and change it.
    Use,
    /// The same, in a tick: as yet only the memory of its state is reserved, which takes no longer however large it is, and that
    /// only if its master says that it is there.
    Follow,
}

/// Finds a segment to use; `asked` is the capacity to assume for a released creator's file, where it fits.
pub(crate) fn find(name: &Name, asked: usize) -> io::Result<Found> {
    find_for(Purpose::Use, name, asked)
}

/// Looks under `name`.
pub(crate) fn find_for(purpose: Purpose, name: &Name, asked: usize) -> io::Result<Found> {
    let Candidate { file, id, layout, has_master } = match check(file::open(name.path()), asked)? {
        Found::Valid(candidate) => candidate,
        Found::Missing => return Ok(Found::Missing),
        Found::Making(file, id) => return Ok(Found::Making(file, id)),
        Found::Invalid(file, id, why) => return Ok(Found::Invalid(file, id, why)),
        Found::TooNew(version) => return Ok(Found::TooNew(version)),
    };
    let view = match purpose {
        // A released creator only truncates: reserve its pages now, so that a full tmpfs is an error and no SIGBUS.
        Purpose::Use => {
            file::reserve(file.as_fd(), 0, layout.total() as u64, &mut service::beat)?;
            View::of_file(file.as_fd(), layout, false)?
        }
        Purpose::Follow if !has_master => return Ok(Found::Invalid(file, id, "its master has left".to_owned())),
        Purpose::Follow => {
            reserve_first(file.as_fd(), layout)?;
            View::of_file(file.as_fd(), layout, true)?
        }
    };
    failpoint!("find.mapped");
    // Acquire pairs with the creator's magic, stored last by ours.
    if view.header().magic.load(Ordering::Acquire) != MAGIC {
        return Ok(Found::Making(file, id));
    }
    Ok(Found::Valid(Segment { file, id, view: Arc::new(view) }))
}

/// Tells what an opened file is.
pub(crate) fn check(opened: io::Result<OwnedFd>, asked: usize) -> io::Result<Found<Candidate>> {
    use super::layout::Header;
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
        Err(error) => return Err(error),
    };
    let status = file::status(file.as_fd())?;
    if !status.regular {
        return Err(io::Error::other("what has this name is no regular file"));
    }
    let id = status.id;
    if status.size == 0 {
        return Ok(Found::Making(file, id));
    }
    let mut header = [0; size_of::<Header>()];
    let got = file::read_start(file.as_fd(), &mut header)?;
    if got < header.len() {
        return Ok(Found::Invalid(file, id, format!("it has only {got} bytes")));
    }
    let (magic, version) = (word(&header, offset_of!(Header, magic)), word(&header, offset_of!(Header, version)));
    let layout_size = word(&header, offset_of!(Header, layout_size));
    if magic == 0 || (magic == MAGIC && (version == 0 || version == 3 && layout_size == 0)) {
        return Ok(Found::Making(file, id));
    }
    if magic != MAGIC {
        return Ok(Found::Invalid(file, id, format!("its magic is {magic:#010x}, not {MAGIC:#010x}")));
    }
    if version > VERSION {
        return Ok(Found::TooNew(version));
    }
    if version < 2 {
        return Ok(Found::Invalid(file, id, format!("its protocol is {version}")));
    }
    let Some(layout) = Layout::of_file(status.size, word(&header, offset_of!(Header, capacity)), asked) else {
        return Ok(Found::Invalid(file, id, format!("no capacity makes a segment of {} bytes", status.size)));
    };
    if version == 3 && layout_size as usize != layout.total() {
        return Ok(Found::Invalid(file, id, format!("it says {layout_size} bytes and has {}", status.size)));
    }
    let has_master = word(&header, offset_of!(Header, alive)) != 0;
    Ok(Found::Valid(Candidate { file, id, layout, has_master }))
}
