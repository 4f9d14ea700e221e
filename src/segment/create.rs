//! Making a segment that nobody sees half of: the file is filled in before it has its name.

use super::{
    Segment,
    layout::{FEATURE_FUTEX_WAKE, Layout, MAGIC, SMALL, VERSION},
    name::{FOLDER, Name},
    view::View,
};
use crate::config::{Settings, Side};
use crate::failpoint::failpoint;
use crate::liveness::service;
use crate::sync::{Ordering, statics::AtomicU32};
use crate::sys::{
    clock::{self, MS},
    file, process,
};
use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

/// A file under a temporary name, removed when dropped.
struct Named(CString);

impl Drop for Named {
    fn drop(&mut self) {
        let _ = file::unlink(&self.0); // already gone is as good
    }
}

/// A file without a name or, where the system has no such thing, with a temporary one that no segment can have.
fn new_file() -> io::Result<(OwnedFd, Option<Named>)> {
    if let Ok(file) = file::unnamed(FOLDER) {
        return Ok((file, None));
    }
    temporary()
}

/// Temporary names tried in the life of a process.
const NAMES: u32 = 1 << 16;

fn temporary() -> io::Result<(OwnedFd, Option<Named>)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed); // only has to differ
        let path = format!("{}/.eshm.{}.{number}", FOLDER.to_str().expect("plain ASCII"), process::pid());
        let path = CString::new(path).expect("no NUL in numbers");
        match file::named(&path) {
            Ok(file) => return Ok((file, Some(Named(path)))),
            // Left behind by a process of our number, or another's in another pid namespace.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES => {}
            Err(error) => return Err(error),
        }
    }
}

/// Creates the segment `name`, attached to by `attach` before anyone can see it. `None` if the name exists.
pub(crate) fn create(
    name: &Name,
    layout: Layout,
    settings: &Settings,
    mut attach: impl FnMut(&Segment),
) -> io::Result<Option<Segment>> {
    let (file, temporary_name) = new_file()?;
    failpoint!("create.opened");
    let segment = fill(file, layout, settings)?;
    failpoint!("create.filled");
    attach(&segment);
    failpoint!("create.attached");
    let linked = match &temporary_name {
        None => file::link_unnamed(segment.file.as_fd(), name.path()),
        Some(old) => file::link(&old.0, name.path()),
    };
    failpoint!("create.linked");
    match linked {
        Ok(()) => Ok(Some(segment)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(_) if temporary_name.is_none() => {
            // No /proc to name it through: once more, with a name from the start.
            let (file, old) = temporary()?;
            let segment = fill(file, layout, settings)?;
            attach(&segment);
            let old = old.expect("temporary() names its files");
            match file::link(&old.0, name.path()) {
                Ok(()) => Ok(Some(segment)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Reserves the memory of a segment that has its name, if that was not done before: a slave that is started right behind its master
/// finds the name of a large segment at once. The master beats meanwhile.
pub(crate) fn reserve_rest(segment: &Segment, side: Side) -> io::Result<()> {
    let total = segment.view.layout.total();
    if total <= SMALL {
        return Ok(());
    }
    let heartbeat = &segment.view.header().heartbeat[side as usize];
    let mut last = clock::now();
    file::reserve(segment.file.as_fd(), 0, total as u64, &mut || {
        service::beat();
        let due = (clock::now() - last) / MS;
        last += due * MS;
        heartbeat.fetch_add(due, Ordering::Relaxed); // ordered with nothing
    })
}

/// Reserves the memory of a segment's state, or all of a small one.
#[inline(never)]
pub(super) fn reserve_first(file: BorrowedFd<'_>, layout: Layout) -> io::Result<()> {
    layout.first_parts().iter().try_for_each(|part| file::reserve(file, part.start as u64, part.end as u64, &mut || {}))
}

/// Gives a new, empty file its size, the memory of its state, and its header.
fn fill(file: OwnedFd, layout: Layout, settings: &Settings) -> io::Result<Segment> {
    if let Some(mode) = settings.mode {
        file::set_mode(file.as_fd(), mode)?;
    }
    let total = layout.total() as u64;
    file::ask_for_room(file.as_fd(), total)?;
    file::set_size(file.as_fd(), total)?;
    reserve_first(file.as_fd(), layout)?;
    failpoint!("create.allocated");
    let id = file::status(file.as_fd())?.id;
    let view = View::of_file(file.as_fd(), layout, false)?;
    let header = view.header();
    stamp(&view);
    header.stale_threshold.store(settings.stale_threshold_ms, Ordering::Relaxed); // published by the magic
    failpoint!("create.stamped");
    header.magic.store(MAGIC, Ordering::Release); // pairs with find's acquire
    Ok(Segment { file, id, view: Arc::new(view) })
}

/// Marks a segment as ours: protocol 3 with its size and capacity.
pub(crate) fn stamp(view: &View) {
    let header = view.header();
    // Relaxed: published by the magic, or by the alive flag of a master that takes over.
    header.layout_size.store(view.layout.total() as u32, Ordering::Relaxed);
    header.capacity.store(view.layout.capacity as u32, Ordering::Relaxed);
    header.features.store(header.features.load(Ordering::Relaxed) | FEATURE_FUTEX_WAKE, Ordering::Relaxed);
    header.version.store(VERSION, Ordering::Relaxed);
}

#[cfg(all(test, not(loom), not(miri)))]
mod temporary_names;
