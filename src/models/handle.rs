//! Handles on a segment in heap memory, as if opened.

use crate::config::{Settings, Side};
use crate::endpoint::attach::Attachment;
use crate::endpoint::core::Core;
use crate::endpoint::open::Opened;
use crate::liveness::strangers::Strangers;
use crate::segment::mark::Mark;
use crate::segment::{Segment, heap, layout::Layout, name::Name, view::View};
use crate::sys::{file::FileId, map::Mapping};
use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

/// Bytes of a message: two words, the least that can be torn.
pub(crate) const SIZE: usize = 16;

/// A segment of [`SIZE`] bytes a message, all zero.
pub(crate) fn view() -> Arc<View> {
    let layout = Layout::new(SIZE).expect("a capacity");
    Arc::new(View::new(Mapping::of_nothing(layout.total()).expect("memory"), layout))
}

/// A file's worth of it; files are told apart by `inode`.
pub(crate) fn segment(view: &Arc<View>, inode: u64) -> Segment {
    let file = File::open("/dev/null").expect("a descriptor").into();
    Segment { file, id: FileId { device: 0, inode }, view: view.clone() }
}

/// The file of `view`, told apart by `inode`, with a mapping of its own.
pub(crate) fn mapped(view: &Arc<View>, inode: u64) -> Segment {
    let id = FileId { device: 0, inode };
    heap::put_file(id, view.clone());
    // SAFETY: a NUL-terminated name; the descriptor is new and nobody else's.
    let file = unsafe { OwnedFd::from_raw_fd(libc::memfd_create(c"model".as_ptr(), libc::MFD_CLOEXEC)) };
    Segment { file, id, view: Arc::new(view.another()) }
}

/// A handle on `segment` that never spins.
pub(crate) fn handle(segment: Segment, side: Side) -> Arc<Core> {
    let attachment = Attachment {
        generation: 0,
        holds_lock: true,
        mark: Some(Mark::of_model()),
        strangers: Strangers::default(),
        baseline: 0,
    };
    let settings = Settings { capacity: SIZE, ..Settings::default() };
    let opened = Opened { segment, side, attachment, master_gone: false };
    let core = Core::new(Name::new(b"model").expect("a name"), settings, opened);
    core.spin.fix(Some(0));
    Arc::new(core)
}
