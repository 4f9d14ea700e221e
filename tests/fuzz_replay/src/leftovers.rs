//! What an input must not leave behind.

use eshm_processes::until;
use std::{fs, os::unix::ffi::OsStrExt, process};

/// How many descriptors of files in `/dev/shm` this process holds.
pub fn descriptors() -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("the process's own descriptors");
    let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter(|to| to.as_os_str().as_bytes().starts_with(b"/dev/shm/")).count()
}

/// Whether the library's service thread runs.
fn has_service_thread() -> bool {
    let tasks = fs::read_dir("/proc/self/task").expect("the process's own threads");
    tasks.flatten().any(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim_end() == "eshm"))
}

/// The files of this process's own names.
fn files() -> Vec<String> {
    let own = format!("eshm_pt_{}_", process::id());
    let entries = fs::read_dir("/dev/shm").expect("the folder of segments").flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(&own)).collect()
}

/// Checks that no handle has left a thread, a file, or more descriptors than there were.
///
/// # Panics
/// If there is one.
pub fn check(descriptors_before: usize) {
    assert_eq!(descriptors(), descriptors_before, "descriptors of segments are left open");
    assert_eq!(files(), [""; 0], "files are left");
    // It has been joined, but the kernel may still list it.
    until("the service thread is gone", || !has_service_thread());
}
