//! The processes at the ends of a segment, as `/proc` shows them.

use crate::{name::Name, text::decoded};
use std::{fs, os::unix::fs::MetadataExt};

/// A segment's file, as it shows in the mappings of the processes that use it (proc(5), `maps`).
#[derive(Clone, Debug)]
pub struct Mapped {
    /// Its device and inode.
    place: [String; 2],
    path: String,
}

impl Mapped {
    /// That of the file with this inode under `name`.
    pub fn new(name: &Name, inode: u64) -> Mapped {
        let device = fs::metadata("/dev/shm").map_or(0, |folder| folder.dev());
        let device = format!("{:02x}:{:02x}", libc::major(device), libc::minor(device));
        Mapped {
            place: [device, inode.to_string()],
            path: name.path().to_string_lossy().into_owned(),
        }
    }

    /// Whether process `pid` may be the one that a segment's header means: it has the file mapped,
    /// or its mappings may not be seen. A peer's number in another pid namespace is that of a
    /// stranger here.
    pub fn may_be_by(&self, pid: i32) -> bool {
        let Ok(maps) = fs::read(format!("/proc/{pid}/maps")) else { return true };
        String::from_utf8_lossy(&maps).lines().any(|line| {
            // address, permissions, offset, device, inode, path
            let mut fields = line.splitn(6, ' ').skip(3);
            let place = [fields.next(), fields.next()];
            place.iter().zip(&self.place).all(|(seen, own)| *seen == Some(own))
                || fields.next().is_some_and(|path| path.trim_start() == self.path)
        })
    }
}

/// A process's command line on one line, as `ps` shows it; its name if it has none. What is no UTF-8
/// is escaped, and nothing else: see `text`.
pub fn command_line(pid: i32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> =
        line.split(|&b| b == 0).filter(|word| !word.is_empty()).map(decoded).collect();
    if words.is_empty() {
        return Some(decoded(fs::read(format!("/proc/{pid}/comm")).ok()?.trim_ascii()));
    }
    Some(words.join(" "))
}

/// User and system time of a process in clock ticks (proc(5), `stat` fields 14 and 15).
pub fn processor_time(pid: i32) -> Option<u64> {
    // Its name, in there, may be any bytes.
    let stat = decoded(&fs::read(format!("/proc/{pid}/stat")).ok()?);
    let after = &stat[stat.rfind(')')? + 1..];
    let mut fields = after.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Clock ticks a second.
pub fn ticks_a_second() -> f64 {
    // SAFETY: takes no memory.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64
}
