//! `torture kills`: sessions side by side until enough peers of each side were killed.

use crate::{
    arguments::Arguments,
    plan,
    points::Point,
    port::Kind,
    process::value,
    random::Random,
    session::Session,
    state::{Key, State, Tally},
    traffic,
};
use std::{
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// What the sessions share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Microseconds of this run's exchanges.
    times: Mutex<Vec<u64>>,
    /// Kills wanted of each side.
    goal: u64,
    /// The sides of the victims.
    sides: Vec<String>,
    /// The one point wanted, if not all.
    only: Option<String>,
    stop: AtomicBool,
    failures: AtomicU64,
    writes: AtomicU64,
    reads: AtomicU64,
    late: AtomicU64,
    latest: AtomicU64,
    torn: AtomicU64,
    repeated: AtomicU64,
    /// Released writers that came behind half a message.
    behind: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Changes the tally of a kind.
    pub(crate) fn count(&self, key: &Key, change: impl FnOnce(&mut Tally)) {
        change(lock(&self.state).at(key));
    }

    /// Counts an exchange that took so many microseconds.
    pub(crate) fn recovered(&self, key: &Key, took: u64, allowed: u64) {
        self.count(key, |tally| {
            tally.recoveries += 1;
            tally.overruns += u64::from(took > allowed);
            tally.longest = tally.longest.max(took);
        });
        lock(&self.times).push(took);
    }

    /// The point that was tried least; `None` if the one wanted is not among them.
    pub(crate) fn choose(&self, random: &mut Random, from: &[Point], key: impl Fn(&str) -> Key) -> Option<Point> {
        let mut state = lock(&self.state);
        let mut tries = |point: &Point| {
            let tally = *state.at(&key(point.name));
            // The killer's own instants are never alike.
            let weight = if matches!(point.name, crate::points::RANDOM | crate::points::EARLY) { 6 } else { 1 };
            (tally.kills + tally.missed) / weight
        };
        let wanted = |point: &&Point| self.only.as_deref().is_none_or(|only| only == point.name);
        let mut counted: Vec<_> = from.iter().filter(wanted).map(|point| (tries(point), random.next(), *point)).collect();
        counted.sort_by_key(|&(tries, order, _)| (tries, order));
        counted.first().map(|&(_, _, point)| point)
    }

    /// Counts messages that were torn or came again; whether there were any.
    pub(crate) fn found_bad(&self, (torn, repeated): (u64, u64)) -> bool {
        self.torn.fetch_add(torn, SeqCst);
        self.repeated.fetch_add(repeated, SeqCst);
        torn + repeated > 0
    }

    /// Counts a released writer that comes behind half a message.
    pub(crate) fn came_behind(&self) {
        self.behind.fetch_add(1, SeqCst);
    }

    /// Notes by how many milliseconds a call outlasted its limit.
    pub(crate) fn returned(&self, beyond: i64) {
        self.late.fetch_add(u64::from(beyond > traffic::LATE as i64), SeqCst);
        self.latest.fetch_max(beyond.max(0) as u64, SeqCst);
    }

    /// Adds what a survivor did in all.
    pub(crate) fn add(&self, status: &str, ours: bool) {
        self.writes.fetch_add(value(status, "writes") as u64, SeqCst);
        self.reads.fetch_add(value(status, "reads") as u64, SeqCst);
        if ours {
            self.late.fetch_add(value(status, "late") as u64, SeqCst);
            self.latest.fetch_max(value(status, "latest") as u64, SeqCst);
        }
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(SeqCst)
            || crate::interrupt::requested()
            || self.sides.iter().all(|side| lock(&self.state).kills_of(side) >= self.goal)
    }

    fn line(&self) -> String {
        let state = lock(&self.state);
        let all = |of: fn(&Tally) -> u64| state.sum(|_| true, of);
        let at_random = state.sum(|key| matches!(key.point.as_str(), "random" | "early"), |tally| tally.kills);
        let mut times = lock(&self.times).clone();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or(0);
        let longest = state.kinds.values().map(|tally| tally.longest).max().unwrap_or(0);
        format!(
            "{} masters and {} slaves killed ({at_random} at random instants); {} recoveries, median {:.1} ms, longest {:.1} ms, \
             {} overruns; {} late calls, longest {} ms beyond its limit; \
             torn {}, repeated {}; {} failures",
            state.kills_of("master"),
            state.kills_of("slave"),
            all(|tally| tally.recoveries),
            median as f64 / 1000.0,
            longest as f64 / 1000.0,
            all(|tally| tally.overruns),
            self.late.load(SeqCst),
            self.latest.load(SeqCst),
            self.torn.load(SeqCst),
            self.repeated.load(SeqCst),
            all(|tally| tally.failures),
        )
    }

    /// Runs session after session.
    fn lane(&self, arguments: &Arguments, lane: u64) {
        let first = arguments.number("seed").unwrap_or_else(seed_of_now).wrapping_add(lane << 32);
        for session in 0.. {
            let seed = first.wrapping_add(session);
            let mut random = Random::new(seed ^ 0x5EED);
            let fewer = {
                let state = lock(&self.state);
                state.kills_of("master") <= state.kills_of("slave")
            };
            let side = arguments.get("side").unwrap_or(if fewer { "master" } else { "slave" });
            let drawn = random.below(100);
            let survivor = match arguments.get("survivor").and_then(Kind::parse) {
                Some(kind) => kind,
                None if drawn < 60 => Kind::Ours,
                None if drawn < 70 => Kind::Threadless,
                None if drawn < 85 => Kind::Released(2),
                None => Kind::Released(3),
            };
            let mixed = survivor.is_ours() && arguments.get("mixed").map_or(random.chance(40), |text| text == "yes");
            let rounds = arguments.number("rounds").unwrap_or(40);
            if self.is_over() {
                return;
            }
            self.session(seed, side, survivor, mixed, rounds);
        }
    }

    fn session(&self, seed: u64, side: &str, survivor: Kind, mixed: bool, rounds: u64) {
        let begun = Session::start(self, seed, side == "master", survivor, mixed);
        let mut session = match begun {
            Ok(session) => session,
            Err(error) => return self.fail(seed, side, survivor, mixed, "start", &error, ""),
        };
        for _ in 0..rounds {
            if self.is_over() {
                break;
            }
            if let Err(error) = session.round() {
                return self.fail(seed, side, survivor, mixed, session.point, &error, &session.logs());
            }
        }
        if let Err(error) = session.finish() {
            self.fail(seed, side, survivor, mixed, "finish", &error, "");
        }
    }

    #[allow(clippy::too_many_arguments, reason = "all that repeats it")]
    fn fail(&self, seed: u64, side: &str, survivor: Kind, mixed: bool, point: &str, error: &str, logs: &str) {
        let (survivor, mixed) = (survivor.name(), if mixed { "yes" } else { "no" });
        eprintln!(
            "FAILED at {point}: {error}\n{logs}\nrepeat with: torture kills --seed={seed} --side={side} --survivor={survivor} \
             --mixed={mixed} --lanes=1 --kills=40"
        );
        let (side, victim) = (side.to_owned(), "any".to_owned());
        let key = Key { side, victim, survivor: survivor.to_owned(), point: point.to_owned() };
        self.count(&key, |tally| tally.failures += 1);
        if self.failures.fetch_add(1, SeqCst) >= 20 {
            self.stop.store(true, SeqCst); // enough to look at
        }
    }
}

