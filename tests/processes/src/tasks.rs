//! A process as `/proc` shows it: threads, descriptors, mappings, signals.

use std::{fs, path::PathBuf, time::Duration};

/// What a process holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub struct Resources {
    /// Threads.
    pub threads: usize,
    /// Open descriptors of segments.
    pub files: usize,
    /// Mappings of segments.
    pub maps: usize,
    /// All open descriptors.
    pub all_files: usize,
}

/// What process `pid` holds now.
pub fn resources(pid: u32) -> Resources {
    let root = PathBuf::from(format!("/proc/{pid}"));
    let links = |folder: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(root.join(folder)).map(|e| e.flatten().map(|e| e.path()).collect::<Vec<_>>());
        entries.unwrap_or_default()
    };
    let files = links("fd");
    let maps = fs::read_to_string(root.join("maps")).unwrap_or_default();
    // A segment may be made without a name of its own, as "/dev/shm/#inode".
    let of_segments = |text: &str| text.contains("/dev/shm/");
    Resources {
        threads: links("task").len(),
        files: files.iter().filter(|f| fs::read_link(f).is_ok_and(|to| of_segments(&to.to_string_lossy()))).count(),
        maps: maps.lines().filter(|line| of_segments(line)).count(),
        all_files: files.len(),
    }
}

/// The threads of process `pid` but its first one.
pub fn other_threads(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).map(|e| e.flatten().collect::<Vec<_>>()).unwrap_or_default();
    tasks.iter().filter_map(|e| e.file_name().to_str()?.parse().ok()).filter(|&tid| tid != pid).collect()
}

/// One line of a thread's `status`, as text.
pub fn status(pid: u32, tid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

/// The state letter of a process: `S` asleep, `T` stopped, `Z` a zombie; `None` if there is no such process.
pub fn state(pid: u32) -> Option<char> {
    status(pid, pid, "State")?.chars().next()
}

/// Whether every thread of a process is stopped.
pub fn is_stopped(pid: u32) -> bool {
    let is_stop = |state: String| state.starts_with('T');
    let others = other_threads(pid);
    // One that has ended meanwhile, as what a shell runs before the peer, is not stopped; its first thread alone may have ended.
    status(pid, pid, "State").is_some_and(|state| is_stop(state.clone()) || state.starts_with('Z') && !others.is_empty())
        && others.into_iter().all(|tid| status(pid, tid, "State").is_none_or(is_stop))
}

/// How often a thread went to sleep of its own accord.
pub fn sleeps(pid: u32, tid: u32) -> u64 {
    status(pid, tid, "voluntary_ctxt_switches").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The processor time that a process has used (clock_getcpuclockid(3)).
pub fn processor_time(pid: u32) -> Duration {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: two out-parameters of our own.
    let failed =
        unsafe { libc::clock_getcpuclockid(pid as i32, &mut clock) != 0 || libc::clock_gettime(clock, &mut time) != 0 };
    assert!(!failed, "process {pid} has no processor time");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The last of a chain of processes of which each started the next.
pub fn innermost(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let child = children.split_whitespace().next().and_then(|text| text.parse().ok());
    child.map_or(pid, innermost)
}

/// The processor time that the calling thread has used.
pub fn own_processor_time() -> Duration {
    // SAFETY: plain numbers, for which zero is a value; the kernel fills them in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
        usage
    };
    [usage.ru_utime, usage.ru_stime].map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)).iter().sum()
}

/// A process id that no process has.
pub fn free_pid() -> u32 {
    // Above the largest there can be by default settings of small machines, below i32's limit; tried downwards.
    (1..4_000_000).rev().find(|&pid| state(pid).is_none()).unwrap_or(3_999_999)
}
