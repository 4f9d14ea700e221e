//! What the system refused, in words: its own text, the file or the limit concerned, and what to do.

use crate::segment::name::{FOLDER, Name, escaped};
use crate::sys::file;
use libc::c_int;
use std::io;

/// What to do about an error of the files in `/dev/shm`, of their mappings and their locks.
const CURES: [(c_int, &str); 16] = [
    // No error of the system: what find.rs refuses by itself.
    (0, "no segment can be there: remove it, or choose another name"),
    // mmap(2) alone gives it, under mlockall(2): a lock that is not to be had is no error here.
    (libc::EAGAIN, "the program locks its memory (mlockall) and has no more left: raise ulimit -l"),
    (libc::EACCES, "may this user write to /dev/shm? Its mode is 1777 as a rule"),
    (libc::EPERM, "may this user write to /dev/shm? Its mode is 1777 as a rule"),
    (libc::EMFILE, "this process has too many files open: raise ulimit -n"),
    (libc::ENFILE, "the system has too many files open: raise fs.file-max"),
    (libc::ENOSPC, "/dev/shm is full: remove what is not used, enlarge it, or ask for a smaller capacity"),
    (libc::EDQUOT, "this user's share of /dev/shm is used up: remove what is not used"),
    (libc::ENOMEM, "no memory or addresses are left: raise ulimit -v, or ask for a smaller capacity"),
    (libc::EFBIG, "a limit on file sizes: raise ulimit -f, or ask for a smaller capacity"),
    (libc::EROFS, "/dev/shm is mounted read-only: mount it writable (mount -o remount,rw /dev/shm)"),
    (libc::ENOENT, "/dev/shm is not there: mount a tmpfs on it, also in a container or chroot"),
    (libc::ENOTDIR, "/dev/shm is no folder: mount a tmpfs on it"),
    (libc::EISDIR, "a folder is in the place of the file: remove it, or choose another name"),
    (libc::ELOOP, "a symbolic link is in the place of the file, and is not followed: remove it"),
    (libc::ENAMETOOLONG, "the file system allows shorter names alone: choose a shorter one"),
];

/// An error of the system about the file of `name`.
#[cold]
pub(crate) fn explain(name: &Name, error: &io::Error) -> String {
    let path = escaped(name.path().to_bytes());
    let code = error.raw_os_error().unwrap_or(0);
    if is_denial(code)
        && let Some((user, mode)) = file::owner(name.path())
    {
        return format!("{error}: {path} is of user {user}, mode {mode:04o}; have its creator set the mode to 0666");
    }
    match cure(code) {
        Some(cure) => format!("{error}: {path}; {cure}"),
        None => format!("{error}: {path}"),
    }
}

fn cure(code: c_int) -> Option<&'static str> {
    CURES.iter().find(|(known, _)| *known == code).map(|(_, cure)| *cure)
}

/// An error of making an event descriptor.
#[cold]
pub(crate) fn explain_descriptor(error: &io::Error) -> String {
    let cure = cure(error.raw_os_error().unwrap_or(0)).unwrap_or("reads work without");
    format!("cannot make an event descriptor: {error}; {cure}")
}

/// An error of removing that file.
#[cold]
pub(crate) fn explain_removal(name: &Name, error: &io::Error) -> String {
    match file::owner(name.path()) {
        Some((user, _)) if is_denial(error.raw_os_error().unwrap_or(0)) => {
            let path = escaped(name.path().to_bytes());
            format!("cannot remove the old file: {error}: {path} is of user {user}, who alone may remove it")
        }
        _ => format!("cannot remove the old file: {}", explain(name, error)),
    }
}

/// An error of starting a thread of the library's.
#[cold]
pub(crate) fn explain_thread(what: &str, error: &io::Error) -> String {
    let cure = match error.raw_os_error() {
        // So says pthread_create(3) of its stack too.
        Some(libc::EAGAIN) => "; no more threads or memory: raise ulimit -u or -v, or pids.max of the control group",
        Some(libc::EPERM) => "; a filter on system calls (seccomp) has to allow clone and clone3",
        _ => "",
    };
    format!("cannot start {what}: {error}{cure}")
}

/// That there is no segment, and why none can be, if that is known.
#[cold]
pub(crate) fn explain_absence(name: &Name) -> String {
    match file::lookup(FOLDER) {
        Ok(None) => explain(name, &io::Error::from_raw_os_error(libc::ENOENT)),
        _ => "there is no such segment; start the master first".to_owned(),
    }
}

fn is_denial(code: c_int) -> bool {
    matches!(code, libc::EACCES | libc::EPERM)
}
