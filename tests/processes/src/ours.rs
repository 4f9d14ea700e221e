//! A peer on our library.
//!
//! ```text
//! write TEXT             ok | error CODE
//! read MS                data TEXT | error CODE        MS 0: one look; "inf": no timeout
//! read-into SIZE MS      with a buffer of SIZE bytes; error -13 NEEDED
//! alive | role | capacity | beat | stats
//! flood MS SIZE          writes numbered messages of up to SIZE bytes, flat out: ok count=N refused=N
//! drain MS               reads such messages, flat out: ok reads=N torn=N repeated=N failed=N
//! serve-reads MS         reads text messages and answers each with "echo TEXT", for MS
//! pid-switches           how often the thread of these commands went to sleep
//! block-usr1             blocks SIGUSR1 in this thread, with a handler that counts: ok
//! handle-usr1            the handler alone, in any thread, without restarting system calls
//! usr1                   how often the handler ran: ok count=N
//! fork WHAT              see `forks`
//! arm PLAN               failpoints from now on: ok
//! close | open ROLE NAME all handles given up; one opened instead of the first, in the same process
//! also ROLE NAME         one more handle, which only lives
//! leave                  a clean exit
//! die                    an exit that cleans nothing
//! chroot FOLDER          goes there, and sees nothing else from then on: ok | error NUMBER
//! exec                   becomes another program, which only waits for its input's end: ok
//! ```

