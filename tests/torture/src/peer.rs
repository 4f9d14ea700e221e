//! `torture peer`: one end in a process of its own, that exchanges messages without a pause and is told by lines what else to do.
//!
//! ```text
//! arm PLAN             where to die: ok
//! work WRITE READ LOW HIGH   microseconds between writes (0 flat out, -1 none), timeout of reads (-1 mixed), sizes: ok
//! exchanged AUTHOR MS  waits until a message of that peer came which had read one of ours: ok NANOSECONDS | no
//! heard AUTHOR         ok N: how many messages of that peer came
//! probe MS             one write and a read that finds nothing, without a peer: ok read=US write=US bad=N
//! status               ok writes=N reads=N ...
//! reopen               a clean exit and a new start in the same process: ok
//! leave                a clean exit: ok
//! ```

use crate::{
    plan,
    port::{Opening, Port},
    traffic::{self, Settings, Traffic},
};
use eshm_processes::ms;
use std::{
    io::{self, BufRead, Write},
    process,
    sync::{
        PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

fn answer(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush()); // nobody listens any more: nobody to tell
}

fn status(traffic: &Traffic) -> String {
    let seen = &traffic.seen;
    format!(
        "ok writes={} reads={} refused={} torn={} repeated={} wrong={} late={} latest={} overdue={}",
        seen.writes.load(SeqCst),
        seen.reads.load(SeqCst),
        seen.refused.load(SeqCst),
        seen.torn.load(SeqCst),
        seen.repeated.load(SeqCst),
        seen.wrong.load(SeqCst),
        seen.late.load(SeqCst),
        seen.latest.load(SeqCst),
        traffic.overdue()
    )
}

fn exchanged(traffic: &Traffic, author: u64, timeout: Duration) -> String {
    let start = Instant::now();
    loop {
        let found = traffic.seen.exchanged.lock().unwrap_or_else(PoisonError::into_inner).get(&author).copied();
        match found {
            Some(when) => return format!("ok {when}"),
            None if start.elapsed() > timeout => return "no".to_owned(),
            None => thread::sleep(Duration::from_micros(300)),
        }
    }
}

/// Closes the port once the calls on it are over.
fn close(traffic: &Traffic) {
    traffic.settings.paused.store(true, SeqCst);
    if let Some(port) = traffic.port.write().unwrap_or_else(PoisonError::into_inner).take() {
        port.close();
    }
}

/// Runs until its input ends or it is told to leave.
pub(crate) fn run(opening: &Opening, author: u64, threads: usize) -> ! {
    // SAFETY: sets a flag of this process: it is to end with the one that started it.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    plan::from_environment();
    let port = Port::open(opening).unwrap_or_else(|error| {
        answer(&format!("error {error}"));
        process::exit(1)
    });
    let opened = traffic::now();
    let settings = Settings {
        write_pause: AtomicI64::new(300),
        smallest: AtomicU64::new(crate::frame::HEADER as u64),
        largest: AtomicU64::new(4096),
        read_timeout: AtomicI64::new(-1),
        paused: AtomicBool::new(false),
    };
    let traffic = Traffic::start(port, author, threads, settings, opening);
    answer(&format!("ok {opened}"));
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok()).unwrap_or(0);
        match words.first().copied().unwrap_or("") {
            "arm" => answer(&plan::arm(words.get(1).copied().unwrap_or("")).map_or_else(|e| e, |()| "ok".to_owned())),
            "work" => {
                traffic.settings.smallest.store(0, SeqCst); // never above the largest meanwhile
                traffic.settings.largest.store(number(4) as u64, SeqCst);
                traffic.settings.smallest.store(number(3) as u64, SeqCst);
                traffic.settings.write_pause.store(number(1), SeqCst);
                traffic.settings.read_timeout.store(number(2), SeqCst);
                answer("ok");
            }
            "exchanged" => answer(&exchanged(&traffic, number(1) as u64, ms(number(2) as u64))),
            "heard" => answer(&format!("ok {}", traffic.heard(number(1) as u64))),
            "probe" => answer(&traffic.probe(number(1) as u32)),
            "status" => answer(&status(&traffic)),
            "reopen" => {
                close(&traffic);
                match Port::open(opening) {
                    Ok(port) => {
                        *traffic.port.write().unwrap_or_else(PoisonError::into_inner) = Some(port);
                        traffic.settings.paused.store(false, SeqCst);
                        answer("ok");
                    }
                    Err(error) => answer(&error),
                }
            }
            "leave" => {
                close(&traffic);
                answer("ok");
                break;
            }
            other => answer(&format!("no command {other:?}")),
        }
    }
    // SAFETY: does not return and runs nothing: the threads go on until the end.
    unsafe { libc::_exit(0) }
}
