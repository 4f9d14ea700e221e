//! Open-file-description locks on bytes of the segment file (fcntl(2), `F_OFD_SETLK`): they belong to the open file, so they
//! conflict between two handles of one process as well, and vanish when its last descriptor is closed, whatever ends the
//! process.
//!
//! Who may only read the file can take read locks, and so keep ours from us. They are never taken for one of ours.

use std::{
    io,
    ops::Range,
    os::fd::{AsRawFd, BorrowedFd},
};

fn bytes(kind: libc::c_int, range: Range<i64>) -> libc::flock {
    // SAFETY: flock is plain old data; all zero is a valid value, l_pid must be 0 for these commands.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = range.start as libc::off_t;
    lock.l_len = (range.end - range.start) as libc::off_t;
    lock
}

/// Takes the exclusive lock on `byte` if nobody else has any lock on it.
pub(crate) fn try_lock(file: BorrowedFd<'_>, byte: i64) -> io::Result<bool> {
    let range = bytes(libc::F_WRLCK, byte..byte + 1);
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
    unlock_range(file, byte..byte + 1);
}

/// Likewise all locks of this open file.
pub(crate) fn unlock_all(file: BorrowedFd<'_>) {
    unlock_range(file, 0..0); // no length is all that follows
}

fn unlock_range(file: BorrowedFd<'_>, range: Range<i64>) {
    let range = bytes(libc::F_UNLCK, range);
    // SAFETY: as in try_lock; unlocking bytes that are not locked is no error.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &range) };
}

/// Whether another open file holds an exclusive lock within `range`, for which it must be open for writing; an error counts
/// as held, since it proves nothing.
pub(crate) fn held_by_other(file: BorrowedFd<'_>, range: Range<i64>) -> bool {
    // A read lock, if asked for, conflicts with exclusive ones alone.
    let mut lock = bytes(libc::F_RDLCK, range);
    // SAFETY: as in try_lock; the kernel overwrites `lock`.
    let failed = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) } != 0;
    failed || lock.l_type != libc::F_UNLCK as libc::c_short
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::name::FOLDER;
    use crate::sys::file::{read_locked, reopened, unnamed};
    use std::os::fd::AsFd;

    #[test]
    fn a_read_lock_is_in_the_way_and_held_by_nobody() {
        let ours = unnamed(FOLDER).expect("a file");
        let writer = reopened(ours.as_fd(), libc::O_RDWR);
        let reader = read_locked(ours.as_fd(), 0);
        assert!(!try_lock(ours.as_fd(), 2).expect("locks"));
        assert!(!held_by_other(ours.as_fd(), 2..3), "by none that may write");
        drop(reader);
        assert!(try_lock(writer.as_fd(), 2).expect("locks"));
        assert!(held_by_other(ours.as_fd(), 2..3) && held_by_other(ours.as_fd(), 0..100));
        assert!(!held_by_other(ours.as_fd(), 3..100) && !held_by_other(writer.as_fd(), 0..100));
    }

    #[test]
    fn all_locks_are_given_back_at_once_also_where_a_child_has_the_file() {
        let ours = unnamed(FOLDER).expect("a file");
        let other = reopened(ours.as_fd(), libc::O_RDWR);
        let _childs = ours.try_clone().expect("a descriptor"); // as fork(2) copies it
        let bytes = [0, 1, 2, 1 << 56, i64::MAX - 1];
        assert!(bytes.iter().all(|&byte| try_lock(ours.as_fd(), byte).expect("locks")));
        assert!(try_lock(other.as_fd(), 3).expect("locks"));
        unlock_all(ours.as_fd());
        assert!(bytes.iter().all(|&byte| !held_by_other(other.as_fd(), byte..byte + 1)));
        assert!(held_by_other(ours.as_fd(), 0..i64::MAX), "those of another open file stay");
    }
}
