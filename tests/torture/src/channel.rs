//! One channel of the soak: a master and a slave that exchange messages all the time, and what befalls them.

use crate::{
    port::{Kind, Opening},
    process::{Process, value},
    random::Random,
    soak::Totals,
};
use eshm_processes::{Name, Raw, eventually, ms};
use std::{sync::atomic::Ordering::SeqCst, time::Duration};

/// Milliseconds that a call may be overdue in a process that was not stopped lately; the machine may be busy.
const HANG: i64 = 3000;
/// The longest until a started peer and the other read each other, in milliseconds.
const EXCHANGE: u64 = 15_000;
/// What a peer holds at most beside its traffic's threads: itself, its input's reader, and the service thread.
const THREADS: usize = 2;
/// Segments open or mapped at most: its own, one that it looks at, and one that it is leaving.
const SEGMENTS: usize = 3;

/// A peer with what its last status said.
struct Peer {
    process: Process,
    threads: usize,
    writes: i64,
    reads: i64,
    seen: i64,
}

/// One master and one slave.
pub(crate) struct Channel<'a> {
    totals: &'a Totals,
    random: Random,
    name: Name,
    /// Master, slave.
    peers: [Option<Peer>; 2],
    /// The side that is rarely killed, so that what grows in it shows.
    resident: usize,
    authors: u64,
    /// What is going on, for a report.
    pub(crate) doing: String,
}

const SIDES: [&str; 2] = ["master", "slave"];
const DIRECTIONS: [&str; 2] = ["m2s.sequence", "s2m.sequence"];

impl<'a> Channel<'a> {
    pub(crate) fn start(totals: &'a Totals, seed: u64, index: u64) -> Result<Self, String> {
        let mut random = Random::new(seed ^ index << 40);
        let name = Name::from(format!("soak_{}_{index}", std::process::id()));
        let resident = random.below(2) as usize;
        let (peers, doing) = ([None, None], "start".to_owned());
        let mut channel = Channel { totals, random, name, peers, resident, authors: 0, doing };
        channel.bring(0)?;
        channel.bring(1)?;
        Ok(channel)
    }

    /// What a peer is built on: no two played ones at once, and ours behind a half-written message.
    fn kind(&mut self, side: usize) -> Kind {
        let other = self.peers[1 - side].as_ref().map(|peer| peer.process.opening.kind);
        let half_written = Raw::open(&self.name, 4096).is_ok_and(|raw| raw.get(DIRECTIONS[side]) % 2 == 1);
        let may_be_released = other.is_none_or(Kind::is_ours) && !half_written && side != self.resident;
        match self.random.below(10) {
            0..=3 => Kind::Ours,
            4..=5 => Kind::C,
            6 => Kind::Threadless,
            drawn if may_be_released => Kind::Released(2 + drawn % 2),
            _ => Kind::C,
        }
    }

    /// Starts a side that nobody holds; if the other is there, both must read each other soon.
    fn bring(&mut self, side: usize) -> Result<(), String> {
        let kind = self.kind(side);
        self.authors += 1;
        let retry = self.random.pick(&[0, 1, 10, 100]);
        let opening = Opening::new(kind, SIDES[side], self.name.as_str(), retry);
        let opening = Opening {
            poll: kind == Kind::Ours && self.random.chance(25),
            fresh: side == 0 && self.random.chance(50),
            ..opening
        };
        let threads = if kind.is_ours() { 1 + self.random.below(3) as usize } else { 1 };
        let mut process = Process::launch(&opening, self.authors, threads, "");
        if !process.greeted()? {
            return Err(format!("{} died unasked\n{}", process.describe(), process.log()));
        }
        self.totals.starts.fetch_add(1, SeqCst);
        let (author, opened) = (process.author, process.opened);
        self.peers[side] = Some(Peer { process, threads, writes: 0, reads: 0, seen: 0 });
        self.work(side)?;
        let Some(other) = &mut self.peers[1 - side] else { return Ok(()) };
        let answer = other.process.ask(&format!("exchanged {author} {EXCHANGE}"))?;
        let Some(when) = answer.strip_prefix("ok ").and_then(|text| text.parse::<u64>().ok()) else {
            return Err("the started peer and the other do not exchange messages".to_owned());
        };
        self.totals.exchanged(when.saturating_sub(opened) / 1000);
        Ok(())
    }

    /// Another way to go about it: flat out or with pauses, waiting or looking, with large messages or small ones.
    fn work(&mut self, side: usize) -> Result<(), String> {
        let pause = self.random.pick(&[0, 50, 300, 300, 2000]);
        let timeout = self.random.pick(&[-1, -1, 0, 1, 50, 500]);
        let largest = self.random.pick(&[64, 1000, 4096, 4096]);
        let Some(peer) = &mut self.peers[side] else { return Ok(()) };
        peer.process.ask(&format!("work {pause} {timeout} 0 {largest}")).map(drop)
    }

