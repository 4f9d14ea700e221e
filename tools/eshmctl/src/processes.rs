//! Which processes there are, in this pid namespace and in all below it: the one proof that the
//! holder of a side without a lock is gone.

use crate::process::Mapped;
use std::{collections::HashMap, fs, io};

/// The first pid namespace, of which all others are a part (include/linux/proc_ns.h, since Linux
/// 3.8).
const FIRST: &str = "pid:[4026531836]";

/// The ids that live processes have, each in every namespace that it is in, and by which ids they
/// are seen here.
pub struct Processes(Result<HashMap<i32, Vec<i32>>, &'static str>);

impl Processes {
    /// Those of now.
    pub fn look() -> Processes {
        Processes(ids())
    }

    /// Whether no process has this id, in whatever namespace, and the file mapped: proven, and not
    /// only not seen.
    pub fn lack(&self, pid: i32, mapped: &Mapped) -> bool {
        self.0.as_ref().is_ok_and(|ids| {
            ids.get(&pid).is_none_or(|here| !here.iter().any(|&pid| mapped.may_be_by(pid)))
        })
    }

    /// Why that is not proven.
    pub fn why_not(&self, pid: i32) -> String {
        match &self.0 {
            Err(why) => (*why).to_owned(),
            Ok(_) => format!("a process has the number {pid} in another pid namespace"),
        }
    }
}

fn ids() -> Result<HashMap<i32, Vec<i32>>, &'static str> {
    let namespace = fs::read_link("/proc/self/ns/pid").map_err(|_| "/proc cannot be read")?;
    if namespace.as_os_str() != FIRST {
        return Err("from a container or pid namespace not all processes are seen");
    }
    const HIDDEN: &str = "/proc hides the processes of other users from this one";
    // With hidepid (proc(5)) the first process is not seen, or its status may not be read.
    fs::read("/proc/1/status").map_err(|_| HIDDEN)?;
    let mut ids: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").map_err(|_| HIDDEN)? {
        let entry = entry.map_err(|_| HIDDEN)?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        match fs::read(entry.path().join("status")) {
            Ok(status) if is_dead(&status, pid) => {}
            Ok(status) => {
                for number in numbers(&status).ok_or("this kernel tells no NSpid")? {
                    ids.entry(number).or_default().push(pid);
                }
            }
            Err(error) if has_ended(&error) => {}
            Err(_) => return Err(HIDDEN),
        }
    }
    Ok(ids)
}

/// Its files are gone, or are there but not their process.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Whether it only waits for its parent to hear of its end; one whose first thread alone has ended
/// looks the same, but has others.
fn is_dead(status: &[u8], pid: i32) -> bool {
    let state = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"State:"));
    let ended =
        state.is_some_and(|state| matches!(state.trim_ascii_start().first(), Some(b'Z' | b'X')));
    ended && fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() <= 1)
}

/// The `NSpid:` numbers of a process's status (proc(5), since Linux 4.1).
fn numbers(status: &[u8]) -> Option<Vec<i32>> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"))?;
    let text = std::str::from_utf8(line).ok()?;
    text.split_whitespace().map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    #[test]
    fn the_numbers_of_all_namespaces_are_read() {
        let status = b"Name:\tNSpid:\t7\nNSpid:\t4711\t12\t1\nNSpgid:\t1\n";
        assert_eq!(numbers(status), Some(vec![4711, 12, 1]));
        assert_eq!(numbers(b"Name:\tx\n"), None);
    }

    #[test]
    fn a_process_that_lives_is_lacking_only_where_it_has_no_such_file() {
        let (processes, pid) = (Processes::look(), std::process::id() as i32);
        let mapped = Mapped::new(&Name::of_file(b"no such segment".to_vec()), u64::MAX);
        assert_eq!(processes.lack(pid, &mapped), processes.0.is_ok(), "it has not");
        assert!(!Processes(Err("not seen")).lack(i32::MAX, &mapped), "what is not seen may live");
    }
}