fn seed_of_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_millis() as u64) << 8 & 0xFFFF_FFFF
}

/// Runs until enough were killed; whether nothing failed.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    if !plan::is_armed_build() {
        return Err(
            "built without failpoints: RUSTFLAGS=\"--cfg eshm_failpoints\" --target-dir target/failpoints".to_owned()
        );
    }
    let state = State::open(arguments.get("state").map(Path::new)).map_err(|error| error.to_string())?;
    let shared = Shared {
        state: Mutex::new(state),
        times: Mutex::default(),
        goal: arguments.number("kills").unwrap_or(2000),
        sides: arguments
            .get("side")
            .map_or(vec!["master", "slave"], |side| vec![side])
            .iter()
            .map(|&s| s.to_owned())
            .collect(),
        only: arguments.get("point").map(str::to_owned),
        stop: AtomicBool::new(false),
        failures: AtomicU64::new(0),
        writes: AtomicU64::new(0),
        reads: AtomicU64::new(0),
        late: AtomicU64::new(0),
        latest: AtomicU64::new(0),
        torn: AtomicU64::new(0),
        repeated: AtomicU64::new(0),
        behind: AtomicU64::new(0),
    };
    crate::interrupt::catch();
    let start = Instant::now();
    let lanes = arguments.number("lanes").unwrap_or(3);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes)
            .map(|lane| {
                scope.spawn({
                    let shared = &shared;
                    move || shared.lane(arguments, lane)
                })
            })
            .collect();
        let mut said = Instant::now();
        while lanes.iter().any(|lane| !lane.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            if said.elapsed() >= Duration::from_secs(10) {
                said = Instant::now();
                println!("{:5} s: {}", start.elapsed().as_secs(), shared.line());
                save(&shared);
            }
        }
    });
    save(&shared);
    never_reached(&shared);
    let (writes, reads) = (shared.writes.load(SeqCst), shared.reads.load(SeqCst));
    let failures = shared.failures.load(SeqCst);
    let verdict = if failures == 0 { "passed" } else { "FAILED" };
    let behind = shared.behind.load(SeqCst);
    println!(
        "kills {verdict}: {}; survivors wrote {writes} and read {reads} messages in this run, in which {behind} released writers \
         came behind half a message",
        shared.line()
    );
    Ok(failures == 0)
}

/// Says which points no victim of a kind ever died at, though some tried.
fn never_reached(shared: &Shared) {
    let state = lock(&shared.state);
    let names: std::collections::BTreeSet<_> = state.kinds.keys().map(|key| (key.side.clone(), key.point.clone())).collect();
    for (side, point) in names {
        let of = |of: fn(&Tally) -> u64| state.sum(|key| key.side == side && key.point == point, of);
        if of(|tally| tally.kills) == 0 && of(|tally| tally.missed) > 0 {
            println!("no {side} came by {point} in {} tries", of(|tally| tally.missed));
        }
    }
}

fn save(shared: &Shared) {
    if let Err(error) = lock(&shared.state).save() {
        eprintln!("cannot save the counts: {error}");
    }
}
