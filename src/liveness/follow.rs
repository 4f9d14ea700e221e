//! Following the segment: a slave that lost its master looks for another, a master whose name was removed makes it anew, and
//! both move to what they find.
//!
//! How large that is, is somebody else's choice, and all handles of the process wait for each other's ticks. So what takes the longer
//! the larger a segment is, is done in pieces, over ticks ([`Core::prepare_move`]), or not in a tick.

use super::{
    monitor::{Candidate, Monitor},
    reconnect::{Reconnect, Step},
    remote::{Change, Sight},
    service,
    signalling::Signals,
    work::WORK,
};
use crate::config::{DisconnectBehavior, Settings, Side};
use crate::endpoint::attach::{Attachment, attach, detach, forget_parked};
use crate::endpoint::core::{Core, State};
use crate::endpoint::{
    open::{abandon, begin_master, no_room},
    refusal::explain,
};
use crate::failpoint::failpoint;
use crate::log::Level;
use crate::segment::{
    Decision, Segment,
    find::{Found, Purpose, find_for},
    layout::{Layout, SMALL},
    name::folder_now,
    peer::Signs,
    view::View,
};
use crate::sync::Ordering;
use crate::sys::{
    clock::{self, MS},
    file,
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    ptr,
    sync::Arc,
    time::Duration,
};

/// Nanoseconds after its begin in which a tick takes up one more piece of what it prepares.
const LATEST: u64 = MS / 2;
/// Bytes of a piece: some 30 to 50 us.
const PIECE: usize = 1 << 17;

