//! A peer over the C functions that has faults brought upon it.
//!
//! ```text
//! sh COMMAND             a shell's: ok OUTPUT | failed OUTPUT
//! limit RESOURCE N       the soft limit of nofile, as (N bytes above what is mapped now), fsize or nproc: ok
//! limit RESOURCE max     as before
//! limit fsize N fatal    with the signal that ends the process
//! user UID               for good: ok
//! umask MODE             ok
//! failing SYSCALL ERRNO [N]  from now on, in the threads that open: ok  (by seccomp, where its third argument is N; "none" ends it)
//! init ROLE [no-threads]  ok | null     master, slave or auto
//! init-without-input ROLE  the same, while the descriptor of the standard input is free
//! why ROLE [CAPACITY]    opens over the Rust API, with nothing on stderr: ok | code N, with the reason if there is a capacity
//! twin ROLE              a second handle, ended at once: code N
//! end                    eshm_destroy: code N
//! write TEXT             code N
//! read MS                data TEXT | code N
//! ```

use crate::ours::role;
use crate::{answer, seccomp, serve};
use eshm::Endpoint;
use eshm_processes::{c::Handle, tasks, until};
use std::{process, process::Command, thread};

fn resource(name: &str) -> libc::__rlimit_resource_t {
    match name {
        "nofile" => libc::RLIMIT_NOFILE,
        "as" => libc::RLIMIT_AS,
        "fsize" => libc::RLIMIT_FSIZE,
        "nproc" => libc::RLIMIT_NPROC,
        _ => panic!("no limit {name:?}"),
    }
}

/// Bytes of address space in use.
fn mapped() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("its sizes");
    let pages: u64 = status.split_whitespace().next().and_then(|text| text.parse().ok()).expect("a number");
    pages * 4096
}

fn limit(name: &str, value: &str, fatal: bool) -> String {
    let which = resource(name);
    let mut range = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one struct to fill in, and the same one to read.
    unsafe {
        libc::getrlimit(which, &mut range);
        range.rlim_cur = match value.parse::<u64>() {
            Ok(number) if name == "as" => mapped() + number,
            Ok(number) => number,
            Err(_) => range.rlim_max,
        };
        // What exceeds the size limit is an error where the signal is ignored, and else ends the process.
        libc::signal(libc::SIGXFSZ, if fatal { libc::SIG_DFL } else { libc::SIG_IGN });
        if libc::setrlimit(which, &range) == 0 { "ok".to_owned() } else { "failed".to_owned() }
    }
}

fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
    format!("{} {}", if output.status.success() { "ok" } else { "failed" }, text.trim())
}

/// A system call, its error, and what its third argument is then.
type Failing = (i64, i32, Option<u32>);

/// Opens, in a thread of its own if system calls are to fail there.
fn limited<T: Send>(failing: Option<Failing>, open: impl FnOnce() -> T + Send) -> T {
    let Some((call, error, third)) = failing else { return open() };
    let opener = thread::scope(|scope| {
        scope
            .spawn(|| {
                seccomp::fail(call, error, third);
                open()
            })
            .join()
    });
    opener.expect("no panic in there")
}

/// Runs until its input ends.
pub(crate) fn run(name: &str) -> ! {
    let (mut handle, mut failing): (Option<Handle>, Option<Failing>) = (None, None);
    thread::spawn(|| {}).join().expect("it does nothing"); // what a first thread costs is in the heap by now
    let others = usize::from(cfg!(eshm_sanitize)); // a sanitizer's own
    until("it is out of /proc too", || tasks::resources(process::id()).threads <= 1 + others);
    answer("ok");
    serve(|verb, rest| {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let mut buffer = [0; 4096];
        Some(match (verb, handle) {
            ("sh", _) => shell(rest),
            ("limit", _) => limit(words[0], words[1], words.get(2).is_some()),
            ("user", _) => {
                let id = words[0].parse().expect("a number");
                // SAFETY: plain numbers.
                let failed = unsafe { libc::setgroups(0, std::ptr::null()) | libc::setgid(id) | libc::setuid(id) };
                if failed == 0 { "ok".to_owned() } else { "failed".to_owned() }
            }
            ("umask", _) => {
                // SAFETY: a plain number.
                unsafe { libc::umask(u32::from_str_radix(words[0], 8).expect("octal")) };
                "ok".to_owned()
            }
            ("failing", _) => {
                let third = words.get(2).map(|number| number.parse().expect("a number"));
                failing =
                    (words[0] != "none").then(|| (seccomp::number(words[0]), words[1].parse().expect("a number"), third));
                "ok".to_owned()
            }
            ("init", None) => {
                let role = role(words[0]) as i32;
                handle = limited(failing, || Handle::init_with(name, role, 0, words.len() == 1));
                if handle.is_some() { "ok".to_owned() } else { "null".to_owned() }
            }
            ("init-without-input", None) => {
                // SAFETY: descriptors of this one thread, which has its input back before it reads on.
                unsafe {
                    let kept = libc::dup(0);
                    libc::close(0);
                    handle = Handle::init_with(name, role(words[0]) as i32, 0, true);
                    libc::dup2(kept, 0);
                    libc::close(kept);
                }
                if handle.is_some() { "ok".to_owned() } else { "null".to_owned() }
            }
            ("why", None) => {
                let builder = Endpoint::builder(name).role(role(words[0]));
                let capacity = words.get(1).map(|bytes| bytes.parse().expect("a capacity"));
                let builder = capacity.map_or(builder.clone(), |bytes| builder.capacity(bytes));
                match limited(failing, || builder.open().map(drop)) {
                    Err(error) if capacity.is_some() => format!("code {} {error}", error.code()),
                    Err(error) => format!("code {}", error.code()),
                    Ok(()) => "ok".to_owned(),
                }
            }
            // A second handle, for a moment.
            ("twin", Some(_)) => {
                let twin = Handle::init_with(name, role(words[0]) as i32, 0, true).expect("it opens");
                format!("code {}", twin.destroy())
            }
            ("end", Some(open)) => {
                handle = None;
                format!("code {}", open.destroy())
            }
            ("write", Some(open)) => format!("code {}", open.write(rest.as_bytes())),
            ("read", Some(open)) => match open.read_ex(&mut buffer, words[0].parse().expect("milliseconds")) {
                (0, size) => format!("data {}", String::from_utf8_lossy(&buffer[..size])),
                (code, _) => format!("code {code}"),
            },
            _ => format!("cannot {verb:?} now"),
        })
    })
}
