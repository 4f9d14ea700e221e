//! `bench`: what this machine can do at best, and what a pair does on it.

use crate::{
    exit::Exit,
    failure::Failure,
    histogram,
    name::Name,
    progress::Progress,
    say,
    side::{self, As, SideArgs},
    stop::{self, Limit},
    tell, time,
    trips::{self, Wanted},
};
use serde_json::json;
use std::{
    env, process,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Measure this machine: one cache line's exchange, and a pair's round trip.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Time for all of it; a bare number is seconds.
    #[arg(
        long = "for",
        value_name = time::VALUE,
        default_value = "10s",
        value_parser = time::seconds
    )]
    time: Duration,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A process that is ended with this.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // SAFETY: a child of ours that has not been waited for.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGTERM) };
        let _ = self.0.wait();
    }
}

/// Sizes of messages measured.
const SIZES: [usize; 3] = [32, 256, 4096];

/// Nanoseconds that no bare exchange takes on idle processors.
const BUSY: f64 = 1000.0;

/// How long the echo may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

fn silent() -> Failure {
    if stop::asked() {
        return Failure::new("stopped by a signal before all was measured; run it again");
    }
    Failure::new("the echo process did not answer; `eshmctl doctor` checks the usual causes")
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let progress = Progress::new();
    progress.now("1 of 4: one cache line between two processors");
    let part = args.time / (SIZES.len() + 1) as u32;
    let limit = one_line(part);
    let name = Name::of_file(format!("eshmctl_bench_{}", process::id()).into_bytes());
    let side = SideArgs { name: name.clone(), capacity: SIZES[SIZES.len() - 1], replace: false };
    let endpoint = side::open(&side, As::Master)?;
    let echo = Command::new(env::current_exe()?)
        // It ends by itself where we cannot end it.
        .args(["echo", &name.to_string(), "--for", &(args.time.as_secs() * 2 + 60).to_string()])
        .env("ESHM_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let _echo = Helper(echo);
    if !trips::await_echo(&endpoint, &name, SIZES[0], PATIENCE)? {
        return Err(silent());
    }
    let mut rows = Vec::new();
    for (i, size) in SIZES.into_iter().enumerate() {
        progress.now(&format!("{} of 4: round trips of {size} bytes", i + 2));
        let limit = Limit::after(Some(part));
        let start = Instant::now();
        let wanted = Wanted { size, count: u64::MAX, pause: Duration::ZERO, gone: PATIENCE, limit };
        let done = trips::run(&endpoint, &name, wanted, |_| {})?;
        if done.deserted {
            return Err(silent());
        }
        rows.push((size, start.elapsed().as_secs_f64(), done.times, done.lost));
    }
    progress.done();
    if args.json {
        let trips: Vec<_> = rows
            .iter()
            .map(|(size, seconds, times, lost)| {
                json!({ "size": size, "trips": times.len(), "lost": lost,
                        "per_second": times.len() as f64 / seconds,
                        "p50_ns": times.percentile(0.5), "p99_ns": times.percentile(0.99),
                        "max_ns": times.max() })
            })
            .collect();
        say!("{}", json!({ "line_ns": limit, "trips": trips }));
        return Ok(Exit::Fine);
    }
    say!("one cache line there and back, no library: {limit:.0} ns");
    say!(
        "{:>6} {:>12} {:>10} {:>10} {:>10} {:>6}",
        "bytes",
        "a second",
        "p50",
        "p99",
        "max",
        "limit"
    );
    for (size, seconds, times, _) in &rows {
        let per_second = times.len() as f64 / seconds;
        let shown =
            [times.percentile(0.5), times.percentile(0.99), times.max()].map(histogram::time);
        let ratio = times.percentile(0.5) as f64 / limit;
        say!(
            "{size:>6} {per_second:>12.0} {:>10} {:>10} {:>10} {ratio:>5.1}x",
            shown[0],
            shown[1],
            shown[2]
        );
    }
    say!(
        "limit: p50 as a multiple of the bare exchange; each time includes reading the clock twice"
    );
    if limit > BUSY {
        tell!(
            "the bare exchange took long: other processes keep the processors busy; run it again \
             when they are idle"
        );
    }
    Ok(Exit::Fine)
}

/// Two threads hand one word to and fro; nanoseconds for there and back, the median of a few dozen
/// runs.
fn one_line(time: Duration) -> f64 {
    /// Exchanges to a run.
    const RUN: u64 = 20_000;
    /// Tells the other thread to end.
    const END: u64 = u64::MAX;
    #[repr(align(128))]
    struct Line(AtomicU64);
    let line = Line(AtomicU64::new(0));
    let mut runs = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match line.0.load(Ordering::Acquire) {
                    END => return,
                    odd if odd % 2 == 1 => line.0.store(odd + 1, Ordering::Release),
                    _ => std::hint::spin_loop(),
                }
            }
        });
        let (begin, mut value) = (Instant::now(), 0);
        let is_over = || begin.elapsed() >= time || stop::asked();
        while runs.is_empty() || !is_over() && runs.len() < 1000 {
            let (start, mut exchanges) = (Instant::now(), 0);
            // Beside busy processes an exchange takes milliseconds: then a run is cut short.
            while exchanges < RUN && (exchanges == 0 || exchanges % 64 != 0 || !is_over()) {
                exchanges += 1;
                line.0.store(value + 1, Ordering::Release);
                value += 2;
                while line.0.load(Ordering::Acquire) != value {
                    std::hint::spin_loop();
                }
            }
            runs.push(start.elapsed().as_nanos() as f64 / exchanges as f64);
        }
        line.0.store(END, Ordering::Release);
    });
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}
