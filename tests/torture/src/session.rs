//! One survivor and the victims it outlives.

use crate::{
    kills::Shared,
    points::{self, EARLY, Need, PARKED, Point, RANDOM, When},
    port::{Kind, Opening},
    process::{Process, value},
    random::Random,
    state::Key,
    traffic,
};
use eshm_processes::{Name, Raw, eventually, ms, pause, tasks::Resources};
use std::time::Duration;

/// Milliseconds of silence after which a peer without a lock counts as dead.
const THRESHOLD: u64 = 100;
/// What the contract allows for an exchange beyond an interval, in milliseconds.
const ALLOWED: u64 = 50;
/// And what is a failure however busy the machine: nothing in the library waits this long, so the exchange came by luck.
const FAILED: u64 = 2000;
/// The longest that a write waits, in microseconds.
const WRITE_LIMIT: i64 = 20_000;
/// How long a victim may take to come by its point, before it is killed where it is.
const PATIENCE: Duration = ms(400);
/// Of a master that moves: it looks at its name once a second.
const NAME_PATIENCE: Duration = ms(2500);

/// The session's state.
pub(crate) struct Session<'a> {
    shared: &'a Shared,
    random: Random,
    name: Name,
    /// Whether the victims are masters.
    masters: bool,
    /// Whether some of the victims are played.
    mixed: bool,
    survivor: Process,
    /// The peer that lives with it, having exchanged messages both ways.
    healthy: Option<Process>,
    authors: u64,
    /// The kill that the next exchange recovers from, and when it was seen to be done.
    last: Option<(Key, u64)>,
    /// From when on the survivor can know of the last death.
    knowable: u64,
    base: Option<Resources>,
    recoveries: u64,
    /// What the latest victims wrote to standard error, for a report.
    logs: String,
    pub(crate) point: &'static str,
}

impl<'a> Session<'a> {
    /// Starts a survivor, as the seed has it.
    pub(crate) fn start(shared: &'a Shared, seed: u64, masters: bool, survivor: Kind, mixed: bool) -> Result<Self, String> {
        let mut random = Random::new(seed);
        let name = Name::from(format!("torture_{}_{seed:x}", std::process::id()));
        let retry = random.pick(&[0, 1, 10, 50, 100]);
        let poll = survivor == Kind::Ours && random.chance(15);
        let role = if masters { "slave" } else { "master" };
        let opening =
            Opening { kind: survivor, role: role.to_owned(), name: name.as_str().to_owned(), retry, poll, fresh: false };
        let first = masters.then(|| Opening { kind: Kind::Ours, role: "master".to_owned(), ..opening.clone() });
        let mut healthy = first.map(|opening| Process::launch(&opening, 1, 1, ""));
        if let Some(master) = &mut healthy
            && !master.greeted()?
        {
            return Err(format!("{} died at once\n{}", master.describe(), master.log()));
        }
        let mut survivor = Process::launch(&opening, 2, 1, "");
        if !survivor.greeted()? {
            return Err(format!("the survivor died at once\n{}", survivor.log()));
        }
        Ok(Session {
            shared,
            random,
            name,
            masters,
            mixed,
            survivor,
            healthy,
            authors: 2,
            last: None,
            knowable: 0,
            base: None,
            recoveries: 0,
            logs: String::new(),
            point: "start",
        })
    }

