//! `torture soak`: several channels side by side under mixed traffic, with kills, stops, clean exits and restarts.

use crate::{arguments::Arguments, channel::Channel};
use eshm_processes::tasks::{self, Resources};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// What all channels did.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    /// Of masters, of slaves.
    pub(crate) kills: [AtomicU64; 2],
    pub(crate) stops: AtomicU64,
    pub(crate) exits: AtomicU64,
    pub(crate) starts: AtomicU64,
    torn: AtomicU64,
    repeated: AtomicU64,
    failures: AtomicU64,
    threads: AtomicUsize,
    files: AtomicUsize,
    maps: AtomicUsize,
    /// Microseconds from a start until both sides had read each other.
    times: Mutex<Vec<u64>>,
}

impl Totals {
    /// Counts messages that were torn or came again; whether there were any.
    pub(crate) fn found_bad(&self, (torn, repeated): (u64, u64)) -> bool {
        self.torn.fetch_add(torn, SeqCst);
        self.repeated.fetch_add(repeated, SeqCst);
        torn + repeated > 0
    }

    /// Notes one exchange.
    pub(crate) fn exchanged(&self, microseconds: u64) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(microseconds);
    }

    /// Notes what one peer holds.
    pub(crate) fn most(&self, held: Resources) {
        self.threads.fetch_max(held.threads, SeqCst);
        self.files.fetch_max(held.files, SeqCst);
        self.maps.fetch_max(held.maps, SeqCst);
    }

    fn line(&self) -> String {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        let at = |index: usize| times.get(index).copied().unwrap_or(0) as f64 / 1000.0;
        let get = |count: &AtomicU64| count.load(SeqCst);
        format!(
            "{} writes, {} reads, {} masters and {} slaves killed, {} stops, {} clean exits, {} starts; exchange after a start: \
             median {:.1} ms, longest {:.1} ms; torn {}, repeated {}; a peer holds at most {} threads, {} segments open, {} mapped; {} failures",
            get(&self.writes),
            get(&self.reads),
            get(&self.kills[0]),
            get(&self.kills[1]),
            get(&self.stops),
            get(&self.exits),
            get(&self.starts),
            at(times.len() / 2),
            at(times.len().saturating_sub(1)),
            get(&self.torn),
            get(&self.repeated),
            self.threads.load(SeqCst),
            self.files.load(SeqCst),
            self.maps.load(SeqCst),
            get(&self.failures),
        )
    }
}

/// One channel until it is over. A failure is printed, and the channel begins anew.
fn lane(totals: &Totals, seed: u64, lanes: u64, lane: u64, over: &AtomicBool) {
    for life in 0.. {
        if over.load(SeqCst) {
            return;
        }
        let index = life * lanes + lane;
        let fail = |doing: &str, error: &str, logs: &str| {
            eprintln!("FAILED as {doing}, channel {index} of seed {seed}: {error}\n{logs}");
            if totals.failures.fetch_add(1, SeqCst) >= 20 {
                over.store(true, SeqCst); // enough to look at
            }
        };
        let mut channel = match Channel::start(totals, seed, index) {
            Ok(channel) => channel,
            Err(error) => {
                fail("it starts", &error, "");
                continue;
            }
        };
        let result = loop {
            if over.load(SeqCst) {
                break Ok(());
            }
            if let Err(error) = channel.round() {
                break Err(error);
            }
        };
        match result {
            Err(error) => fail(&channel.doing, &error, &channel.logs()),
            Ok(()) => {
                if let Err(error) = channel.finish() {
                    fail("it ends", &error, "");
                }
            }
        }
    }
}

/// Runs for the time asked; whether nothing failed.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    crate::interrupt::catch();
    let seconds = arguments.number("seconds").unwrap_or(1200);
    let lanes = arguments.number("channels").unwrap_or(4);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = arguments.number("seed").unwrap_or(now.as_secs());
    let (totals, over, start) = (Totals::default(), AtomicBool::new(false), Instant::now());
    let before = tasks::resources(std::process::id());
    thread::scope(|scope| {
        for index in 0..lanes {
            let (totals, over) = (&totals, &over);
            scope.spawn(move || lane(totals, seed, lanes, index, over));
        }
        let mut said = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds) && !over.load(SeqCst) && !crate::interrupt::requested() {
            thread::sleep(Duration::from_millis(50));
            if said.elapsed() >= Duration::from_secs(10) {
                said = Instant::now();
                println!("{:5} s: {}", start.elapsed().as_secs(), totals.line());
            }
        }
        over.store(true, SeqCst);
    });
    let failures = totals.failures.load(SeqCst);
    let verdict = if failures == 0 { "passed" } else { "FAILED" };
    let after = tasks::resources(std::process::id());
    println!("soak {verdict}: {} s, {lanes} channels, seed {seed}: {}", start.elapsed().as_secs(), totals.line());
    if after.all_files > before.all_files {
        return Err(format!("this program itself holds {after:?}, at first {before:?}"));
    }
    Ok(failures == 0)
}
