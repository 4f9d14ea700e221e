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
        match fs::read(format!("/proc/{pid}/maps")) {
            Err(_) => true,
            // A thread of the kernel has none; of a process whose first thread alone has ended they
            // do not show.
            Ok(maps) if maps.is_empty() => !is_of_the_kernel(pid),
            Ok(maps) => self.is_in(&maps),
        }
    }

    /// Whether a process here has this number, and is seen not to have the file mapped.
    pub fn is_by_a_stranger(&self, pid: i32) -> bool {
        exists(pid) && shows_this_namespace() && !self.may_be_by(pid)
    }

    fn is_in(&self, maps: &[u8]) -> bool {
        String::from_utf8_lossy(maps).lines().any(|line| {
            // address, permissions, offset, device, inode, path
            let mut fields = line.splitn(6, ' ').skip(3);
            let place = [fields.next(), fields.next()];
            place.iter().zip(&self.place).all(|(seen, own)| *seen == Some(own))
                || fields.next().is_some_and(|path| path.trim_start() == self.path)
        })
    }
}

/// Whether a process here has this number; one of another user has, too.
pub fn exists(pid: i32) -> bool {
    // SAFETY: no signal is sent.
    pid > 0
        && (unsafe { libc::kill(pid, 0) } == 0
            || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM))
}

/// Whether the numbers in `/proc` are those of this process's pid namespace.
fn shows_this_namespace() -> bool {
    let own = std::process::id().to_string();
    fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == own.as_str())
}

/// Whether it is a thread of the kernel (proc(5), `stat` field 9; PF_KTHREAD).
fn is_of_the_kernel(pid: i32) -> bool {
    const KERNEL: u64 = 0x0020_0000;
    stat_field(pid, 9).is_some_and(|flags| flags & KERNEL != 0)
}

/// A field of `stat` (proc(5)), by its number there; from the fourth on.
fn stat_field(pid: i32, number: usize) -> Option<u64> {
    // Its name, in there, may be any bytes.
    let stat = decoded(&fs::read(format!("/proc/{pid}/stat")).ok()?);
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(number - 3)?.parse().ok()
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
    Some(stat_field(pid, 14)? + stat_field(pid, 15)?)
}

/// Clock ticks a second.
pub fn ticks_a_second() -> f64 {
    // SAFETY: takes no memory.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64
}
