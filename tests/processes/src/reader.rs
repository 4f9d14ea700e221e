//! Somebody who may only read a segment's file, and who takes read locks on it: another user of the
//! machine, where these tests run as root.
//!
//! ```text
//! --bytes=0|1|2    one byte; "whole": from the first on without an end; "each": 0, 1 and 2 apart
//! --owner=file|process   whose the locks are; the open file's, if nothing is said
//! --again          each is tried again and again, on whatever file the name leads to
//!
//! held             ok BYTES    what it holds of the file under the name: "012", "w", or nothing
//! release          ok          all of them, for good
//! ```

use crate::{answer, die_with_parent, options::Options, serve};
use eshm_processes::{Name, eventually, ms, sandbox::is_root};
use std::{
    fs::File,
    mem::ManuallyDrop,
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// The user who has no right but what everybody has.
const NOBODY: u32 = 65_534;
/// Files whose locks are kept though the name leads to another by now.
const KEPT: usize = 8;

/// A range of bytes; a length of 0 has no end.
type Range = (char, i64, i64);

/// A file and what is locked of it.
struct Locked {
    inode: u64,
    file: File,
    held: String,
}

struct Reader {
    name: ManuallyDrop<Name>, // leaving the file is the test's business
    ranges: Vec<Range>,
    command: libc::c_int,
    /// The file that the name leads to is the last one.
    files: Mutex<Option<Vec<Locked>>>,
}

impl Reader {
    fn files(&self) -> MutexGuard<'_, Option<Vec<Locked>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self, file: &File, (_, start, length): Range) -> bool {
        // SAFETY: plain numbers, for which zero is a value.
        let mut range: libc::flock = unsafe { std::mem::zeroed() };
        range.l_type = libc::F_RDLCK as i16;
        range.l_whence = libc::SEEK_SET as i16;
        (range.l_start, range.l_len) = (start, length);
        // SAFETY: an open file and a live struct.
        unsafe { libc::fcntl(file.as_raw_fd(), self.command, &range) == 0 }
    }

    /// Takes what is free; whether it has all.
    fn take(&self) -> bool {
        let mut files = self.files();
        let Some(files) = files.as_mut() else { return false };
        let Some(inode) = self.name.inode() else { return false };
        if files.last().is_none_or(|locked| locked.inode != inode) {
            let Ok(file) = File::open(self.name.path()) else { return false };
            let inode = file.metadata().map_or(inode, |file| file.ino());
            files.push(Locked { inode, file, held: String::new() });
            if files.len() > KEPT {
                files.remove(0);
            }
        }
        let Locked { file, held, .. } = files.last_mut().expect("just seen");
        for range in &self.ranges {
            if !held.contains(range.0) && self.lock(file, *range) {
                held.push(range.0);
            }
        }
        held.len() == self.ranges.len()
    }
}

/// Gives up every right to write to other users' files.
fn become_nobody() {
    // SAFETY: plain numbers.
    let failed = unsafe { libc::setgroups(0, std::ptr::null()) | libc::setgid(NOBODY) | libc::setuid(NOBODY) };
    assert_eq!(failed, 0, "root may become somebody else");
    die_with_parent(); // a change of user has taken that back
}

/// Runs until its input ends.
pub(crate) fn run(name: &str, options: &Options) -> ! {
    if is_root() {
        become_nobody();
    }
    let ranges: Vec<Range> = match options.get("bytes") {
        Some("0") => vec![('0', 0, 1)],
        Some("1") => vec![('1', 1, 1)],
        Some("2") => vec![('2', 2, 1)],
        Some("whole") => vec![('w', 0, 0)],
        Some("each") => vec![('0', 0, 1), ('1', 1, 1), ('2', 2, 1)],
        other => panic!("--bytes={other:?}"),
    };
    let command = if options.get("owner") == Some("process") { libc::F_SETLK } else { libc::F_OFD_SETLK };
    let name = ManuallyDrop::new(Name::from(name.to_owned()));
    let reader: &Reader = Box::leak(Box::new(Reader { name, ranges, command, files: Mutex::new(Some(Vec::new())) }));
    if options.has("again") {
        thread::spawn(|| {
            loop {
                reader.take();
                thread::sleep(Duration::from_micros(200));
            }
        });
    } else if !eventually(ms(2000), || reader.take()) {
        answer("error: it does not get its locks");
        process::exit(1)
    }
    answer("ok");
    serve(|verb, _| {
        Some(match verb {
            "held" => {
                let (files, inode) = (reader.files(), reader.name.inode());
                let last = files.as_ref().and_then(|files| files.last()).filter(|locked| Some(locked.inode) == inode);
                format!("ok {}", last.map_or("", |locked| &locked.held))
            }
            "release" => {
                *reader.files() = None;
                "ok".to_owned()
            }
            _ => format!("no command {verb:?}"),
        })
    })
}
