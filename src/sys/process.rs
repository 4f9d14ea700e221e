//! Processes: who exists, signals, standard error.

use super::{file, fork};
use crate::sync::{Ordering, statics::AtomicU64};
use std::{ffi::CStr, os::fd::AsFd};

/// This process; asked for by each tick of each handle, so the kernel is asked once.
pub(crate) fn pid() -> i32 {
    static KNOWN: AtomicU64 = AtomicU64::new(0); // the generation of the process, then its pid; a child's is another
    let (known, generation) = (KNOWN.load(Ordering::Relaxed), u64::from(fork::generation()) << 32);
    if known != 0 && known >> 32 << 32 == generation {
        return known as i32;
    }
    let pid = std::process::id();
    KNOWN.store(generation | u64::from(pid), Ordering::Relaxed); // one word, the same whoever stores it
    pid as i32
}

/// Whether a process of this id runs in our pid namespace. A zombie does not: it will never beat again.
pub(crate) fn exists(pid: i32) -> bool {
    if pid <= 0 {
        return false;
    }
    // SAFETY: signal 0 is never delivered; only existence and permission are checked.
    let result = unsafe { libc::kill(pid, 0) };
    if result != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
        return false;
    }
    !is_zombie(pid)
}

/// Bytes of `/proc/PID/stat` up to the time of the start: at most 22 fields, of which the name has 64. The last stays 0.
type Stat = [u8; 512];

/// Reads a file of `/proc`; whether it could.
#[inline(never)]
fn read(path: &CStr, text: &mut Stat) -> bool {
    let end = text.len() - 1;
    file::open_to_look(path).and_then(|file| file::read_start(file.as_fd(), &mut text[..end])).is_ok()
}

/// The state of a process and one of its numbers, by its place in `/proc/PID/stat` (proc(5)); 0 for what is not to be seen, as all is
/// where `/proc` is that of another pid namespace.
fn state_and(pid: i32, place: i32) -> (u8, u64) {
    let (mut text, mut path) = ([0; 512], [0_u8; 32]);
    // SAFETY: a text that ends with a 0.
    if !read(c"/proc/self/stat", &mut text) || unsafe { libc::atoi(text.as_ptr().cast()) } != self::pid() {
        return (0, 0);
    }
    text.fill(0);
    // SAFETY: room for a number of 11 digits, and a format for one, which ends what it writes with a 0.
    let path = unsafe {
        libc::snprintf(path.as_mut_ptr().cast(), path.len(), c"/proc/%d/stat".as_ptr(), pid);
        CStr::from_ptr(path.as_ptr().cast())
    };
    if !read(path, &mut text) {
        return (0, 0);
    }
    let (mut at, mut state, mut number) = (i32::MIN, 0, 0_u64);
    for b in text {
        match b {
            b')' => (at, number) = (2, 0), // the last one ends the second field, the name, which may hold anything
            b' ' => at += 1,
            b if at == 3 => state = b,
            b if at == place => number = number.wrapping_mul(10).wrapping_add(u64::from(b.wrapping_sub(b'0'))),
            _ => {}
        }
    }
    (state, number)
}

/// One whose first thread has ended has the state of a zombie, and lives as long as it has other threads.
fn is_zombie(pid: i32) -> bool {
    matches!(state_and(pid, 20), (b'Z' | b'X', 0 | 1))
}

/// When a process started, in ticks of the kernel's clock; 0 if that is not to be seen.
pub(crate) fn start_time(pid: i32) -> u64 {
    state_and(pid, 22).1
}

/// Writes to standard error without the standard library's lock, which a forked child might find held for ever. What cannot
/// be written is dropped: nobody waits for a full pipe to be read, or dies of one that nobody reads.
pub(crate) fn write_stderr(bytes: &[u8]) {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid pollfd.
    let ready = unsafe { libc::poll(&mut stderr, 1, 0) } == 1;
    if ready && stderr.revents & (libc::POLLOUT | libc::POLLERR | libc::POLLNVAL) == libc::POLLOUT {
        // The last reader may leave between the two calls, or a file have reached the limit on file sizes.
        without_signals(|| {
            // SAFETY: the kernel reads `bytes.len()` bytes.
            let written = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
            if written < 0 { std::io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { 0 }
        });
    }
}

/// Runs `write`, which returns its error number or 0, without the signal that comes with an error: SIGPIPE with EPIPE, SIGXFSZ
/// with EFBIG. It is this thread's, blocked meanwhile, and taken back unless it was pending before (pthread_sigmask(3),
/// sigtimedwait(2)).
pub(crate) fn without_signals(write: impl FnOnce() -> libc::c_int) -> libc::c_int {
    // SAFETY: sigset_t and timespec are plain old data; every set is initialised by the call that fills it in.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        let mut pending: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        libc::sigaddset(&mut set, libc::SIGXFSZ);
        libc::sigpending(&mut pending);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut old);
        let error = write();
        let raised = match error {
            libc::EPIPE => libc::SIGPIPE,
            libc::EFBIG => libc::SIGXFSZ,
            _ => 0,
        };
        if raised != 0 && libc::sigismember(&pending, raised) == 0 {
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, raised);
            libc::sigtimedwait(&set, std::ptr::null_mut(), &std::mem::zeroed());
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        error
    }
}

/// How many processors are online: with one, spinning only keeps the peer from running.
pub(crate) fn processors_online() -> usize {
    // SAFETY: sysconf takes no memory.
    unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1) as usize
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    extern "C" fn stay(_: *mut libc::c_void) -> *mut libc::c_void {
        loop {
            // SAFETY: waits for a signal.
            unsafe { libc::pause() };
        }
    }

    /// A child whose first thread has ended; with `another` a second one is left.
    fn child_without_first_thread(another: bool) -> i32 {
        // SAFETY: the child makes calls that may be made there, and never returns.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above; the thread needs nothing of this one.
            unsafe {
                libc::prctl(libc::PR_SET_NAME, c"a) R 1 (2) ".as_ptr()); // which is as it likes
                let mut thread = std::mem::zeroed();
                if another {
                    libc::pthread_create(&mut thread, std::ptr::null(), stay, std::ptr::null_mut());
                }
                libc::syscall(libc::SYS_exit, 0);
            }
        }
        let end = Instant::now() + Duration::from_secs(60);
        while state_and(child, 20).0 != b'Z' {
            assert!(Instant::now() < end, "its first thread does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }

    #[test]
    fn a_process_whose_first_thread_alone_has_ended_is_one_and_a_zombie_is_none() {
        for another in [true, false] {
            let child = child_without_first_thread(another);
            assert_eq!(exists(child), another);
            assert_ne!(start_time(child), 0);
            // SAFETY: our own child, which was not waited for.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, std::ptr::null_mut(), 0);
            }
            assert!(!exists(child));
        }
    }
}
