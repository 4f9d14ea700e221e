//! One tick of one handle: beat, look at the remote, and do what follows from it.

use super::{
    monitor::{Monitor, counters},
    remote::{Change, Sight},
    service,
    signalling::Signals,
};
use crate::config::{HEARTBEAT_INTERVAL_MS, Side};
use crate::endpoint::attach::{name_in_header, publish_lock};
use crate::endpoint::core::{Core, State, writer_word};
use crate::endpoint::event::News;
use crate::failpoint::failpoint;
use crate::log::Level;
use crate::segment::{peer::threshold, view::Library};
use crate::sync::{self, Ordering};
use crate::sys::{
    clock::{self, MS},
    lock, process,
};
use std::os::fd::AsFd;

/// How soon a handle needs its next tick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Pace {
    Fast,
    /// A reading thread beats, see [`Core::relieve`].
    Relieved,
    Slow,
}

/// Heartbeats made up for at most, after the service thread did not run.
const MADE_UP: u64 = 100;
/// Milliseconds that one look adds to a remote's silence at most, but for a sleep that was longer by intent.
const MOST_SILENCE: u64 = 3;
/// The staleness threshold, in milliseconds, from which on heartbeats may come in tens while nobody hears them: five times the
/// pauses between them.
const DOZING_THRESHOLD: u32 = 50 * HEARTBEAT_INTERVAL_MS;
/// Nanoseconds since `then`; a millisecond if the clock was set back, and is put right.
fn since(then: u64, now: u64) -> u64 {
    now.checked_sub(then).unwrap_or_else(|| {
        clock::not_before(then);
        MS
    })
}

/// Between two tries for a lock that someone else holds.
const LOCK_AGAIN: u64 = 10 * MS;
/// Between two looks of a master at its name.
const NAME_AGAIN: u64 = 1000 * MS;

impl Core {
    /// The service thread's heartbeats.
    pub(crate) fn beat_from_service(&self, now: u64) {
        let monitor = sync::lock(&self.monitor); // held on: closing unmaps only what it has taken out of there
        failpoint!("service.beat");
        if monitor.is_some() {
            self.catch_up(now);
        }
    }

    /// Adds the heartbeats that are due by `now`; any thread may, where the service thread is late.
    pub(crate) fn catch_up(&self, now: u64) {
        let due = service::ticks_at(now);
        let done = self.beaten.fetch_max(due, Ordering::Relaxed); // each tick is beaten by who raises it; a count only
        if done < due {
            self.beat((due - done).min(MADE_UP));
        } else if due < done {
            clock::not_before(service::begin_of(done)); // set back since that beat
        }
    }

    /// Beats in place of the service thread, which then wakes up less often: each time it takes a processor from a thread that
    /// polls, and on a hot pair that is what a slow round trip consists of.
    #[cold]
    pub(crate) fn relieve(&self) {
        let now = clock::now();
        self.catch_up(now);
        self.relieved.store(service::ticks_at(now), Ordering::Relaxed); // a hint
    }

    /// Whether a reading thread saw to our heartbeats at tick `done` or the one before, and no other waits to be looked after.
    fn is_relieved(&self, done: u64) -> bool {
        self.relieved.load(Ordering::Relaxed) + 1 >= done && self.parked.load(Ordering::Relaxed) == 0 // hints
    }

