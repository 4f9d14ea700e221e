//! eventfd(2): a descriptor that poll(2) finds readable while it is raised.

use super::file::{above_streams, checked};
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// A new one, not raised, closed on exec.
pub(crate) fn new() -> io::Result<OwnedFd> {
    // SAFETY: a non-negative result is a new descriptor that nobody else owns.
    above_streams(unsafe { OwnedFd::from_raw_fd(checked(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?) })
}

/// Raises or lowers it. Never waits: it does not block, and its count is far from where it would.
pub(crate) fn set(event: BorrowedFd<'_>, raised: bool) {
    let (fd, mut count) = (event.as_raw_fd(), 1_u64);
    let bytes = (&raw mut count).cast();
    // SAFETY: eight bytes, as many as said.
    unsafe { if raised { libc::write(fd, bytes, 8) } else { libc::read(fd, bytes, 8) } };
}
