//! The machine: what every segment depends on.

use super::Check;
use crate::{numbers, report};
use std::{
    ffi::CStr,
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const FOLDER: &CStr = c"/dev/shm";
/// Bytes of a segment of the usual capacity.
const SEGMENT: u64 = 8576;
/// Below this /dev/shm is as a container has it by default, or smaller.
const SMALL: u64 = 64 << 20;

/// All checks of the machine.
pub fn machine() -> Vec<Check> {
    vec![
        folder(),
        space(),
        umask(),
        remove_ipc(),
        namespace(),
        processors(),
        timing(),
        clock(),
        descriptors(),
        leftovers(),
    ]
}

fn folder() -> Check {
    const SUBJECT: &str = "/dev/shm";
    // SAFETY: a NUL-terminated path.
    let allowed =
        unsafe { libc::access(FOLDER.as_ptr(), libc::R_OK | libc::W_OK | libc::X_OK) } == 0;
    let read_only = !allowed && io::Error::last_os_error().raw_os_error() == Some(libc::EROFS);
    let mounted = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let kind = mounted.lines().rev().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        (words.next()? == "/dev/shm").then(|| words.next().unwrap_or("?").to_owned())
    });
    if !Path::new("/dev/shm").is_dir() {
        return Check::wrong(
            SUBJECT,
            "there is no such folder",
            "mount a tmpfs there: mount -t tmpfs tmpfs /dev/shm",
        );
    }
    if read_only {
        return Check::wrong(
            SUBJECT,
            "mounted read-only",
            "mount -o remount,rw /dev/shm; in a container, take the read-only option off its mount",
        );
    }
    if !allowed {
        return Check::wrong(
            SUBJECT,
            "this user may not list it or create files there",
            "its mode should be 1777: chmod 1777 /dev/shm",
        );
    }
    match kind.as_deref() {
        Some("tmpfs") => Check::fine(SUBJECT, "a tmpfs, writable"),
        Some(other) => Check::note(
            SUBJECT,
            format!("a {other}, not a tmpfs"),
            "values may be written to a disk",
        ),
        None => Check::note(
            SUBJECT,
            "not a file system of its own",
            "on a disk, values may be written to it; mount a tmpfs there",
        ),
    }
}

fn space() -> Check {
    const SUBJECT: &str = "space in /dev/shm";
    // SAFETY: statvfs is plain old data, filled in by the call; the path is NUL-terminated.
    let (result, s) = unsafe {
        let mut s: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(FOLDER.as_ptr(), &mut s), s)
    };
    if result != 0 {
        return Check::wrong(SUBJECT, io::Error::last_os_error().to_string(), "see /dev/shm above");
    }
    let (size, free) = (s.f_blocks * s.f_frsize, s.f_bavail * s.f_frsize);
    let seen = format!("{} KiB free of {}", free >> 10, size >> 10);
    if free < SEGMENT || s.f_files > 0 && s.f_favail == 0 {
        return Check::wrong(
            SUBJECT,
            format!("{seen}: full"),
            "remove what is not needed there (`eshmctl clean`), or make it larger: mount -o \
             remount,size=1G /dev/shm; in Docker --shm-size",
        );
    }
    if size <= SMALL {
        return Check::note(
            SUBJECT,
            seen,
            "small, as in a container: large capacities may not fit; in Docker --shm-size",
        );
    }
    Check::fine(SUBJECT, seen)
}

fn umask() -> Check {
    const SUBJECT: &str = "umask";
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| u32::from_str_radix(line.strip_prefix("Umask:")?.trim(), 8).ok());
    match mask {
        Some(mask) if mask & 0o066 != 0 => Check::note(
            SUBJECT,
            format!("{mask:04o}: segments created here are not for other users"),
            "if the two sides run as different users, start the creator with umask 0",
        ),
        Some(mask) => Check::fine(SUBJECT, format!("{mask:04o}")),
        None => Check::note(SUBJECT, "cannot be seen", "is /proc mounted?"),
    }
}

/// systemd removes a user's shared memory at logout (logind.conf(5), `RemoveIPC=`): on by default,
/// but not for system users.
fn remove_ipc() -> Check {
    const SUBJECT: &str = "RemoveIPC";
    // SAFETY: takes no memory.
    let uid = unsafe { libc::getuid() };
    if !Path::new("/run/systemd/seats").exists() {
        return Check::fine(SUBJECT, "no systemd-logind here");
    }
    let off = !removes(&logind_settings());
    if off || uid < 1000 {
        return Check::fine(
            SUBJECT,
            if off { "off" } else { "not for system users such as this one" },
        );
    }
    Check::note(
        SUBJECT,
        "on: when this user logs out, systemd removes the names of its segments",
        "a running master notices within a second and creates a fresh segment; to keep the old \
         one, set RemoveIPC=no in /etc/systemd/logind.conf or run the programs as a system user",
    )
}

/// The settings of systemd-logind in the order in which a later one overrules (logind.conf(5)):
/// drop-ins come after the file, and are sorted by name whatever folder they are in.
fn logind_settings() -> String {
    const FOLDERS: [&str; 3] = ["/usr/lib/systemd", "/run/systemd", "/etc/systemd"];
    let main = FOLDERS
        .iter()
        .rev()
        .find_map(|folder| fs::read_to_string(format!("{folder}/logind.conf")).ok());
    let mut drop_ins: Vec<_> = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(format!("{folder}/logind.conf.d")).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .collect();
    drop_ins.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    main.into_iter()
        .chain(drop_ins.iter().filter_map(|path| fs::read_to_string(path).ok()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether they have `RemoveIPC` on, as it is by default.
fn removes(settings: &str) -> bool {
    let mut values = settings.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "RemoveIPC").then(|| value.trim().to_lowercase())
    });
    values
        .next_back()
        .is_none_or(|value| !matches!(value.as_str(), "no" | "n" | "false" | "f" | "off" | "0"))
}

