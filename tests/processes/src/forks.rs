//! What becomes of handles over `fork()`.
//!
//! ```text
//! fork calls            the child makes every call on the inherited handle and then drops it: ok NAME=CODE ...
//! fork drop             the child drops it and ends: ok files=N maps=N, what it still has of segments
//! fork exit             the child ends without dropping it: ok
//! fork hold             the child keeps everything it inherited until this process's input is closed: ok pid=N
//! fork open ROLE NAME   the child drops it, opens one of its own, writes "from child" and reads for 10 s: ok CODES
//! fork storm COUNT NAME  COUNT children in turn while other threads are in the library: ok
//! fork c NAME           the same as "calls" over the C functions, with a handle of their own on NAME
//! ```

use crate::{die, ours};
use eshm::{Endpoint, Error, Role};
use eshm_processes::{c, code, ms};
use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::FromRawFd,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Runs `child` in a child process, which ends after it; what it gave.
fn in_child(child: impl FnOnce() -> String) -> String {
    let mut ends = [0; 2];
    // SAFETY: a pair of descriptors, each owned by one File; the child runs on a copy of this thread alone.
    let (mut from, to, pid) = unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]), libc::fork())
    };
    if pid == 0 {
        let mut to = to;
        let _ = to.write_all(child().as_bytes()); // the parent tells by an empty text
        die()
    }
    drop(to);
    let mut text = String::new();
    from.read_to_string(&mut text).expect("read from the child");
    let mut status = 0;
    // SAFETY: our own child.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    if status == 0 { format!("ok {text}") } else { format!("the child ended with {status}: {text}") }
}

/// Keeps a child until the standard input has no writer any more.
fn hold() -> String {
    // SAFETY: the child only waits.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let mut input = libc::pollfd { fd: 0, events: 0, revents: 0 };
        // SAFETY: one live struct. Only a hang-up ends it, as no other event is asked for.
        unsafe { libc::poll(&mut input, 1, -1) };
        die()
    }
    format!("ok pid={pid}")
}

fn calls(endpoint: &Endpoint) -> String {
    let mut buffer = [0; 64];
    let look = endpoint.try_read(&mut buffer).and_then(|size| size.ok_or(Error::NoData));
    format!(
        "write={} look={} read={} alive={} beat={} stats={} capacity={} event={}",
        code(endpoint.write(b"from the child")),
        code(look),
        code(endpoint.read_timeout(&mut buffer, ms(50))),
        code(endpoint.remote_alive()),
        code(endpoint.update_heartbeat()),
        code(endpoint.stats()),
        code(endpoint.capacity()),
        code(endpoint.event_fd()),
    )
}

fn over_c(name: &str) -> String {
    let Some(handle) = c::Handle::init(name, 0) else { return "cannot open".to_owned() };
    let child = in_child(|| {
        let mut buffer = [0; 64];
        let [beat, alive, stats, role] = handle.questions();
        let (look, read) = (handle.read_ex(&mut buffer, 0).0, handle.read_ex(&mut buffer, 50).0);
        let (write, simple) = (handle.write(b"from the child"), handle.read(&mut buffer));
        let destroy = handle.destroy();
        format!(
            "write={write} look={look} read={read} simple={simple} beat={beat} alive={alive} stats={stats} role={role} \
             destroy={destroy}"
        )
    });
    let after = handle.write(b"from the parent");
    format!("{child} parent={after} end={}", handle.destroy())
}

/// Forks again and again while other threads open, use and close handles: whatever they hold, a child must not hang on it.
fn storm(endpoint: &Endpoint, count: u32, name: &str) -> String {
    let stop = AtomicBool::new(false);
    let busy = |number: u32| {
        let own = format!("{name}_{number}");
        while !stop.load(Ordering::Relaxed) {
            let Ok(handle) = Endpoint::builder(&own).role(Role::Master).open() else { return };
            let _ = (handle.write(b"x"), handle.stats(), endpoint.write(b"y"), endpoint.remote_alive());
            let _ = endpoint.read_timeout(&mut [0; 64], ms(1));
        }
    };
    thread::scope(|scope| {
        let busy = &busy;
        for number in 0..3 {
            scope.spawn(move || busy(number));
        }
        let bad = (0..count).map(|_| {
            in_child(|| {
                let inherited = code(endpoint.write(b"z"));
                let own = Endpoint::builder(name).role(Role::Slave).open();
                let codes = (inherited, code(own.as_ref().map_err(Error::clone).and_then(|own| own.write(b"from child"))));
                drop(own);
                if codes == (-14, 0) { String::new() } else { format!("{codes:?}") }
            })
        });
        let bad = bad.into_iter().find(|result| result != "ok ");
        stop.store(true, Ordering::Relaxed);
        bad.unwrap_or_else(|| "ok".to_owned())
    })
}

/// Carries out `fork WHAT`.
pub(crate) fn run(endpoint: &mut Option<Endpoint>, what: &str) -> String {
    let words: Vec<&str> = what.split_whitespace().collect();
    match words.as_slice() {
        ["calls"] => in_child(|| {
            let codes = calls(endpoint.as_ref().expect("an open handle"));
            drop(endpoint.take());
            codes
        }),
        ["drop"] => in_child(|| {
            drop(endpoint.take());
            let links = fs::read_dir("/proc/self/fd").expect("our own").filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
            let maps = fs::read_to_string("/proc/self/maps").expect("our own");
            let files = links.filter(|link| link.starts_with("/dev/shm")).count();
            format!("files={files} maps={}", maps.lines().filter(|line| line.contains("/dev/shm/")).count())
        }),
        // SAFETY: runs the exit handlers of the child and does not return.
        ["exit"] => in_child(|| unsafe { libc::exit(0) }),
        ["hold"] => hold(),
        ["open", role, name] => in_child(|| {
            drop(endpoint.take());
            let role = if *role == "master" { Role::Master } else { Role::Slave };
            match Endpoint::builder(name).role(role).open() {
                Err(error) => format!("open={}", error.code()),
                Ok(own) => {
                    let written = code(own.write(b"from child"));
                    format!("open=0 write={written} {}", ours::read(&own, 64, "10000"))
                }
            }
        }),
        ["c", name] => over_c(name),
        ["storm", count, name] => storm(endpoint.as_ref().expect("an open handle"), count.parse().expect("a number"), name),
        _ => format!("no fork {what:?}"),
    }
}
