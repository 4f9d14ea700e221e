//! Files in `/dev/shm`.

use super::process::without_signals;
use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// What tells one file from another, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// Identity, size and kind of a file.
pub(crate) struct Status {
    pub(crate) id: FileId,
    pub(crate) size: u64,
    pub(crate) regular: bool,
}

impl From<libc::stat> for Status {
    fn from(s: libc::stat) -> Self {
        Status {
            id: FileId { device: s.st_dev, inode: s.st_ino },
            size: s.st_size.max(0) as u64,
            regular: s.st_mode & libc::S_IFMT == libc::S_IFREG,
        }
    }
}

pub(super) fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A new descriptor, never one of the three standard streams: where the program has closed those, whatever it prints would
/// go into the segment.
fn opened(path: &CStr, flags: libc::c_int) -> io::Result<OwnedFd> {
    above_streams(opened_anywhere(path, flags)?)
}

fn opened_anywhere(path: &CStr, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: `path` is NUL-terminated; a non-negative result is a new descriptor that nobody else owns.
    unsafe { Ok(OwnedFd::from_raw_fd(checked(libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o666))?)) }
}

/// The same file, on a descriptor that is none of the three standard streams.
pub(crate) fn above_streams(file: OwnedFd) -> io::Result<OwnedFd> {
    if file.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(file);
    }
    let above = libc::STDERR_FILENO + 1;
    // SAFETY: a non-negative result is a new descriptor that nobody else owns.
    unsafe { Ok(OwnedFd::from_raw_fd(checked(libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, above))?)) }
}

