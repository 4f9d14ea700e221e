//! `torture slaves`: two slaves, each in a pid namespace of its own, write beside each other to one
//! master, which writes to both. One after the other is killed, then stopped and continued.

use crate::{
    arguments::Arguments,
    port::{Kind, Opening},
    process::{Process, value},
    random::Random,
};
use eshm_processes::{Name, Raw, eventually, ms, sandbox::has_pid_namespaces};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

/// The longest until a peer hears another that may write, in milliseconds.
const EXCHANGE: u64 = 10_000;
/// Milliseconds that a call may be overdue in a process that was not stopped lately.
const HANG: i64 = 3000;
/// The longest stop, in microseconds.
const LONGEST_STOP: u64 = 300_000;
/// Place of the master among the three.
const MASTER: usize = 2;
const ROLES: [&str; 3] = ["slave", "slave", "master"];

/// What is asked for, and what was done.
struct Loop {
    seed: u64,
    capacity: usize,
    /// The slaves live in this pid namespace, all the same.
    here: bool,
    /// The next one comes as soon as one is killed.
    at_once: bool,
    wanted: [u64; 2],
    /// Kills and stops.
    done: [AtomicU64; 2],
    writes: AtomicU64,
    reads: AtomicU64,
    torn: AtomicU64,
    repeated: AtomicU64,
    /// Peers that another never heard, though both were there.
    lost: AtomicU64,
    failures: AtomicU64,
    over: AtomicBool,
}

impl Loop {
    fn is_done(&self, what: usize) -> bool {
        self.done[what].load(SeqCst) >= self.wanted[what]
    }

    fn is_over(&self) -> bool {
        self.over.load(SeqCst) || crate::interrupt::requested() || self.is_done(0) && self.is_done(1)
    }

    fn line(&self) -> String {
        let get = |count: &AtomicU64| count.load(SeqCst);
        format!(
            "{} kills, {} stops; torn {}, repeated {}, lost {}; {} failures",
            get(&self.done[0]),
            get(&self.done[1]),
            get(&self.torn),
            get(&self.repeated),
            get(&self.lost),
            get(&self.failures)
        )
    }

    /// Trio after trio.
    fn lane(&self, lane: u64) {
        for life in 0.. {
            if self.is_over() {
                return;
            }
            let seed = self.seed.wrapping_add(lane << 32).wrapping_add(life);
            let mut trio = Trio::new(self, seed);
            let mut result = trio.begin();
            while result.is_ok() && !self.is_over() {
                result = trio.round();
            }
            if let Err(error) = result.and_then(|()| trio.finish()) {
                eprintln!("FAILED as {}, seed {seed}: {error}\n{}", trio.doing, trio.logs());
                if self.failures.fetch_add(1, SeqCst) >= 20 {
                    self.over.store(true, SeqCst); // enough to look at
                }
            }
        }
    }
}

/// Two slaves and their master.
struct Trio<'a> {
    shared: &'a Loop,
    random: Random,
    peers: [Option<Process>; 3],
    /// Dropped after the peers: a master that lives makes its name anew.
    name: Name,
    authors: u64,
    /// What is going on, for a report.
    doing: String,
}

