//! One survivor and the victims it outlives.

mod deaths;

use crate::{
    kills::Shared,
    points::{self, RANDOM, When},
    port::{Kind, Opening},
    process::{Process, value},
    random::Random,
    state::Key,
    traffic,
};
use eshm_processes::{Name, Raw, eventually, ms, tasks::Resources};

/// Milliseconds of silence after which a peer without a lock counts as dead.
const THRESHOLD: u64 = 100;
/// What the contract allows for an exchange beyond an interval, in milliseconds.
const ALLOWED: u64 = 50;
/// And what is a failure however busy the machine: nothing in the library waits this long, so the exchange came by luck.
const FAILED: u64 = 2000;
/// The longest that a write waits, in microseconds.
const WRITE_LIMIT: i64 = 20_000;
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
    /// The peer that lives is a released writer that came behind a half-written message, or follows such a one: by contract
    /// its messages may be withheld until one of ours comes.
    withheld: bool,
}

impl<'a> Session<'a> {
    /// Starts a survivor, as the seed has it.
    pub(crate) fn start(shared: &'a Shared, seed: u64, masters: bool, survivor: Kind, mixed: bool) -> Result<Self, String> {
        let mut random = Random::new(seed);
        let name = Name::from(format!("torture_{}_{seed:x}", std::process::id()));
        let retry = random.pick(&[0, 1, 10, 50, 100]);
        let poll = survivor == Kind::Ours && random.chance(15);
        let role = if masters { "slave" } else { "master" };
        let opening = Opening { poll, ..Opening::new(survivor, role, name.as_str(), retry) };
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
            withheld: false,
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

    /// Whether the victims' direction was left in the middle of a write.
    fn is_half_written(&self) -> bool {
        self.raw().is_some_and(|raw| raw.get(self.sequence_field()) % 2 == 1)
    }

    /// What the next victim is built on. Behind a half-written message only a writer of ours sets things right: a released
    /// one goes on with inverted parity, by which a released reader would be given mixtures.
    fn victim_kind(&mut self) -> Kind {
        let chance = match self.is_half_written() || self.withheld {
            true if !self.survivor.opening.kind.is_ours() => 0,
            true => 40,
            false => 60,
        };
        if self.mixed && self.random.chance(chance) {
            return self.random.pick(&[Kind::Released(2), Kind::Released(3)]);
        }
        if self.random.chance(10) { Kind::Threadless } else { Kind::Ours }
    }

    fn launch(&mut self, kind: Kind, plan: &str, fresh: bool) -> Process {
        let behind = !kind.is_ours() && !fresh && self.is_half_written();
        if behind {
            self.shared.came_behind();
        }
        self.withheld = behind || self.withheld && !kind.is_ours() && !fresh;
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
        if self.withheld {
            self.last = None;
            return self.survivor_is_well(); // nothing, or whole messages
        }
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

    /// The end: one last exchange, nothing grown, nothing left behind.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        self.point = "finish";
        if self.withheld
            && let Some(mut peer) = self.healthy.take()
        {
            peer.kill();
            self.buried(peer, RANDOM)?;
            self.mixed = false; // one of ours, with which messages can be exchanged
        }
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