/// Opens an existing file for reading and writing; a symbolic link is refused, a pipe does not block.
pub(crate) fn open(path: &CStr) -> io::Result<OwnedFd> {
    opened(path, libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

/// Opens an existing file for reading alone; otherwise as [`open`].
pub(crate) fn open_to_look(path: &CStr) -> io::Result<OwnedFd> {
    opened(path, libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

/// A new file in `folder` that has no name yet (`O_TMPFILE`), mode 0666 less the umask: it vanishes with its last
/// descriptor if it is never linked.
pub(crate) fn unnamed(folder: &CStr) -> io::Result<OwnedFd> {
    opened(folder, libc::O_TMPFILE | libc::O_RDWR)
}

/// A new file under a name of its own, mode 0666 less the umask; an error if the name exists.
pub(crate) fn named(path: &CStr) -> io::Result<OwnedFd> {
    let file = opened_anywhere(path, libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_NOFOLLOW)?;
    above_streams(file).inspect_err(|_| drop(unlink(path))) // it was made all the same
}

/// Gives an unnamed file its name; an error if the name exists. Straight from the descriptor where the kernel permits that,
/// else through `/proc` (open(2), on `O_TMPFILE`).
pub(crate) fn link_unnamed(file: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    // SAFETY: both paths are NUL-terminated.
    let linked = unsafe { libc::linkat(file.as_raw_fd(), c"".as_ptr(), libc::AT_FDCWD, path.as_ptr(), libc::AT_EMPTY_PATH) };
    match checked(linked) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {} // not permitted
        result => return result.map(drop),
    }
    let own = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("no NUL in a number");
    // SAFETY: both paths are NUL-terminated.
    let linked =
        unsafe { libc::linkat(libc::AT_FDCWD, own.as_ptr(), libc::AT_FDCWD, path.as_ptr(), libc::AT_SYMLINK_FOLLOW) };
    checked(linked).map(drop)
}

/// A second name for a file; an error if it exists.
pub(crate) fn link(old: &CStr, new: &CStr) -> io::Result<()> {
    // SAFETY: both paths are NUL-terminated.
    checked(unsafe { libc::link(old.as_ptr(), new.as_ptr()) }).map(drop)
}

/// Removes a name.
pub(crate) fn unlink(path: &CStr) -> io::Result<()> {
    // SAFETY: `path` is NUL-terminated.
    checked(unsafe { libc::unlink(path.as_ptr()) }).map(drop)
}

/// The state of an open file.
pub(crate) fn status(file: BorrowedFd<'_>) -> io::Result<Status> {
    // SAFETY: stat is plain old data and may be all zero; the kernel fills it in.
    let mut s: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor and a stat to fill in.
    checked(unsafe { libc::fstat(file.as_raw_fd(), &mut s) })?;
    Ok(s.into())
}

/// The user and the permission bits of the file behind a name.
pub(crate) fn owner(path: &CStr) -> Option<(u32, u32)> {
    // SAFETY: as in status.
    let mut s: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a NUL-terminated path and a stat to fill in.
    checked(unsafe { libc::lstat(path.as_ptr(), &mut s) }).ok()?;
    Some((s.st_uid, s.st_mode & 0o7777))
}

/// The inode number of the file that `path` leads to, by links too.
pub(crate) fn inode(path: &CStr) -> io::Result<u64> {
    // SAFETY: as in status.
    let mut s: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a NUL-terminated path and a stat to fill in.
    checked(unsafe { libc::stat(path.as_ptr(), &mut s) })?;
    Ok(s.st_ino)
}

/// The file that `path` leads to now, `None` if there is none.
pub(crate) fn lookup(path: &CStr) -> io::Result<Option<FileId>> {
    // SAFETY: as in status.
    let mut s: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a NUL-terminated path and a stat to fill in.
    match checked(unsafe { libc::lstat(path.as_ptr(), &mut s) }) {
        Ok(_) => Ok(Some(Status::from(s).id)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error if the file's system has no room for `size` bytes more, as far as it tells (statvfs(3)); one without a limit tells of
/// none.
pub(crate) fn ask_for_room(file: BorrowedFd<'_>, size: u64) -> io::Result<()> {
    // SAFETY: statvfs is plain old data and may be all zero; the kernel fills it in.
    let mut s: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor and a statvfs to fill in.
    let told = unsafe { libc::fstatvfs(file.as_raw_fd(), &mut s) } == 0 && s.f_blocks != 0;
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "their width differs from machine to machine")]
    let room = (s.f_bavail as u64).saturating_mul(s.f_frsize as u64);
    if told && room < size { Err(io::Error::from_raw_os_error(libc::ENOSPC)) } else { Ok(()) }
}

/// Gives the file `size` bytes without memory; over the limit on file sizes that is an error, and not the end of the process.
pub(crate) fn set_size(file: BorrowedFd<'_>, size: u64) -> io::Result<()> {
    let truncate = || {
        // SAFETY: an open descriptor.
        let cut = unsafe { libc::ftruncate(file.as_raw_fd(), size as libc::off_t) };
        checked(cut).map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |_| 0)
    };
    match without_signals(truncate) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

/// Bytes reserved by one call: it begins anew where a signal comes in between, so it has to be over sooner than the next one comes.
const PIECE: u64 = 1 << 20;
/// The least: one page, or what the kernel rounds it to.
const LEAST: u64 = 4096;

/// Reserves the memory of `start..end`, so that a full tmpfs is an error here and no SIGBUS later; the file grows to `end` if it is
/// shorter. In pieces, with `between` run after each.
pub(crate) fn reserve(file: BorrowedFd<'_>, start: u64, end: u64, between: &mut dyn FnMut()) -> io::Result<()> {
    in_pieces(start, end, between, |at, size| {
        // SAFETY: an open descriptor; posix_fallocate returns the error number itself.
        let allocate = || unsafe { libc::posix_fallocate(file.as_raw_fd(), at as libc::off_t, size as libc::off_t) };
        without_signals(allocate)
    })
}

fn in_pieces(start: u64, end: u64, between: &mut dyn FnMut(), allocate: impl Fn(u64, u64) -> i32) -> io::Result<()> {
    let (mut at, mut piece) = (start, PIECE);
    while at < end {
        let size = piece.min(end - at);
        match allocate(at, size) {
            0 => {
                at += size;
                between();
            }
            libc::EINTR => piece = (piece / 2).max(LEAST), // less of it is to be done in the time that there is
            number => return Err(io::Error::from_raw_os_error(number)),
        }
    }
    Ok(())
}

/// Gives the file these permission bits, whatever the umask.
pub(crate) fn set_mode(file: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    // SAFETY: an open descriptor.
    checked(unsafe { libc::fchmod(file.as_raw_fd(), mode as libc::mode_t) }).map(drop)
}

/// Reads from the start of the file as far as it goes; the number of bytes. Unlike a mapping this cannot raise SIGBUS.
pub(crate) fn read_start(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes into it.
    let got = unsafe { libc::pread(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(got as usize) }
}

/// Another open file of the same file, for tests of locks.
#[cfg(all(test, not(loom), not(miri)))]
pub(crate) fn reopened(file: BorrowedFd<'_>, flags: libc::c_int) -> OwnedFd {
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("no NUL in a number");
    opened(&path, flags).expect("a file of ours")
}

/// A read lock on all of a file, as who may only read it can take it, until this is dropped.
#[cfg(all(test, not(loom), not(miri)))]
pub(crate) fn read_locked(file: BorrowedFd<'_>, start: i64) -> OwnedFd {
    let reader = reopened(file, libc::O_RDONLY);
    // SAFETY: flock is plain old data; a valid descriptor and a flock that outlives the call.
    let locked = unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        (lock.l_type, lock.l_start) = (libc::F_RDLCK as libc::c_short, start as libc::off_t);
        libc::fcntl(reader.as_raw_fd(), libc::F_OFD_SETLK, &lock)
    };
    assert_eq!(locked, 0, "a read lock");
    reader
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::name::FOLDER;
    use std::cell::RefCell;
    use std::os::fd::AsFd;

    /// What is reserved of `start..end` where a signal comes so soon that `most` bytes are done at a time, and at most once each.
    fn pieces(start: u64, end: u64, most: u64) -> Vec<(u64, u64)> {
        let (done, mut between) = (RefCell::new(Vec::new()), 0);
        let allocate = |at, size| {
            if size > most {
                return libc::EINTR;
            }
            done.borrow_mut().push((at, size));
            0
        };
        in_pieces(start, end, &mut || between += 1, allocate).expect("room");
        let done = done.into_inner();
        assert_eq!(between, done.len(), "run after each");
        done
    }

    #[test]
    fn memory_is_reserved_in_pieces_which_get_smaller_where_signals_come() {
        assert_eq!(pieces(5, 5, PIECE), []);
        assert_eq!(pieces(0, 10, PIECE), [(0, 10)]);
        assert_eq!(pieces(7, 2 * PIECE + 10, PIECE), [(7, PIECE), (7 + PIECE, PIECE), (7 + 2 * PIECE, 3)]);
        for most in [PIECE / 2, PIECE / 3, 10_000, LEAST] {
            let pieces = pieces(100, 3 * PIECE, most);
            let mut at = 100;
            for (start, size) in pieces {
                assert_eq!(start, at);
                assert!((LEAST..=most).contains(&size) || start + size == 3 * PIECE, "{size}");
                at += size;
            }
            assert_eq!(at, 3 * PIECE);
        }
        let (calls, sizes) = (std::cell::Cell::new(0), RefCell::new(Vec::new()));
        let often = |_, size| {
            calls.set(calls.get() + 1);
            if calls.get() <= 40 {
                return libc::EINTR;
            }
            sizes.borrow_mut().push(size);
            0
        };
        in_pieces(0, 2 * LEAST, &mut || (), often).expect("room");
        assert_eq!(sizes.into_inner(), [LEAST; 2], "however often they come");
        let full = in_pieces(0, 10, &mut || unreachable!("nothing was reserved"), |_, _| libc::ENOSPC);
        assert_eq!(full.map_err(|error| error.raw_os_error()), Err(Some(libc::ENOSPC)));
    }

    #[test]
    fn room_is_asked_for_where_the_system_tells() {
        let file = unnamed(FOLDER).expect("a file");
        assert!(ask_for_room(file.as_fd(), 4096).is_ok());
        let limited = open_to_look(c"/etc/passwd").expect("a file of a disk");
        let none = ask_for_room(limited.as_fd(), u64::MAX).map_err(|error| error.raw_os_error());
        assert_eq!(none, Err(Some(libc::ENOSPC)));
        // /proc tells of no blocks at all.
        let unlimited = open_to_look(c"/proc/self/stat").expect("our own");
        assert!(ask_for_room(unlimited.as_fd(), u64::MAX).is_ok());
    }
}