impl<'a> Trio<'a> {
    fn new(shared: &'a Loop, seed: u64) -> Trio<'a> {
        let name = Name::from(format!("slaves_{}_{seed:x}", std::process::id()));
        let peers = [None, None, None];
        Trio { shared, random: Random::new(seed), name, peers, authors: 0, doing: "start".to_owned() }
    }

    fn begin(&mut self) -> Result<(), String> {
        for place in [MASTER, 0, 1] {
            self.bring(place)?;
        }
        self.all_hear_all()
    }

    /// Starts the one of a place, where nobody is.
    fn bring(&mut self, place: usize) -> Result<(), String> {
        let kind = if self.random.chance(80) { Kind::Ours } else { Kind::Threadless };
        let retry = self.random.pick(&[0, 1, 10]);
        let opening = Opening {
            capacity: self.shared.capacity,
            // The two may have the same number, each in its own namespace, or one that is taken here.
            apart: (place != MASTER && !self.shared.here).then(|| self.random.below(8)),
            beside: place == MASTER,
            poll: self.random.chance(20),
            ..Opening::new(kind, ROLES[place], self.name.as_str(), retry)
        };
        self.authors += 1;
        let mut process = Process::launch(&opening, self.authors, 1, "");
        if !process.greeted()? {
            return Err(format!("{} died unasked\n{}", process.describe(), process.log()));
        }
        self.peers[place] = Some(process);
        self.work(place)
    }

    /// Another way to go about it: flat out or with pauses, with large messages or small ones.
    fn work(&mut self, place: usize) -> Result<(), String> {
        let pause = self.random.pick(&[0, 0, 100, 1000]);
        let timeout = self.random.pick(&[-1, -1, 20, 50]);
        let largest = self.shared.capacity;
        let smallest = self.random.pick(&[24, largest / 16, largest / 2]).max(24);
        let Some(peer) = &mut self.peers[place] else { return Ok(()) };
        peer.ask(&format!("work {pause} {timeout} {smallest} {largest}")).map(drop)
    }

    /// Waits until the master hears each slave anew that is there, and each slave the master.
    fn all_hear_all(&mut self) -> Result<(), String> {
        for (by, of) in [(MASTER, 0), (MASTER, 1), (0, MASTER), (1, MASTER)] {
            let Some(author) = self.peers[of].as_ref().map(|peer| peer.author) else { continue };
            let Some(peer) = &mut self.peers[by] else { continue };
            let mut heard = || peer.ask(&format!("heard {author}")).map(|answer| answer["ok ".len()..].to_owned());
            let before = heard()?;
            let mut last = Ok(before.clone());
            let more = eventually(ms(EXCHANGE), || {
                last = heard();
                last.as_ref().map_or(true, |now| *now != before)
            });
            last?;
            if !more {
                self.shared.lost.fetch_add(1, SeqCst);
                let what = format!("the {} of place {by} does not hear the {} of {of}", ROLES[by], ROLES[of]);
                return Err(format!("{what}\n{}", self.facts()));
            }
        }
        Ok(())
    }

    /// Something befalls one of them, at a random instant; then all are looked at.
    fn round(&mut self) -> Result<(), String> {
        thread::sleep(Duration::from_micros(self.random.below(15_000)));
        let place = if self.random.chance(10) { MASTER } else { self.random.below(2) as usize };
        let stops = self.shared.is_done(0);
        if stops {
            let time = self.random.below(LONGEST_STOP);
            self.doing = format!("the {} of place {place} is stopped for {time} us", ROLES[place]);
            let Some(peer) = &mut self.peers[place] else { return Ok(()) };
            peer.signal(libc::SIGSTOP);
            thread::sleep(Duration::from_micros(time));
            peer.signal(libc::SIGCONT);
        } else {
            self.doing = format!("the {} of place {place} is killed", ROLES[place]);
            let Some(mut peer) = self.peers[place].take() else { return Ok(()) };
            if !peer.kill() {
                return Err(format!("{} died unasked\n{}", peer.describe(), peer.log()));
            }
            self.judge(&peer)?;
            // Who comes before a half-written message is repaired could be writing it, for all that the
            // other slave knows.
            if !self.shared.at_once {
                self.all_hear_all()?;
            }
            self.bring(place)?;
        }
        self.shared.done[usize::from(stops)].fetch_add(1, SeqCst);
        self.all_hear_all()?;
        self.look()?;
        let place = self.random.below(3) as usize;
        self.work(place)
    }

    /// Fails if a peer has seen what no peer may see.
    fn judge(&self, peer: &Process) -> Result<(), String> {
        let (torn, repeated) = peer.found_bad();
        self.shared.torn.fetch_add(torn, SeqCst);
        self.shared.repeated.fetch_add(repeated, SeqCst);
        match torn + repeated {
            0 => Ok(()),
            _ => Err(format!("{} read {torn} torn messages and {repeated} again\n{}", peer.describe(), peer.log())),
        }
    }

    fn look(&mut self) -> Result<(), String> {
        for place in 0..3 {
            let Some(mut peer) = self.peers[place].take() else { continue };
            let status = peer.status()?;
            self.judge(&peer)?;
            if value(&status, "wrong") != 0 || value(&status, "overdue") > HANG {
                return Err(format!("{}: {status}", peer.describe()));
            }
            self.peers[place] = Some(peer);
        }
        Ok(())
    }

    /// Clean exits, the master's last, and no name left.
    fn finish(&mut self) -> Result<(), String> {
        self.doing = "it ends".to_owned();
        self.look()?;
        for mut peer in self.peers.iter_mut().filter_map(Option::take) {
            let status = peer.status()?;
            self.shared.writes.fetch_add(value(&status, "writes") as u64, SeqCst);
            self.shared.reads.fetch_add(value(&status, "reads") as u64, SeqCst);
            let answer = peer.ask("leave")?;
            if answer != "ok" || !peer.dies_within(ms(10_000)) {
                return Err(format!("{} did not leave: {answer}", peer.describe()));
            }
        }
        if self.name.exists() { Err("the name is left in /dev/shm".to_owned()) } else { Ok(()) }
    }

    /// What the peers and the segment say, twice, so that what moves shows.
    fn facts(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..2 {
            for peer in self.peers.iter_mut().flatten() {
                text += &format!("{}: {}\n", peer.describe(), peer.status().unwrap_or_else(|error| error));
            }
            if let Ok(raw) = Raw::open(&self.name, self.shared.capacity) {
                let fields = ["s2m.sequence", "s2m.write_count", "slave_pid", "slave_lock", "slave_alive", "m2s.sequence"];
                text += &fields.map(|field| format!("{field}={} ", raw.get(field))).concat();
                text.push('\n');
            }
            thread::sleep(ms(100));
        }
        text
    }

    fn logs(&self) -> String {
        let log = |peer: &Process| format!("--- {}\n{}", peer.describe(), peer.log());
        self.peers.iter().flatten().map(log).collect()
    }
}

/// Runs until enough were killed and stopped; whether nothing failed.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let here = arguments.has("here");
    if !here && !has_pid_namespaces() {
        return Ok(true); // it was said aloud
    }
    crate::interrupt::catch();
    let number = |key: &str, default: u64| arguments.number(key).unwrap_or(default);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let shared = Loop {
        seed: number("seed", now.as_secs()),
        capacity: number("capacity", 1 << 20) as usize,
        here,
        at_once: arguments.has("at-once"),
        wanted: [number("kills", 2000), number("stops", 300)],
        done: Default::default(),
        writes: AtomicU64::new(0),
        reads: AtomicU64::new(0),
        torn: AtomicU64::new(0),
        repeated: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        failures: AtomicU64::new(0),
        over: AtomicBool::new(false),
    };
    let (lanes, start) = (number("lanes", 2), Instant::now());
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes)
            .map(|lane| {
                scope.spawn({
                    let shared = &shared;
                    move || shared.lane(lane)
                })
            })
            .collect();
        let mut said = Instant::now();
        while lanes.iter().any(|lane| !lane.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            if said.elapsed() >= Duration::from_secs(10) {
                said = Instant::now();
                println!("{:5} s: {}", start.elapsed().as_secs(), shared.line());
            }
        }
    });
    let passed = shared.failures.load(SeqCst) == 0;
    let verdict = if passed { "passed" } else { "FAILED" };
    let (writes, reads) = (shared.writes.load(SeqCst), shared.reads.load(SeqCst));
    println!(
        "slaves {verdict}: {} s, seed {}: {}; who was there at the end wrote {writes} and read {reads} messages",
        start.elapsed().as_secs(),
        shared.seed,
        shared.line()
    );
    Ok(passed)
}
