//! `peer`: one end of a segment in a process of its own, driven by one command a line on standard input, each answered
//! by one line on standard output. It dies with the process that started it.
//!
//! ```text
//! peer ours     master|slave|auto NAME [--threshold=MS] [--wait=MS] [--retry=MS] [--attempts=N] [--behavior=immediately|
//!               on_timeout|never] [--capacity=N] [--exact-capacity]
//!               [--wait-for-master=MS] [--first-value] [--poll] [--no-threads] [--no-cleanup] [--later]
//! peer released master|slave NAME [--protocol=2|3] [--capacity=N] [--threshold=MS] [--takeover] [--replace] [--no-heartbeat]
//!               [--until=open|size|magic|version]
//! peer refused  master|slave|auto NAME      opens nothing, and succeeds if that was refused
//! peer races    auto|master NAME --on=nothing|ours|released|slave --rounds=N
//! peer faults   - NAME
//! peer reader   - NAME --bytes=0|1|2|whole|each [--owner=file|process] [--again]
//! ```
//!
//! With `--in-second-thread` all this happens there, and the first one ends by the command `end-first-thread`.
//!
//! The commands are listed where they are carried out: `ours`, `released`, `races`, `faults` and `reader`.

mod actor;
mod faults;
mod forks;
mod options;
mod ours;
mod races;
mod reader;
mod released;
mod released_io;
mod seccomp;

use eshm_processes::{tasks, until};
use options::Options;
use std::{
    env,
    io::{self, BufRead, Write},
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// The first thread is to end.
static ENDS: AtomicBool = AtomicBool::new(false);

/// Kills this process when the one that started it ends.
fn die_with_parent() {
    // SAFETY: sets a flag of this process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Prints an answer.
fn answer(line: &str) {
    let mut out = io::stdout().lock();
    // Nobody listens any more: there is nobody to tell either.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Ends the process with nothing cleaned up.
fn die() -> ! {
    // SAFETY: does not return and runs nothing.
    unsafe { libc::_exit(0) }
}

/// Carries out the commands on standard input until it ends. A command that gives no answer ends the process.
fn serve(mut command: impl FnMut(&str, &str) -> Option<String>) -> ! {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        if verb == "end-first-thread" {
            ENDS.store(true, Ordering::Relaxed);
            until("it has ended", || tasks::state(process::id()) == Some('Z'));
            answer("ok");
            continue;
        }
        match command(verb, rest) {
            Some(text) => answer(&text),
            None => break,
        }
    }
    die()
}

fn main() {
    die_with_parent();
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !arguments.iter().any(|word| word == "--in-second-thread") {
        run(&arguments);
    }
    thread::spawn(move || {
        die_with_parent();
        run(&arguments)
    });
    while !ENDS.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(1));
    }
    // SAFETY: ends this thread alone, of which no other uses anything.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

fn run(arguments: &[String]) -> ! {
    let [kind, role, name, rest @ ..] = arguments else {
        eprintln!("usage: peer ours|released master|slave|auto NAME [options]");
        process::exit(2)
    };
    let options = Options::new(rest);
    match kind.as_str() {
        "ours" => ours::run(role, name, &options),
        "released" => released::run(role, name, &options),
        "races" => races::run(role, name, &options),
        "faults" => faults::run(name),
        "reader" => reader::run(name, &options),
        "refused" => {
            let role = ["master", "slave", "auto"].iter().position(|known| known == role).map_or(-1, |at| at as i32);
            process::exit(eshm_processes::c::Handle::init(name, role).is_some().into())
        }
        _ => process::exit(2),
    }
}