    /// Something befalls it; then both sides are looked at.
    pub(crate) fn round(&mut self) -> Result<(), String> {
        std::thread::sleep(Duration::from_micros(20_000 + self.random.below(300_000)));
        let side = if self.random.chance(85) { 1 - self.resident } else { self.resident };
        self.look()?;
        match self.random.below(100) {
            0..=44 => self.kill(side)?,
            45..=49 => {
                self.doing = "both are killed".to_owned();
                self.end(0)?;
                self.end(1)?;
                self.bring(0)?;
                self.bring(1)?;
            }
            50..=64 => self.stop(side)?,
            65..=74 => self.leave(side)?,
            _ => {
                self.doing = "the traffic changes".to_owned();
                self.work(0)?;
                self.work(1)?;
            }
        }
        self.look()
    }

    fn kill(&mut self, side: usize) -> Result<(), String> {
        self.doing = format!("the {} is killed", SIDES[side]);
        self.end(side)?;
        self.bring(side)
    }

    fn end(&mut self, side: usize) -> Result<(), String> {
        let Some(mut peer) = self.peers[side].take() else { return Ok(()) };
        if !peer.process.kill() {
            return Err(format!("{} died unasked\n{}", peer.process.describe(), peer.process.log()));
        }
        self.totals.kills[side].fetch_add(1, SeqCst);
        if self.totals.found_bad(peer.process.found_bad()) {
            return Err(format!("a message was torn or came again\n{}", peer.process.log()));
        }
        Ok(())
    }

    /// SIGSTOP for a while, then SIGCONT.
    fn stop(&mut self, side: usize) -> Result<(), String> {
        self.doing = format!("the {} is stopped", SIDES[side]);
        let time = Duration::from_micros(5_000 + self.random.below(400_000));
        let Some(peer) = &mut self.peers[side] else { return Ok(()) };
        peer.process.signal(libc::SIGSTOP);
        std::thread::sleep(time);
        peer.process.signal(libc::SIGCONT);
        self.totals.stops.fetch_add(1, SeqCst);
        Ok(())
    }

    fn leave(&mut self, side: usize) -> Result<(), String> {
        self.doing = format!("the {} leaves", SIDES[side]);
        let Some(mut peer) = self.peers[side].take() else { return Ok(()) };
        let answer = peer.process.ask("leave")?;
        if answer != "ok" || !peer.process.dies_within(ms(10_000)) {
            return Err(format!("{} did not leave: {answer}", peer.process.describe()));
        }
        self.totals.exits.fetch_add(1, SeqCst);
        self.bring(side)
    }

    /// Looks at both sides.
    fn look(&mut self) -> Result<(), String> {
        for peer in self.peers.iter_mut().flatten() {
            let status = peer.process.status()?;
            let ours = peer.process.opening.kind.is_ours();
            let bad = self.totals.found_bad((value(&status, "torn") as u64, value(&status, "repeated") as u64));
            // A call of a process that was stopped is overdue for an instant: twice in a row is a hang.
            let overdue = ours && value(&status, "overdue") > HANG;
            if bad || value(&status, "wrong") != 0 || overdue && peer.seen > HANG {
                return Err(format!("{}: {status}", peer.process.describe()));
            }
            peer.seen = value(&status, "overdue");
            let (writes, reads) = (value(&status, "writes"), value(&status, "reads"));
            self.totals.writes.fetch_add((writes - peer.writes) as u64, SeqCst);
            self.totals.reads.fetch_add((reads - peer.reads) as u64, SeqCst);
            (peer.writes, peer.reads) = (writes, reads);
            let mut held = peer.process.resources();
            let modest = eventually(ms(10_000), || {
                held = peer.process.resources();
                held.threads <= 2 * peer.threads + THREADS && held.files <= SEGMENTS && held.maps <= SEGMENTS
            });
            if !modest {
                return Err(format!("{} holds {held:?}", peer.process.describe()));
            }
            self.totals.most(held);
        }
        Ok(())
    }

    /// The end: clean exits, the master's last, and no name left.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        self.look()?;
        for side in [1, 0] {
            let Some(mut peer) = self.peers[side].take() else { continue };
            let answer = peer.process.ask("leave")?;
            if answer != "ok" || !peer.process.dies_within(ms(10_000)) {
                return Err(format!("{} did not leave: {answer}", peer.process.describe()));
            }
        }
        if self.name.exists() { Err("the name is left in /dev/shm".to_owned()) } else { Ok(()) }
    }

    /// Both logs, for a report.
    pub(crate) fn logs(&self) -> String {
        let log = |peer: &Peer| format!("--- {}\n{}", peer.process.describe(), peer.process.log());
        self.peers.iter().flatten().map(log).collect()
    }
}