    fn side(&self) -> &'static str {
        if self.masters { "master" } else { "slave" }
    }

    /// The name's segment, if there is a good one.
    fn raw(&self) -> Option<Raw> {
        Raw::open(&self.name, 4096).ok()
    }

    fn sequence_field(&self) -> &'static str {
        if self.masters { "m2s.sequence" } else { "s2m.sequence" }
    }

    /// What the next victim is built on. Behind a half-written message only a writer of ours sets things right: a released
    /// one would go on with inverted parity.
    fn victim_kind(&mut self) -> Kind {
        let half_written = self.raw().is_some_and(|raw| raw.get(self.sequence_field()) % 2 == 1);
        if self.mixed && !half_written && self.random.chance(60) {
            return self.random.pick(&[Kind::Released(2), Kind::Released(3)]);
        }
        if self.random.chance(10) { Kind::Threadless } else { Kind::Ours }
    }

    fn launch(&mut self, kind: Kind, plan: &str, fresh: bool) -> Process {
        self.authors += 1;
        let role = match self.side() {
            "master" if kind.is_ours() && self.random.chance(40) => "auto",
            side => side,
        };
        let opening = Opening { kind, role: role.to_owned(), poll: false, fresh, ..self.survivor.opening.clone() };
        Process::launch(&opening, self.authors, 1, plan)
    }

    fn key(&self, victim: Kind, point: &str) -> Key {
        Key {
            side: self.side().to_owned(),
            victim: victim.name().to_owned(),
            survivor: self.survivor.opening.kind.name().to_owned(),
            point: point.to_owned(),
        }
    }

    /// Counts a victim that was killed, and looks at the survivor.
    fn buried(&mut self, mut victim: Process, point: &str) -> Result<(), String> {
        let kind = victim.opening.kind;
        if !victim.was_killed() {
            return Err(format!("{} ended, but not by SIGKILL\n{}", victim.describe(), victim.log()));
        }
        let now = traffic::now();
        let unlocked = !kind.is_ours() || !self.survivor.opening.kind.is_ours();
        self.knowable = now + if unlocked { THRESHOLD * 1_000_000 } else { 0 };
        let key = self.key(kind, point);
        self.shared.count(&key, |tally| tally.kills += 1);
        self.last = Some((key, now));
        self.logs = format!("--- {}\n{}", victim.describe(), victim.log());
        if self.shared.found_bad(victim.found_bad()) {
            return Err(format!("{} read messages that were torn or came again", victim.describe()));
        }
        self.survivor_returns()?;
        self.survivor_is_well()
    }

    /// The survivor's next calls return within their time, and a read not before.
    fn survivor_returns(&mut self) -> Result<(), String> {
        if !self.survivor.opening.kind.is_ours() {
            return Ok(());
        }
        let timeout = self.random.pick(&[1, 5, 10, 20]);
        let answer = self.survivor.ask(&format!("probe {timeout}"))?;
        let (read, write) = (value(&answer, "read"), value(&answer, "write"));
        self.shared.returned((read - timeout * 1000).max(write - WRITE_LIMIT) / 1000);
        let limit = FAILED as i64 * 1000;
        let in_time = read >= timeout * 1000 && read <= timeout * 1000 + limit && write <= WRITE_LIMIT + limit;
        if answer.starts_with("ok") && value(&answer, "bad") == 0 && in_time {
            return Ok(());
        }
        Err(format!("the survivor's calls, {timeout} ms for the read, gave {answer} (microseconds)"))
    }

    /// The survivor's calls return, and nothing of what it read was wrong.
    fn survivor_is_well(&mut self) -> Result<(), String> {
        let status = self.survivor.status()?;
        let ours = self.survivor.opening.kind.is_ours();
        let bad = |key: &str| value(&status, key) != 0;
        self.shared.found_bad((value(&status, "torn") as u64, value(&status, "repeated") as u64));
        let hangs = ours && (value(&status, "overdue") > FAILED as i64 || value(&status, "latest") > FAILED as i64);
        if bad("torn") || bad("repeated") || bad("wrong") || hangs {
            return Err(format!("the survivor: {status}"));
        }
        Ok(())
    }

    /// A peer that is to live: it must come, and both must read each other.
    fn revive(&mut self) -> Result<(), String> {
        if self.healthy.is_none() {
            let (kind, fresh) = (self.victim_kind(), self.masters && self.random.chance(30));
            let mut peer = self.launch(kind, "", fresh);
            if !peer.greeted()? {
                return Err(format!("{} died unasked\n{}", peer.describe(), peer.log()));
            }
            self.healthy = Some(peer);
        }
        self.exchange()
    }

    fn exchange(&mut self) -> Result<(), String> {
        let Some(peer) = &self.healthy else { return Ok(()) };
        let (author, able) = (peer.author, peer.opened.max(self.knowable));
        let answer = self.survivor.ask(&format!("exchanged {author} 15000"))?;
        let Some(when) = answer.strip_prefix("ok ").and_then(|text| text.parse::<u64>().ok()) else {
            return Err(format!("{} and the survivor do not exchange messages: {}", peer.describe(), peer.log()));
        };
        let Some((key, _)) = self.last.take() else { return Ok(()) };
        let retry = if self.masters { self.survivor.opening.retry } else { 0 };
        let (took, allowed) = (when.saturating_sub(able) / 1000, (retry + ALLOWED) * 1000);
        self.shared.recovered(&key, took, allowed);
        self.recoveries += 1;
        if took > allowed + FAILED * 1000 {
            return Err(format!("{took} us until both read each other, {allowed} allowed"));
        }
        if self.recoveries == 4 {
            self.base = Some(self.survivor.resources());
        }
        Ok(())
    }

    /// One victim more.
    pub(crate) fn round(&mut self) -> Result<(), String> {
        let kind = match &self.healthy {
            Some(peer) => peer.opening.kind,
            None => self.victim_kind(),
        };
        let choice = points::points(kind, self.masters, self.survivor.opening.kind);
        let keys = self.key(kind, "");
        let point = self.shared.choose(&mut self.random, &choice, |point| Key { point: point.to_owned(), ..keys.clone() });
        let Some(point) = point else { return self.revive() };
        self.point = point.name;
        match point.when {
            When::Start => self.kill_at_start(&point),
            _ => {
                self.revive()?;
                let kind = self.healthy.as_ref().map_or(kind, |peer| peer.opening.kind);
                if !points::points(kind, self.masters, self.survivor.opening.kind).iter().any(|p| p.name == point.name) {
                    return Ok(()); // another kind came: the next round is its
                }
                self.kill_later(&point)
            }
        }
    }

    fn kill_at_start(&mut self, point: &Point) -> Result<(), String> {
        let mut kind = self.victim_kind();
        if let Some(mut peer) = self.healthy.take() {
            kind = peer.opening.kind;
            if !peer.kill() {
                return Err(format!("{} died unasked\n{}", peer.describe(), peer.log()));
            }
            self.buried(peer, RANDOM)?;
        }
        if self.raw().is_some_and(|raw| raw.get(self.sequence_field()) % 2 == 1) && !kind.is_ours() {
            return Ok(()); // that kill left a message half-written
        }
        if point.need == Need::HalfWritten && !kind.is_ours() {
            return Ok(()); // the point is for ours, and a released writer must not come behind such a message
        }
        self.prepare(point.need);
        let plan = point.plan(&mut self.random);
        let mut victim = self.launch(kind, &plan, point.need == Need::NoName);
        if point.name == EARLY {
            pause(0);
            std::thread::sleep(Duration::from_micros(self.random.below(9000)));
            victim.kill();
            return self.buried(victim, EARLY);
        }
        let opened = victim.greeted()?;
        if victim.dies_within(if opened { PATIENCE } else { ms(5000) }) {
            return self.buried(victim, point.name);
        }
        self.missed(victim, point)
    }

    /// A victim that did not come by its point is killed where it is.
    fn missed(&mut self, mut victim: Process, point: &Point) -> Result<(), String> {
        let key = self.key(victim.opening.kind, point.name);
        self.shared.count(&key, |tally| tally.missed += 1);
        victim.kill();
        self.buried(victim, RANDOM)
    }

    /// Sees to it that a start comes by the point. Nobody lives on the victim's side now.
    fn prepare(&self, need: Need) {
        match need {
            Need::Nothing => {}
            Need::NoName => self.name.remove(),
            Need::Leftover => {
                self.name.remove();
                drop(Raw::stamped(&self.name, 3, 4096));
            }
            Need::Junk => {
                self.name.remove();
                std::fs::write(self.name.path(), vec![1; 8576]).expect("write to /dev/shm");
            }
            Need::HalfWritten => {
                let field = self.sequence_field();
                if let Some(raw) = self.raw().filter(|raw| raw.get(field) % 2 == 0) {
                    raw.add(field, 1);
                }
            }
        }
    }

    /// Kills the peer that lives, at a point of its traffic, its exit or its move.
    fn kill_later(&mut self, point: &Point) -> Result<(), String> {
        let Some(mut victim) = self.healthy.take() else { return Ok(()) };
        let plan = point.plan(&mut self.random);
        let died = |peer: &Process| format!("{} died unasked\n{}", peer.describe(), peer.log());
        let (mine, its) = self.pace(point);
        self.survivor.ask(&mine)?;
        if victim.try_ask(&its).is_none() {
            return Err(died(&victim));
        }
        match point.name {
            RANDOM => {
                std::thread::sleep(Duration::from_micros(self.random.below(15_000)));
                if !victim.kill() {
                    return Err(died(&victim));
                }
                self.buried(victim, RANDOM)?;
            }
            PARKED => {
                let field = if self.masters { "s2m.waiters" } else { "m2s.waiters" };
                let raw = self.raw();
                let parked = raw.is_some_and(|raw| eventually(PATIENCE, || raw.get(field) > 0));
                pause(1);
                if !victim.kill() {
                    return Err(died(&victim));
                }
                self.buried(victim, if parked { PARKED } else { RANDOM })?;
            }
            _ => {
                // It may die before it has answered.
                victim.send(&format!("arm {plan}"));
                let patience = match point.when {
                    When::Leave => {
                        victim.send("leave");
                        ms(5000)
                    }
                    When::Move if self.masters => {
                        self.name.remove();
                        NAME_PATIENCE
                    }
                    When::Move => {
                        self.survivor.ask("reopen").and_then(|answer| match answer.as_str() {
                            "ok" => Ok(()),
                            error => Err(format!("the survivor did not open anew: {error}")),
                        })?;
                        PATIENCE
                    }
                    _ => PATIENCE,
                };
                if !victim.dies_within(patience) {
                    self.missed(victim, point)?;
                } else if victim.was_killed() {
                    self.buried(victim, point.name)?;
                } else if point.when == When::Leave {
                    // Its way out does not lead by this point; now it is gone all the same.
                    let key = self.key(victim.opening.kind, point.name);
                    self.shared.count(&key, |tally| tally.missed += 1);
                } else {
                    return Err(died(&victim));
                }
            }
        }
        self.survivor.ask("work 300 -1 24 4096").map(drop)
    }

    /// What survivor and victim are told to do until the kill.
    fn pace(&mut self, point: &Point) -> (String, String) {
        let largest = self.random.pick(&[64, 1024, 4096, 4096]);
        let (mine, its, timeout) = match point.name {
            PARKED => (-1, 1000, 2000),
            name if name.starts_with("park.") => (3000, 2000, 20),
            name if name.starts_with("read.") || name == "old.copied" => (self.random.pick(&[0, 300]), 300, -1),
            _ => (self.random.pick(&[0, 300, 300]), self.random.pick(&[0, 0, 300]), -1),
        };
        (format!("work {mine} -1 24 {largest}"), format!("work {its} {timeout} 24 {largest}"))
    }

    /// The end: one last exchange, nothing grown, nothing left behind.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        self.point = "finish";
        self.revive()?;
        self.survivor_is_well()?;
        self.nothing_grew()?;
        let status = self.survivor.status()?;
        self.shared.add(&status, self.survivor.opening.kind.is_ours());
        let Some(mut peer) = self.healthy.take() else { return Ok(()) };
        // The master last: it is the one to unlink.
        let (first, last) = if self.masters { (&mut self.survivor, &mut peer) } else { (&mut peer, &mut self.survivor) };
        for process in [first, last] {
            let answer = process.ask("leave")?;
            if answer != "ok" || !process.dies_within(ms(10_000)) {
                return Err(format!("{} did not leave: {answer}\n{}", process.describe(), process.log()));
            }
            if self.shared.found_bad(process.found_bad()) {
                return Err(format!("{} read messages that were torn or came again", process.describe()));
            }
        }
        if self.name.exists() {
            return Err("the name is left in /dev/shm".to_owned());
        }
        Ok(())
    }

    fn nothing_grew(&self) -> Result<(), String> {
        let Some(base) = self.base else { return Ok(()) };
        let mut now = base;
        let back = eventually(ms(10_000), || {
            now = self.survivor.resources();
            now.threads <= base.threads
                && now.files <= base.files
                && now.maps <= base.maps
                && now.all_files <= base.all_files
        });
        if back { Ok(()) } else { Err(format!("the survivor holds {now:?}, after its first rounds {base:?}")) }
    }

    /// Both logs, for a report.
    pub(crate) fn logs(&self) -> String {
        let peer = self.healthy.as_ref().map(|peer| format!("--- {}\n{}", peer.describe(), peer.log()));
        format!("--- {}\n{}{}{}", self.survivor.describe(), self.survivor.log(), self.logs, peer.unwrap_or_default())
    }
}