/// The inode of the first pid namespace, fixed since Linux 3.8 (include/linux/proc_ns.h).
const FIRST_NAMESPACE: u64 = 0xEFFF_FFFC;

fn namespace() -> Check {
    const SUBJECT: &str = "pid namespace";
    match fs::metadata("/proc/self/ns/pid").map(|file| file.ino()) {
        Ok(FIRST_NAMESPACE)
            if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() =>
        {
            Check::note(
                SUBJECT,
                "the machine's own, but in a container",
                "peers outside it, or in other containers, need the same /dev/shm (docker --ipc)",
            )
        }
        Ok(FIRST_NAMESPACE) => Check::fine(SUBJECT, "the machine's own"),
        Ok(_) => Check::note(
            SUBJECT,
            "one of its own, as in a container",
            "peers in other containers need the same /dev/shm (docker --ipc); their processes \
             cannot be seen from here: of this library they are judged by their lock; of a released \
             one that does not beat nothing is known",
        ),
        Err(error) => Check::note(SUBJECT, format!("cannot be seen: {error}"), "is /proc mounted?"),
    }
}

fn processors() -> Check {
    const SUBJECT: &str = "processors";
    match thread::available_parallelism().map_or(1, |n| n.get()) {
        1 => Check::note(
            SUBJECT,
            "this process may use one",
            "readers on a single processor park at once: a round trip takes two wake-ups",
        ),
        many => Check::fine(SUBJECT, format!("{many}")),
    }
}

/// Sleeps measured.
const SLEEPS: u32 = 50;

fn timing() -> Check {
    const SUBJECT: &str = "timing";
    let mut late: Vec<Duration> = (0..SLEEPS)
        .map(|_| {
            let start = Instant::now();
            thread::sleep(Duration::from_millis(1));
            start.elapsed().saturating_sub(Duration::from_millis(1))
        })
        .collect();
    late.sort_unstable();
    let (middle, worst) = (late[late.len() / 2], late[late.len() - 1]);
    let seen = format!(
        "a sleep of 1 ms is {} us late, at worst {} us",
        middle.as_micros(),
        worst.as_micros()
    );
    if worst > Duration::from_millis(50) {
        return Check::wrong(
            SUBJECT,
            seen,
            "the machine is too busy for a staleness threshold of 100 ms: raise \
             stale_threshold_ms, or take load off",
        );
    }
    if middle > Duration::from_millis(1) {
        return Check::note(
            SUBJECT,
            seen,
            "heartbeats come late on this machine; a larger stale_threshold_ms is safer",
        );
    }
    Check::fine(SUBJECT, seen)
}

/// Looks at the clock that are measured.
const LOOKS: u32 = 2000;
/// Nanoseconds above which a look at the clock is a system call, not a few instructions.
const DEAR: u128 = 250;

/// The monotonic clock: a read looks at it after its first miss, and heartbeats are judged by it.
fn clock() -> Check {
    const SUBJECT: &str = "clock";
    let source =
        fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let source = source.map_or("unknown".to_owned(), |source| source.trim().to_owned());
    let cost = |_| {
        let start = Instant::now();
        for _ in 0..LOOKS {
            std::hint::black_box(Instant::now());
        }
        start.elapsed().as_nanos() / u128::from(LOOKS)
    };
    let cost = (0..5).map(cost).min().expect("five"); // the others were interrupted
    let seen = format!("source {source}, {cost} ns a look");
    if cost > DEAR {
        return Check::note(
            SUBJECT,
            seen,
            "slow: each waiting read looks at it; a machine with a steady tsc need not use \
             another source",
        );
    }
    Check::fine(SUBJECT, seen)
}

fn descriptors() -> Check {
    const SUBJECT: &str = "open files";
    // SAFETY: rlimit is plain old data, filled in by the call.
    let limit = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur
    };
    if limit < 256 {
        return Check::note(
            SUBJECT,
            format!("a process may have {limit}"),
            "each handle needs one: ulimit -n",
        );
    }
    Check::fine(SUBJECT, format!("a process may have {limit}; each handle needs one"))
}

fn leftovers() -> Check {
    const SUBJECT: &str = "leftovers";
    let reports = match report::collect_all(Duration::from_millis(100)) {
        Ok(reports) => reports,
        Err(error) => {
            return Check::wrong(
                SUBJECT,
                format!("cannot be looked for: {error}"),
                "see /dev/shm above",
            );
        }
    };
    let orphans = reports.iter().filter(|report| report.orphan).count();
    if orphans > 0 {
        return Check::note(
            SUBJECT,
            format!("{orphans} of {} orphaned", numbers::count(reports.len() as u64, "segment")),
            "harmless but for their space; `eshmctl clean` removes them",
        );
    }
    Check::fine(SUBJECT, format!("none among {}", numbers::count(reports.len() as u64, "segment")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_of_logind_counts() {
        assert!(removes("") && removes("[Login]\n#RemoveIPC=no\n"));
        assert!(!removes("[Login]\nRemoveIPC=no\n") && !removes("RemoveIPC = off"));
        assert!(removes("RemoveIPC=no\nRemoveIPC=yes\n"));
    }
}