impl Core {
    pub(super) fn lose_master(&self, monitor: &mut Monitor, now: u64) {
        if self.settings.behavior == DisconnectBehavior::Immediately {
            self.leave_for_good(monitor);
            self.end_reading(&monitor.segment);
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
            return self.finish_move(monitor, now);
        }
        if self.master_is_back(monitor) {
            monitor.reconnect = None;
            self.follow_no_other(monitor);
            monitor.meet_remote(self.side);
            return self.reconnected(monitor);
        }
        if self.follow(monitor, now) {
            return;
        }
        let Some(reconnect) = &mut monitor.reconnect else { return };
        match reconnect.step(now, &self.settings) {
            Step::Wait => {}
            Step::Attempt => {
                self.attempt(monitor);
                self.follow(monitor, now);
            }
            Step::GiveUp => {
                self.say(Level::Warn, format_args!("giving up after {} attempts", reconnect.attempts));
                self.follow_no_other(monitor);
                self.leave_for_good(monitor);
                self.end_reading(&monitor.segment);
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
        let found = match find_for(Purpose::Follow, &self.name, capacity) {
            Ok(Found::Valid(segment)) if segment.id != monitor.segment.id => segment,
            Ok(_) => return,
            Err(error) => return self.cannot_follow(&error),
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
        if monitor.candidate.as_ref().is_none_or(|known| known.segment.id != found.id) {
            self.follow_no_other(monitor);
            let heartbeat = found.heartbeat(Side::Master);
            monitor.candidate = Some(Candidate { segment: found, heartbeat });
            monitor.prepared = 0;
        }
    }

    /// Once a segment: each attempt fails alike.
    #[cold]
    fn cannot_follow(&self, error: &io::Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            self.say(Level::Warn, format_args!("cannot look for a master: {}", explain(&self.name, error)));
        }
    }

    /// Prepares the move to the candidate, if its master lives, and then moves; true while it is at that.
    fn follow(&self, monitor: &mut Monitor, now: u64) -> bool {
        let Some(mut candidate) = monitor.candidate.take() else { return false };
        let (segment, begun) = (&candidate.segment, monitor.prepared);
        let (signs, heartbeat) = (segment.signs(Side::Master), segment.heartbeat(Side::Master));
        if signs == Signs::Absent {
            self.forsake(candidate.segment);
            return false;
        }
        let alive = signs == Signs::Alive;
        // Of one that may be in another pid namespace the heartbeat tells, from tick to tick.
        if !alive && heartbeat == candidate.heartbeat {
            monitor.candidate = Some(candidate);
            return false;
        }
        match self.prepare_move(&monitor.segment, segment, &mut monitor.prepared, now) {
            // In several ticks it may have died.
            Ok(true) if alive || begun == 0 || begun == monitor.prepared => {
                self.move_to(monitor, candidate.segment, None, now)
            }
            Ok(ready) => {
                if ready {
                    candidate.heartbeat = heartbeat;
                }
                monitor.candidate = Some(candidate);
            }
            Err(error) => {
                self.cannot_follow(&error);
                self.forsake(candidate.segment);
                return false;
            }
        }
        true
    }

    fn follow_no_other(&self, monitor: &mut Monitor) {
        if let Some(Candidate { segment, .. }) = monitor.candidate.take() {
            self.forsake(segment);
        }
    }

    #[cold]
    fn forsake(&self, segment: Segment) {
        self.let_go(segment.view.layout, Some(segment.file), Some(segment.view));
    }

    /// Lets go of what may be the last to hold the file of a segment, whose memory the kernel then frees: of a large one in a thread
    /// for that, as nobody waits for it.
    #[inline(never)]
    pub(crate) fn let_go(&self, layout: Layout, file: Option<OwnedFd>, view: Option<Arc<View>>) {
        if self.threads && layout.total() > SMALL {
            service::forsake((file, view));
        }
    }

    /// Takes a piece of what a tick may do; in a handle without threads, whose ticks are its own, there is always one.
    fn take_piece(&self) -> bool {
        cfg!(loom) || !self.threads || WORK.take(ptr::from_ref(self).addr())
    }

    fn move_to(&self, monitor: &mut Monitor, segment: Segment, attachment: Option<Attachment>, now: u64) {
        failpoint!("move.found");
        if self.settings.huge_pages {
            segment.view.mapping.advise_huge();
        }
        monitor.pending = Some((segment, attachment));
        self.finish_move(monitor, now);
    }

    /// Moves to the pending segment, now or at a later tick.
    pub(super) fn finish_move(&self, monitor: &mut Monitor, now: u64) {
        if let Some((segment, Some(_))) = &monitor.pending {
            // It has its name already: who comes finds us alive, also while others have their turn.
            segment.view.header().heartbeat[self.side as usize].fetch_add(1, Ordering::Relaxed); // ordered with nothing
        }
        if !self.take_piece() {
            return;
        }
        let Some((segment, attachment)) = monitor.pending.take() else { return };
        if let Some(attachment) = attachment {
            match self.prepare_move(&monitor.segment, &segment, &mut monitor.prepared, now) {
                Ok(true) => {}
                Ok(false) => return monitor.pending = Some((segment, Some(attachment))),
                Err(error) => {
                    let error = no_room(&self.name, segment.view.layout, &error);
                    if !self.warned.swap(true, Ordering::Relaxed) {
                        self.say(Level::Warn, format_args!("cannot create it: {error}"));
                    }
                    abandon(&self.name, &segment, attachment, Duration::ZERO);
                    self.forsake(segment);
                    return self.set_state(State::Attached);
                }
            }
        }
        let old_id = monitor.segment.id;
        let (named, marked) = (self.is_named_in_header(), monitor.mark.is_some_and(|mark| mark.disclaims() == 0));
        // Before a thread of ours can write there, and be stopped in that.
        let mark = match &attachment {
            None => segment.mark_or_name(self.side),
            Some(attachment) => attachment.mark,
        };
        let moved = self.replace_segment(monitor, segment, |old, holds_lock| {
            if named {
                detach(old, self.side, holds_lock);
            }
            if !marked && service::count_side(old_id, self.side) == 1 {
                old.forget_unmarked(self.side);
            }
            failpoint!("move.left");
        });
        if let Err(segment) = moved {
            if attachment.is_none() {
                match mark {
                    Some(mark) => segment.unmark(mark),
                    None => segment.end_membership(self.side, None), // holds no other lock there
                }
            }
            monitor.pending = Some((segment, attachment));
            return;
        }
        failpoint!("move.mapped");
        service::remove_side(old_id, self.side);
        // A master's was taken before its segment had a name.
        let attachment = attachment.unwrap_or_else(|| {
            if monitor.segment.signs(self.side) != Signs::Alive {
                forget_parked(&monitor.segment, self.side);
            }
            attach(&monitor.segment, self.side, false, mark)
        });
        self.generation.store(attachment.generation, Ordering::Relaxed); // the tick reads it; same thread, or under the mutex
        monitor.holds_lock = attachment.holds_lock;
        (monitor.mark, monitor.strangers) = (attachment.mark, attachment.strangers);
        monitor.generation = attachment.generation;
        monitor.reconnect = None;
        self.follow_no_other(monitor);
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
    pub(super) fn look_at_name(&self, monitor: &mut Monitor, now: u64) {
        match file::lookup(self.name.path()) {
            Ok(Some(id)) if id == monitor.segment.id => monitor.nameless = false,
            Ok(_) if self.is_elsewhere(monitor) => {}
            Ok(None) => {
                if !monitor.nameless {
                    self.say(Level::Warn, format_args!("the name was removed; creating it anew"));
                }
                let capacity = monitor.segment.view.layout.capacity;
                let settings = Settings { capacity, ..self.settings };
                match begin_master(&self.name, &settings, None) {
                    Ok(Some(opened)) => {
                        self.set_state(State::Moving);
                        monitor.prepared = 0;
                        self.move_to(monitor, opened.segment, Some(opened.attachment), now);
                    }
                    Ok(None) => monitor.next_name = 0, // someone was faster: look again at the next tick
                    Err(error) if !monitor.nameless => self.say(Level::Warn, format_args!("cannot create it: {error}")),
                    Err(_) => {}
                }
                monitor.nameless = true;
            }
            Ok(Some(_)) => {
                if let Ok(Found::Valid(other)) = find_for(Purpose::Follow, &self.name, self.settings.capacity) {
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

    /// Does a piece of what must be done before moving from `old` to `new`, and more while this tick has some left, up to `prepared`
    /// bytes of either; true once all is done. Memory is reserved, so that a full tmpfs is an error here and no SIGBUS later; and the
    /// old pages leave our page table, as the move itself would have them do all at once.
    fn prepare_move(&self, old: &Segment, new: &Segment, prepared: &mut usize, now: u64) -> io::Result<bool> {
        let (old, total) = (&old.view.mapping, new.view.layout.total());
        let all = total.max(old.length());
        if all <= SMALL {
            return Ok(true); // has its memory since it was found or made
        }
        while *prepared < all && self.take_piece() {
            let end = (*prepared + PIECE).min(all);
            file::reserve(new.file.as_fd(), *prepared as u64, end.min(total) as u64, &mut || {})?;
            old.forget_pages(*prepared..end);
            *prepared = end;
            if clock::now() >= now + LATEST {
                if self.threads {
                    WORK.end();
                }
                break;
            }
        }
        Ok(*prepared >= all)
    }
}
