//! How a session's victims die.

use super::Session;
use crate::{
    points::{EARLY, Need, PARKED, Point, RANDOM, When},
    process::Process,
};
use eshm_processes::{Raw, eventually, ms, pause};
use std::time::Duration;

/// How long a victim may take to come by its point, before it is killed where it is.
const PATIENCE: Duration = ms(400);
/// Of a master that moves: it looks at its name once a second.
const NAME_PATIENCE: Duration = ms(2500);

impl Session<'_> {
    pub(super) fn kill_at_start(&mut self, point: &Point) -> Result<(), String> {
        let mut kind = self.victim_kind();
        if let Some(mut peer) = self.healthy.take() {
            kind = peer.opening.kind;
            if !peer.kill() {
                return Err(format!("{} died unasked\n{}", peer.describe(), peer.log()));
            }
            self.buried(peer, RANDOM)?;
        }
        if !kind.is_ours() && !self.survivor.opening.kind.is_ours() && self.is_half_written() {
            return Ok(()); // that kill left a message half-written
        }
        if point.need == Need::HalfWritten && !kind.is_ours() {
            return Ok(()); // the point is for ours
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
    pub(super) fn kill_later(&mut self, point: &Point) -> Result<(), String> {
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
}
