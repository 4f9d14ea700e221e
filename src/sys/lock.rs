//! Open-file-description locks on single bytes of the segment file (fcntl(2), `F_OFD_SETLK`): they belong to the open
//! file, so they conflict between two handles of one process as well, and vanish when its last descriptor is closed,
//! whatever ends the process.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

fn one_byte(kind: libc::c_int, byte: i64) -> libc::flock {
    // SAFETY: flock is plain old data; all zero is a valid value, l_pid must be 0 for these commands.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = kind as libc::c_short;
    range.l_whence = libc::SEEK_SET as libc::c_short;
    range.l_start = byte;
    range.l_len = 1;
    range
}

/// Takes the exclusive lock on `byte` if nobody else has it.
pub(crate) fn try_lock(file: BorrowedFd<'_>, byte: i64) -> io::Result<bool> {
    let range = one_byte(libc::F_WRLCK, byte);
    // SAFETY: an open descriptor and a valid flock that outlives the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &range) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        error => Err(error),
    }
}

/// Gives the lock on `byte` back at once, also where a forked child still has the open file.
pub(crate) fn unlock(file: BorrowedFd<'_>, byte: i64) {
    let range = one_byte(libc::F_UNLCK, byte);
    // SAFETY: as in try_lock; unlocking a byte that is not locked is no error.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &range) };
}

/// Whether another open file holds the lock on `byte`; an error counts as held, since it proves nothing.
pub(crate) fn held_by_other(file: BorrowedFd<'_>, byte: i64) -> bool {
    let mut range = one_byte(libc::F_WRLCK, byte);
    // SAFETY: as in try_lock; the kernel overwrites `range`.
    let failed = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &mut range) } != 0;
    failed || range.l_type != libc::F_UNLCK as libc::c_short
}
