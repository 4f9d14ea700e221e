//! Lines of standard input as they come. While none comes, a signal is noticed.

use crate::{failure::Failure, waiting::Notice};
use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal, Read},
    os::fd::{AsFd, AsRawFd},
};

/// Milliseconds after which `stopped` is asked again.
const LOOK: libc::c_int = 50;

/// Has `line` called with each line, without its end, until there are no more or `stopped` says so.
pub fn each(
    stopped: impl Fn() -> bool,
    mut line: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // A descriptor of our own: nothing is read ahead that poll(2) does not know of.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (mut chunk, mut pending, mut notice) = (vec![0; 1 << 16], Vec::new(), Notice::new());
    if input.is_terminal() {
        notice.tell(|| "each line typed here is sent as a value; Ctrl-D ends".to_owned());
    }
    while !stopped() {
        if !readable(&input)? {
            notice.tell_if_long(|| "waiting for standard input".to_owned());
            continue;
        }
        notice.over();
        let got = match input.read(&mut chunk) {
            Ok(0) if pending.is_empty() => break,
            Ok(0) => return line(&pending), // without an end
            Ok(got) => got,
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) =>
            {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        pending.extend_from_slice(&chunk[..got]);
        let mut rest: &[u8] = &pending;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            if stopped() {
                return Ok(());
            }
            line(&rest[..end])?;
            rest = &rest[end + 1..];
        }
        pending = rest.to_vec();
    }
    Ok(())
}

/// Whether a read would not wait; false after a moment, or as soon as a signal comes.
pub fn readable(input: &File) -> io::Result<bool> {
    let mut wanted = libc::pollfd { fd: input.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor to ask about, which lives over the call.
    match unsafe { libc::poll(&mut wanted, 1, LOOK) } {
        -1 => match io::Error::last_os_error() {
            error if error.kind() == ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
        ready => Ok(ready > 0),
    }
}