    /// Adds `count` to our heartbeat, unless the segment is no longer ours to touch. The handle must not be closed.
    pub(crate) fn beat(&self, count: u64) {
        if !matches!(self.state(), State::Attached | State::Reconnecting | State::Moving) || self.is_displaced() {
            return;
        }
        // Locked, since eshm_update_heartbeat adds too; ordered with nothing.
        self.view().header().heartbeat[self.side as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// Whether another master has taken this one's place.
    pub(crate) fn is_displaced(&self) -> bool {
        // Both are watched for difference alone.
        self.side == Side::Master
            && self.view().header().master_generation.load(Ordering::Relaxed) != self.generation.load(Ordering::Relaxed)
    }

    /// The tick of the service thread; `elapsed` milliseconds count as silence.
    pub(crate) fn tick_from_service(&self, elapsed: u64, now: u64) -> Pace {
        sync::lock(&self.monitor).as_mut().map_or(Pace::Slow, |monitor| self.tick(monitor, elapsed, now))
    }

    /// The tick of a handle without threads after a sleep of at most `slice` nanoseconds: heartbeats for each millisecond since
    /// the last, all of which we chose to be deaf for. None within the millisecond after the last.
    pub(crate) fn tick_after(&self, slice: u64) {
        let mut monitor = sync::hold(&self.monitor);
        let Some(monitor) = monitor.as_mut() else { return };
        let now = clock::now();
        let elapsed = since(monitor.last_look, now) / MS;
        if elapsed > 0 {
            monitor.last_look += elapsed * MS; // what is left counts in the next
            self.beat(elapsed.min(MADE_UP.max(slice / MS)));
            self.tick(monitor, elapsed.min(MOST_SILENCE.max(slice / MS)), now);
        }
    }

    /// The tick of a handle without threads, from within its own calls: one heartbeat, and a look if a millisecond has
    /// passed.
    pub(crate) fn tick_inline(&self) {
        let mut monitor = sync::hold(&self.monitor);
        let Some(monitor) = monitor.as_mut() else { return };
        self.beat(1);
        let now = clock::now();
        let elapsed = since(monitor.last_look, now) / MS;
        if elapsed > 0 {
            monitor.last_look = now;
            self.tick(monitor, elapsed.min(MOST_SILENCE), now);
        } else if self.is_displaced() && self.state() == State::Attached {
            self.oust(monitor);
        }
    }

    fn tick(&self, monitor: &mut Monitor, elapsed: u64, now: u64) -> Pace {
        failpoint!("service.tick");
        if !matches!(self.state(), State::Moving | State::Closing) {
            self.tend_mark(monitor, elapsed, now);
            self.look_back(monitor, elapsed);
        }
        match self.state() {
            State::Attached => self.tick_attached(monitor, elapsed, now),
            State::Reconnecting => self.tick_reconnecting(monitor, now),
            State::Moving => self.finish_move(monitor, now),
            State::Ousted => drop(self.look_at_remote(monitor, elapsed)),
            State::GaveUp | State::Stopped if monitor.present => self.leave_for_good(monitor),
            State::GaveUp | State::Stopped | State::Closing => {}
        }
        self.look_after_parked(monitor.left.view.is_some());
        self.bring_reads();
        self.settle(News::Change);
        let idle = match self.state() {
            State::Attached | State::Ousted => monitor.remote.is_stale() && self.may_doze(monitor),
            State::Reconnecting | State::Moving => false,
            State::GaveUp | State::Stopped | State::Closing => true,
        };
        match idle {
            true => Pace::Slow,
            false if self.is_relieved(service::ticks_at(now)) => Pace::Relieved,
            false => Pace::Fast,
        }
    }

    /// Whether ten milliseconds between two ticks harm nobody: no reader waits for a peer whose signals cannot be relied on,
    /// and a slave that comes will not take the pauses between our heartbeats for silence.
    fn may_doze(&self, monitor: &Monitor) -> bool {
        let relied_on = self.signals.load(Ordering::Relaxed) == Signals::Yes as u32; // hints, looked at each tick
        let waited_for = self.parked.load(Ordering::Relaxed) != 0 && !relied_on;
        !waited_for && monitor.segment.threshold() >= DOZING_THRESHOLD
    }

    fn tick_attached(&self, monitor: &mut Monitor, elapsed: u64, now: u64) {
        if self.is_displaced() {
            return self.oust(monitor);
        }
        self.keep_side(monitor, now);
        match self.look_at_remote(monitor, elapsed) {
            Change::Stale if self.side == Side::Slave => return self.lose_master(monitor, now),
            Change::None if self.side == Side::Slave && monitor.remote.is_stale() => {
                return self.lose_master(monitor, now); // known at attach
            }
            _ => {}
        }
        if self.side == Side::Master && now >= monitor.next_name {
            monitor.next_name = now + NAME_AGAIN;
            self.look_at_name(monitor, now);
        }
    }

    /// Sets what a released creator or another slave's exit wiped out, and tries for the lock until it is ours.
    fn keep_side(&self, monitor: &mut Monitor, now: u64) {
        let (header, index) = (monitor.segment.view.header(), self.side as usize);
        let pid = header.pid[index].load(Ordering::Relaxed); // these change rarely and are looked at each tick
        if pid == 0 || header.alive[index].load(Ordering::Relaxed) == 0 {
            name_in_header(&monitor.segment.view, self.side);
            header.alive[index].store(1, Ordering::Release); // as on attach
        }
        if pid != process::pid() {
            monitor.strangers.notice(&monitor.segment.view, self.side);
        } else if header.marked[index].load(Ordering::Relaxed) != pid {
            name_in_header(&monitor.segment.view, self.side); // wiped out by one that came or left at the same time
        }
        if now >= monitor.next_lock && !(monitor.holds_lock && pid == process::pid()) {
            monitor.next_lock = now + LOCK_AGAIN;
            if !monitor.holds_lock {
                monitor.holds_lock = lock::try_lock(monitor.segment.file.as_fd(), index as i64).unwrap_or(false);
            }
            if monitor.holds_lock && pid != process::pid() && monitor.is_alone(self.side, 0) {
                name_in_header(&monitor.segment.view, self.side); // it came after us and died: the side is ours again
            }
        }
        let named = self.is_named_in_header();
        if named && monitor.holds_lock && !monitor.segment.view.is_ours(self.side) {
            publish_lock(&monitor.segment, self.side, self.generation.load(Ordering::Relaxed));
        }
        if !named && self.side == Side::Slave {
            // Said too late, as another came at the same instant.
            let (lock, own) = (&monitor.segment.view.header().lock[index], process::pid() as u32);
            let _ = lock.compare_exchange(own, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// A look between two ticks, at a remote that was stale at the last.
    pub(crate) fn look_again(&self) {
        if let Some(monitor) = sync::hold(&self.monitor).as_mut()
            && monitor.remote.is_stale()
        {
            self.look_at_remote(monitor, 0);
        }
    }

    /// One look at the other side.
    fn look_at_remote(&self, monitor: &mut Monitor, elapsed: u64) -> Change {
        let (segment, other) = (&monitor.segment, self.side.other());
        let header = segment.view.header();
        let sight = Sight {
            pid: header.pid[other as usize].load(Ordering::Relaxed), // both are watched for change alone
            heartbeat: header.heartbeat[other as usize].load(Ordering::Relaxed),
            flag: header.alive[other as usize].load(Ordering::Acquire) != 0, // pairs with attach and detach
            threshold: threshold(header.stale_threshold.load(Ordering::Relaxed)), // a setting
        };
        let began_anew = sight.heartbeat < monitor.remote.heartbeat();
        let change = monitor.remote.look(sight, elapsed, || segment.lock_is_free(other));
        // Who beats then is a released one, also if it has the number of one of ours that was there. At 0 it may still be coming.
        if change == Change::Stale || began_anew {
            monitor.forsaken = !segment.has_other_writers(other, 0, None, false);
            if monitor.forsaken {
                monitor.doubt.forget_writer();
            }
        } else if monitor.forsaken && !monitor.remote.is_stale() && sight.heartbeat != 0 {
            monitor.forsaken = false;
            segment.disown(other);
        }
        let seen = counters(&segment.view, self.side);
        let signals = monitor.signalling.look(seen.writer, seen.writes, seen.wakes);
        self.signals.store(signals as u32, Ordering::Relaxed); // a hint
        let library = match segment.view.library(other) {
            Library::Ours if monitor.forsaken => Library::ReleasedAfterOurs,
            library => library,
        };
        let parity = monitor.doubt.look(seen.writer, library, seen.pair);
        self.parity.store(parity.to_word(), Ordering::Release); // pairs with look: what it rests on came before
        self.judged.store(writer_word(seen.writer), Ordering::Release); // likewise, and after the verdict
        match change {
            Change::Stale => {
                self.remote_alive.store(false, Ordering::Release); // pairs with remote_alive()
                if monitor.met || self.side == Side::Slave {
                    self.say(Level::Warn, format_args!("the {} is stale", other.name()));
                } else {
                    self.say(Level::Debug, format_args!("no {} within {} ms", other.name(), sight.threshold));
                }
            }
            Change::Recovered => {
                monitor.generation = header.master_generation.load(Ordering::Relaxed); // watched for change alone
                self.remote_alive.store(true, Ordering::Release);
                if monitor.met {
                    self.say(Level::Warn, format_args!("the {} has recovered", other.name()));
                } else {
                    self.say(Level::Info, format_args!("the {} is there", other.name()));
                }
                monitor.met = true;
            }
            Change::None => monitor.met |= sight.flag && !monitor.remote.is_stale(),
        }
        change
    }

    /// Another master has taken our place: nothing of the segment is ours any more.
    pub(super) fn oust(&self, monitor: &mut Monitor) {
        self.say(Level::Warn, format_args!("another master has taken this one's place"));
        self.leave_lock(monitor);
        self.set_state(State::Ousted);
    }

    /// Lets the successor have the lock now; a child that inherited the file never comes here.
    pub(super) fn leave_lock(&self, monitor: &mut Monitor) {
        lock::unlock(monitor.segment.file.as_fd(), self.side as i64);
        monitor.holds_lock = false;
    }
}
