//! Following the segment: a slave that lost its master looks for another, a master whose name was removed makes it anew, and
//! both move to what they find.

use super::{
    monitor::Monitor,
    reconnect::{Reconnect, Step},
    remote::{Change, Sight},
    service,
    signalling::Signals,
};
use crate::config::{DisconnectBehavior, Settings, Side};
use crate::endpoint::attach::{Attachment, attach, detach, forget_parked};
use crate::endpoint::core::{Core, State};
use crate::endpoint::{open::create_master, refusal::explain};
use crate::failpoint::failpoint;
use crate::log::Level;
use crate::segment::{
    Decision, Segment,
    find::{Found, find},
    name::folder_now,
    peer::Signs,
};
use crate::sync::Ordering;
use crate::sys::file;
use std::time::Duration;

impl Core {
    pub(super) fn lose_master(&self, monitor: &mut Monitor, now: u64) {
        if self.settings.behavior == DisconnectBehavior::Immediately {
            self.leave_for_good(monitor);
            self.end_reading();
            return self.set_state(State::Stopped);
        }
        self.say(Level::Warn, format_args!("reconnecting"));
        monitor.generation = monitor.segment.view.header().master_generation.load(Ordering::Relaxed); // for change alone
        monitor.reconnect = Some(Reconnect::new(now));
        self.set_state(State::Reconnecting);
        self.tick_reconnecting(monitor, now);
    }

    /// Clears what says that a slave is there, if it is still ours. Without the decision lock at once, a later tick
    /// does it.
    pub(super) fn leave_for_good(&self, monitor: &mut Monitor) {
        let decision = Decision::wait(&monitor.segment.file, Duration::ZERO);
        if matches!(decision, Ok(Some(_))) {
            if self.is_named_in_header() {
                detach(&monitor.segment.view, self.side, monitor.holds_lock);
            }
            monitor.present = false;
        }
        drop(decision);
        if !monitor.present {
            self.leave_lock(monitor);
        }
    }

    pub(super) fn tick_reconnecting(&self, monitor: &mut Monitor, now: u64) {
        if monitor.pending.is_some() {
            return self.finish_move(monitor);
        }
        if self.master_is_back(monitor) {
            monitor.reconnect = None;
            monitor.candidate = None;
            monitor.meet_remote(self.side);
            return self.reconnected(monitor);
        }
        if let Some((segment, heartbeat)) = monitor.candidate.take() {
            if segment.heartbeat(Side::Master) != heartbeat {
                return self.move_to(monitor, segment, None);
            }
            monitor.candidate = Some((segment, heartbeat));
        }
        let Some(reconnect) = &mut monitor.reconnect else { return };
        match reconnect.step(now, &self.settings) {
            Step::Wait => {}
            Step::Attempt => self.attempt(monitor),
            Step::GiveUp => {
                self.say(Level::Warn, format_args!("giving up after {} attempts", reconnect.attempts));
                monitor.candidate = None;
                self.leave_for_good(monitor);
                self.end_reading();
                self.set_state(State::GaveUp);
            }
        }
    }

    /// Whether a master beats on our old segment again, or has taken it over.
    fn master_is_back(&self, monitor: &mut Monitor) -> bool {
        let header = monitor.segment.view.header();
        let sight = Sight {
            pid: header.pid[0].load(Ordering::Relaxed), // both are watched for change alone
            heartbeat: header.heartbeat[0].load(Ordering::Relaxed),
            flag: header.alive[0].load(Ordering::Acquire) != 0, // pairs with attach
            threshold: u32::MAX,
        };
        let moving = monitor.remote.look(sight, 0, || false) == Change::Recovered;
        let generation = header.master_generation.load(Ordering::Relaxed); // watched for change alone
        if moving || generation == monitor.generation {
            return moving;
        }
        match file::lookup(self.name.path()) {
            Ok(Some(id)) if id == monitor.segment.id => sight.flag, // taken over, once it says so
            Ok(Some(_)) => {
                // Replaced: its successor has the name.
                monitor.generation = generation;
                if let Some(reconnect) = &mut monitor.reconnect {
                    reconnect.hurry();
                }
                false
            }
            _ => false, // about to be
        }
    }

    /// Looks under the name for another segment with a live master.
    fn attempt(&self, monitor: &mut Monitor) {
        let capacity = self.settings.capacity;
        let found = match find(&self.name, capacity) {
            Ok(Found::Valid(segment)) if segment.id != monitor.segment.id => segment,
            Ok(_) => return,
            Err(error) => {
                // Once a segment, as below: each attempt fails alike.
                if !self.warned.swap(true, Ordering::Relaxed) {
                    self.say(Level::Warn, format_args!("cannot look for a master: {}", explain(&self.name, &error)));
                }
                return;
            }
        };
        let other = found.view.layout.capacity;
        if !self.settings.accepts(other) {
            // Once a segment: nothing else is reported of one that was left.
            if !self.warned.swap(true, Ordering::Relaxed) {
                self.say(
                    Level::Warn,
                    format_args!("the new segment's capacity is {other} bytes, not the {capacity} asked for"),
                );
            }
            return;
        }
        match found.signs(Side::Master) {
            Signs::Alive => self.move_to(monitor, found, None),
            Signs::Absent => {}
            // Its heartbeat will tell, from tick to tick.
            Signs::LockFree | Signs::NoProcess => {
                if monitor.candidate.as_ref().is_none_or(|(segment, _)| segment.id != found.id) {
                    let heartbeat = found.heartbeat(Side::Master);
                    monitor.candidate = Some((found, heartbeat));
                }
            }
        }
    }