use crate::{answer, die, forks, options::Options, serve};
use eshm::{Builder, DisconnectBehavior, Endpoint, Error, Role, WakeupMode};
use eshm_processes::{THRESHOLD, ms, payload, tasks};
use std::{
    ffi::CString,
    io,
    os::unix::process::CommandExt,
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

pub(crate) fn role(text: &str) -> Role {
    match text {
        "master" => Role::Master,
        "slave" => Role::Slave,
        "auto" => Role::Auto,
        _ => panic!("no role {text:?}"),
    }
}

fn builder(role_text: &str, name: &str, options: &Options) -> Builder {
    let threshold = options.number("threshold").unwrap_or(THRESHOLD);
    let mut builder = Endpoint::builder(name).role(role(role_text)).stale_threshold(ms(threshold));
    if let Some(time) = options.number("wait") {
        builder = builder.reconnect_wait(ms(time));
    }
    if let Some(time) = options.number("retry") {
        builder = builder.reconnect_retry_interval(ms(time));
    }
    if let Some(attempts) = options.number("attempts") {
        builder = builder.max_reconnect_attempts(attempts as u32);
    }
    if let Some(bytes) = options.number("capacity") {
        builder = builder.capacity(bytes as usize);
    }
    if let Some(time) = options.number("wait-for-master") {
        builder = builder.wait_for_master(ms(time));
    }
    builder = builder.exact_capacity(options.has("exact-capacity")).first_value(options.has("first-value"));
    let behavior = match options.get("behavior") {
        Some("immediately") => DisconnectBehavior::Immediately,
        Some("never") => DisconnectBehavior::Never,
        Some("on_timeout") | None => DisconnectBehavior::OnTimeout,
        Some(other) => panic!("no behavior {other:?}"),
    };
    builder.disconnect_behavior(behavior).threads(!options.has("no-threads")).auto_cleanup(!options.has("no-cleanup"))
}

fn failure(error: &Error) -> String {
    match error {
        Error::BufferTooSmall { size, .. } => format!("error {} {size}", error.code()),
        _ => format!("error {} {error}", error.code()),
    }
}

fn told(result: Result<String, Error>) -> String {
    match result {
        Ok(text) if text.is_empty() => "ok".to_owned(),
        Ok(text) => format!("ok {text}"),
        Err(error) => failure(&error),
    }
}

/// Reads as text; a timeout of "0" is one look, "inf" none at all.
pub(crate) fn read(endpoint: &Endpoint, size: usize, timeout: &str) -> String {
    let mut buffer = vec![0; size];
    let result = match timeout {
        "0" => endpoint.try_read(&mut buffer).and_then(|size| size.ok_or(Error::NoData)),
        "inf" => endpoint.read_timeout(&mut buffer, Duration::MAX),
        _ => endpoint.read_timeout(&mut buffer, ms(timeout.parse().expect("milliseconds"))),
    };
    match result {
        Ok(size) => format!("data {}", String::from_utf8_lossy(&buffer[..size])),
        Err(error) => failure(&error),
    }
}

fn stats(endpoint: &Endpoint) -> Result<String, Error> {
    let s = endpoint.stats()?;
    Ok(format!(
        "master_heartbeat={} slave_heartbeat={} master_pid={} slave_pid={} master_alive={} slave_alive={} threshold={} \
         m2s_write_count={} m2s_read_count={} s2m_write_count={} s2m_read_count={}",
        s.master_heartbeat,
        s.slave_heartbeat,
        s.master_pid,
        s.slave_pid,
        u32::from(s.master_alive),
        u32::from(s.slave_alive),
        s.stale_threshold_ms,
        s.m2s_write_count,
        s.m2s_read_count,
        s.s2m_write_count,
        s.s2m_read_count
    ))
}

fn flood(endpoint: &Endpoint, time_ms: u64, largest: usize) -> Result<String, Error> {
    let (start, mut buffer, mut count, mut refused) = (Instant::now(), vec![0; largest], 0, 0);
    // Numbers above those of any earlier flood.
    let first = endpoint.stats()?.m2s_write_count.max(endpoint.stats()?.s2m_write_count) + 1;
    while start.elapsed() < ms(time_ms) {
        for _ in 0..64 {
            let message = &mut buffer[..payload::size(first + count, largest)];
            payload::fill(message, first + count);
            // Another writer of this direction that is held up by a loaded machine is a timeout, with nothing changed.
            match endpoint.write(message) {
                Ok(()) => count += 1,
                Err(Error::Timeout) => refused += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(format!("count={count} refused={refused}"))
}

fn drain(endpoint: &Endpoint, time_ms: u64) -> String {
    let (start, mut buffer, mut tally, mut failed) = (Instant::now(), vec![0; 1 << 16], payload::Tally::default(), 0);
    while start.elapsed() < ms(time_ms) {
        match endpoint.read_timeout(&mut buffer, ms(20)) {
            Ok(size) => tally.add(&buffer[..size]),
            Err(Error::Timeout) => {}
            Err(_) => failed += 1,
        }
    }
    format!("ok reads={} torn={} repeated={} failed={failed}", tally.reads, tally.torn, tally.repeated)
}

fn echo(endpoint: &Endpoint, time_ms: u64) -> Result<String, Error> {
    let (start, mut buffer, mut count) = (Instant::now(), vec![0; 1 << 16], 0);
    while start.elapsed() < ms(time_ms) {
        match endpoint.read_timeout(&mut buffer, ms(20)) {
            Ok(size) => {
                endpoint.write(&[b"echo ", &buffer[..size]].concat())?;
                count += 1;
            }
            Err(Error::Timeout) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(format!("count={count}"))
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Counts SIGUSR1, without restarting the system calls it interrupts.
fn handle_usr1() {
    let handler: extern "C" fn(libc::c_int) = count_signal;
    // SAFETY: a plain struct, for which zero is a value; the handler only adds to an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
    }
}

/// Leaves every thread but this one to run the handler of SIGUSR1.
fn block_usr1() {
    handle_usr1();
    // SAFETY: a plain struct, for which zero is a value.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&mut set, libc::SIGUSR1);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

/// chroot(2), and into it.
fn go_into(folder: &str) -> String {
    let folder = CString::new(folder).expect("no NUL");
    // SAFETY: NUL-terminated paths.
    match unsafe { libc::chroot(folder.as_ptr()) | libc::chdir(c"/".as_ptr()) } {
        0 => "ok".to_owned(),
        _ => format!("error {}", io::Error::last_os_error()),
    }
}

/// Several threads that all use the handle in every way for a while; how many messages they read.
fn crowd(endpoint: &Endpoint, time_ms: u64) -> String {
    let (start, reads) = (Instant::now(), AtomicU32::new(0));
    thread::scope(|scope| {
        for number in 0..6u64 {
            let reads = &reads;
            scope.spawn(move || {
                let mut buffer = vec![0; 8192];
                while start.elapsed() < ms(time_ms) {
                    let _ = endpoint.write(&number.to_ne_bytes()); // the state may forbid it: that is the point
                    let _ = endpoint.stats();
                    let _ = endpoint.remote_alive();
                    let _ = endpoint.update_heartbeat();
                    endpoint.set_wakeup_mode(if number % 2 == 0 { WakeupMode::Poll } else { WakeupMode::Push });
                    if endpoint.read_timeout(&mut buffer, ms(2)).is_ok() {
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    format!("ok reads={}", reads.load(Ordering::Relaxed))
}

/// Runs until its input ends or it is told to leave.
pub(crate) fn run(role_text: &str, name: &str, options: &Options) -> ! {
    if options.has("later") {
        answer("waiting");
        let _ = io::stdin().read_line(&mut String::new()); // whatever comes is the signal
    }
    let mut endpoint = match builder(role_text, name, options).open() {
        Ok(endpoint) => Some(endpoint),
        Err(error) => {
            answer(&failure(&error));
            process::exit(1)
        }
    };
    if let Some(endpoint) = endpoint.as_ref().filter(|_| options.has("poll")) {
        endpoint.set_wakeup_mode(WakeupMode::Poll);
    }
    answer(&format!("ok {:?}", endpoint.as_ref().expect("open").role()));
    let mut more = Vec::new();
    serve(|verb, rest| {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| words[index].parse::<u64>().expect("a number");
        match verb {
            "open" | "also" => {
                let opened = builder(words[0], words[1], options).open();
                return Some(told(opened.map(|opened| {
                    if verb == "open" {
                        endpoint = Some(opened)
                    } else {
                        more.push(opened)
                    }
                    String::new()
                })));
            }
            "close" => {
                drop(endpoint.take());
                more.clear();
                return Some("ok".to_owned());
            }
            "leave" => {
                drop(endpoint.take());
                answer("ok");
                die()
            }
            "die" => return None,
            "exec" => {
                answer("ok");
                panic!("{}", process::Command::new("cat").exec()) // returns only if it fails
            }
            _ => {}
        }
        let e = endpoint.as_ref().expect("an open handle");
        Some(match verb {
            "write" => told(e.write(rest.as_bytes()).map(|()| String::new())),
            "read" => read(e, 1 << 16, rest),
            "read-into" => read(e, number(0) as usize, words[1]),
            "alive" => told(e.remote_alive().map(|alive| alive.to_string())),
            "role" => format!("ok {:?}", e.role()),
            "capacity" => told(e.capacity().map(|bytes| bytes.to_string())),
            "beat" => told(e.update_heartbeat().map(|()| String::new())),
            "stats" => told(stats(e)),
            "flood" => told(flood(e, number(0), number(1) as usize)),
            "drain" => drain(e, number(0)),
            "serve-reads" => told(echo(e, number(0))),
            "crowd" => crowd(e, number(0)),
            "pid-switches" => format!("ok count={}", tasks::sleeps(process::id(), process::id())),
            "block-usr1" => {
                block_usr1();
                "ok".to_owned()
            }
            "handle-usr1" => {
                handle_usr1();
                "ok".to_owned()
            }
            "usr1" => format!("ok count={}", SIGNALS.load(Ordering::Relaxed)),
            #[cfg(eshm_failpoints)]
            "arm" => eshm::failpoint::arm(rest).map_or_else(|error| error, |()| "ok".to_owned()),
            "chroot" => go_into(rest),
            "fork" => forks::run(&mut endpoint, rest),
            _ => format!("no command {verb:?}"),
        })
    })
}