    fn move_to(&self, monitor: &mut Monitor, segment: Segment, attachment: Option<Attachment>) {
        failpoint!("move.found");
        if self.settings.huge_pages {
            segment.view.mapping.advise_huge();
        }
        monitor.pending = Some((segment, attachment));
        self.finish_move(monitor);
    }

    /// Moves to the pending segment, now or at a later tick.
    pub(super) fn finish_move(&self, monitor: &mut Monitor) {
        let Some((segment, attachment)) = monitor.pending.take() else { return };
        let old = monitor.segment.id;
        let (named, marked) = (self.is_named_in_header(), monitor.mark.is_some());
        let moved = self.replace_segment(monitor, segment, |old, holds_lock| {
            if named {
                detach(old, self.side, holds_lock);
            }
            if !marked {
                old.forget_unmarked(self.side);
            }
            failpoint!("move.left");
        });
        if let Err(segment) = moved {
            monitor.pending = Some((segment, attachment));
            return;
        }
        failpoint!("move.mapped");
        service::remove_side(old, self.side);
        // A master's was taken before its segment had a name.
        let attachment = attachment.unwrap_or_else(|| {
            if monitor.segment.signs(self.side) != Signs::Alive {
                forget_parked(&monitor.segment, self.side);
            }
            attach(&monitor.segment, self.side, false)
        });
        self.generation.store(attachment.generation, Ordering::Relaxed); // the tick reads it; same thread, or under the mutex
        monitor.holds_lock = attachment.holds_lock;
        (monitor.mark, monitor.strangers) = (attachment.mark, attachment.strangers);
        monitor.generation = attachment.generation;
        monitor.reconnect = None;
        monitor.candidate = None;
        monitor.begin_anew(self.side);
        failpoint!("move.attached");
        // Attached first: who reads the new segment's first value may answer it.
        self.reconnected(monitor);
        failpoint!("move.announced");
        self.end_move(0);
        failpoint!("move.done");
    }

    fn reconnected(&self, monitor: &mut Monitor) {
        monitor.generation = monitor.segment.view.header().master_generation.load(Ordering::Relaxed); // for change alone
        self.signals.store(Signals::Unknown as u32, Ordering::Relaxed); // a hint
        self.parity.store(monitor.doubt.verdict().to_word(), Ordering::Release); // pairs with look
        self.remote_alive.store(true, Ordering::Release); // pairs with remote_alive()
        if self.side == Side::Slave {
            self.say(Level::Warn, format_args!("reconnected"));
        }
        self.set_state(State::Attached);
    }

    /// Whether the folder of our name is another than it was, or none: then nothing under it tells anything of our segment, whose
    /// name is where it was.
    fn is_elsewhere(&self, monitor: &mut Monitor) -> bool {
        let elsewhere = folder_now() != monitor.folder;
        if elsewhere && !monitor.elsewhere {
            let what = "/dev/shm is another one now, or none (a chroot or a mount): the channel stays as it is, its name where it was";
            self.say(Level::Warn, format_args!("{what}"));
        }
        monitor.elsewhere = elsewhere;
        elsewhere
    }

    /// A master whose name was removed makes a fresh segment under it and moves there; one whose name leads to another
    /// live master's segment is ousted.
    pub(super) fn look_at_name(&self, monitor: &mut Monitor) {
        match file::lookup(self.name.path()) {
            Ok(Some(id)) if id == monitor.segment.id => monitor.nameless = false,
            Ok(_) if self.is_elsewhere(monitor) => {}
            Ok(None) => {
                if !monitor.nameless {
                    self.say(Level::Warn, format_args!("the name was removed; creating it anew"));
                }
                let capacity = monitor.segment.view.layout.capacity;
                let settings = Settings { capacity, ..self.settings };
                match create_master(&self.name, &settings, None) {
                    Ok(Some(opened)) => {
                        self.set_state(State::Moving);
                        self.move_to(monitor, opened.segment, Some(opened.attachment));
                    }
                    Ok(None) => monitor.next_name = 0, // someone was faster: look again at the next tick
                    Err(error) if !monitor.nameless => self.say(Level::Warn, format_args!("cannot create it: {error}")),
                    Err(_) => {}
                }
                monitor.nameless = true;
            }
            Ok(Some(_)) => {
                if let Ok(Found::Valid(other)) = find(&self.name, self.settings.capacity) {
                    // Of one that may be in another pid namespace the heartbeat tells, from look to look.
                    let now = (other.id, other.heartbeat(Side::Master));
                    let before = monitor.rival.replace(now);
                    let beats = before.is_some_and(|(id, beat)| id == now.0 && beat != now.1);
                    match other.signs(Side::Master) {
                        Signs::Alive => self.oust(monitor),
                        Signs::LockFree | Signs::NoProcess if beats => self.oust(monitor),
                        _ => {}
                    }
                }
            }
            Err(error) => self.say(Level::Debug, format_args!("cannot look at the name: {error}")),
        }
    }
}
