//! The end of a handle.
//!
//! A write that has published its message may be overtaken by the end of its handle: the peer answers at once, and another
//! thread takes the answer as the sign to close. That overlap is the caller's error, but a small one, so it is made
//! harmless: what such a call may still touch stays there for a while, backed by nothing ([`service::bury`]).

use super::attach::detach;
use super::core::{Core, PLACES, State};
use super::event::News;
use crate::config::Side;
use crate::failpoint::failpoint;
use crate::liveness::service;
use crate::log;
use crate::segment::{Decision, Segment, view::View};
use crate::sync::{self, Ordering, statics};
use crate::sys::{clock, file, process, thread};
use std::{sync::Arc, time::Duration};

/// How long closing waits for another process's decision about the segment before it leaves the name behind.
const DECIDING: Duration = Duration::from_secs(1);
/// How long the heartbeat of a released slave is watched whose process is not to be seen: it crashed just now, or lives in another
/// pid namespace.
const CRASHED: Duration = Duration::from_millis(100);
/// How long a released reader may take to leave, between two wake-ups.
const AGAIN: Duration = Duration::from_micros(100);

impl Core {
    /// Ends the handle: readers that wait are released, our side is given back, and a master's name is removed with
    /// `auto_cleanup`. The caller promises that no other call begins. Returns the addresses that the segment was mapped at,
    /// which lead nowhere now.
    pub(crate) fn close(&self) -> Vec<Arc<View>> {
        if self.is_inherited() {
            self.end_event_fd(0);
            self.release_in_child();
            return Vec::new();
        }
        let end = clock::now() + service::PATIENCE;
        let was = self.state();
        self.set_state(State::Closing);
        failpoint!("close.marked");
        if self.threads {
            service::unregister(self, end);
        }
        self.await_others(end);
        self.end_event_fd(end);
        // Taken out: a tick that had begun is over, and none finds anything from here on.
        let Some(mut held) = sync::hold_until(&self.monitor, end) else { return self.leave_blindly() };
        let Some(mut monitor) = held.take() else { return Vec::new() };
        drop(held);
        failpoint!("close.quiet");
        self.bring_reads();
        self.end_kept();
        service::remove_side(monitor.segment.id, self.side);
        if let Some((segment, Some(attachment))) = monitor.pending.take() {
            // A master's fresh segment that it never got to.
            service::remove_side(segment.id, self.side);
            self.leave(&segment, attachment.generation, attachment.holds_lock, true);
            segment.end_membership(self.side, attachment.mark);
        }
        if was != State::Ousted {
            let generation = self.generation.load(Ordering::Relaxed); // the ticks are over
            self.leave(&monitor.segment, generation, monitor.holds_lock, monitor.present);
        }
        monitor.segment.end_membership(self.side, monitor.mark);
        let mut views = monitor.retired;
        views.append(&mut monitor.spares);
        views.push(monitor.segment.view);
        // Who is still inside finds all as it was.
        if !self.is_occupied() {
            views.retain(|view| view.bury().is_ok());
        }
        views
    }

    /// Waits until no other thread is inside a read, at most until `end`. This thread may be: a signal handler of its own has
    /// interrupted it, or it has jumped out and does not come back.
    fn await_others(&self, end: u64) {
        while self.inside.load(Ordering::SeqCst) != 0 || self.has_other_readers() {
            if clock::now() >= end {
                return log::error!("{self}: a thread does not return from its read; the handle stays in memory");
            }
            self.announce(); // pairs with the release decrement of a reader that leaves
            clock::sleep(AGAIN);
        }
    }

    fn has_other_readers(&self) -> bool {
        let own = thread::own_number();
        // SeqCst: pairs with enter, and with the release in exit.
        self.readers.iter().map(|place| place.load(Ordering::SeqCst)).any(|reader| reader != 0 && reader != own)
    }

    /// Whether a thread is still inside a read.
    pub(crate) fn is_occupied(&self) -> bool {
        // As above.
        self.inside.load(Ordering::SeqCst) != 0 || self.readers.iter().any(|place| place.load(Ordering::SeqCst) != 0)
    }

    /// A thread holds what closing needs and does not go on: says that we have left, and keeps all the rest.
    #[cold]
    fn leave_blindly(&self) -> Vec<Arc<View>> {
        log::error!("{self}: a thread does not return from its call; the handle stays in memory");
        if self.is_named_in_header() && !self.is_displaced() {
            detach(self.view(), self.side, true);
        }
        // SAFETY: each handle is in an Arc, as an endpoint makes it.
        unsafe { Arc::increment_strong_count(self) }; // for that thread: the last reference never goes
        Vec::new()
    }

    /// The last steps, under the decision lock: what is ours is looked at again, then cleared and unlinked.
    fn leave(&self, segment: &Segment, generation: u32, holds_lock: bool, present: bool) {
        let decision = Decision::wait(&segment.file, DECIDING).ok().flatten();
        failpoint!("close.decided");
        if decision.is_none() {
            log::warning!("{self}: another process has been deciding about the segment for 1 s; its name stays");
        }
        let cleans_up = self.side == Side::Master && self.settings.auto_cleanup && !self.keeps_a_count(segment);
        failpoint!("close.judged");
        // From here on nothing takes long. While we were held up another may have decided, and have taken our place.
        let header = segment.view.header();
        // Relaxed: whoever changes these does so under the decision lock, or has taken the side for good.
        let ours = match self.side {
            Side::Master => header.master_generation.load(Ordering::Relaxed) == generation,
            // A slave that gave up has cleared its flag already; set again, it is another handle's.
            Side::Slave => present && header.pid[1].load(Ordering::Relaxed) == process::pid(),
        };
        if !ours {
            return;
        }
        if cleans_up
            && decision.as_ref().is_some_and(|decision| decision.stands_at(&self.name, segment.id))
            && let Err(error) = file::unlink(self.name.path())
        {
            log::warning!("{self}: cannot remove the name: {error}");
        }
        failpoint!("close.unlinked");
        detach(&segment.view, self.side, holds_lock);
        failpoint!("close.detached");
    }

    /// Whether a released slave is there, which remembers the count of writes and would hear nothing of a fresh segment until that
    /// passes it: the next master takes this one over, and the count goes on.
    fn keeps_a_count(&self, segment: &Segment) -> bool {
        let kept = segment.has_released_slave(CRASHED);
        if kept {
            log::info!("{self}: a slave of a released library is attached; the name stays for the next master");
        }
        kept
    }

    /// In a child that inherited the handle nothing of the segment is ours; the parent's lock stays with the parent's
    /// descriptor, so ours can go.
    fn release_in_child(&self) {
        // If a thread of the parent held the mutex at the fork it stays locked here, and the rest is left to exit.
        if let Ok(mut monitor) = self.monitor.try_lock() {
            drop(monitor.take());
        }
        self.end_kept();
    }

    /// Ends the reads that wait, with a timeout and without taking anything; so do later ones, until [`Core::resume`]. On
    /// return no thread is inside one, unless somebody resumed meanwhile.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst); // before the look at `inside`: a reader counts itself in, then looks here
        let end = clock::now() + service::PATIENCE;
        while self.is_occupied() && self.interrupted.load(Ordering::SeqCst) && clock::now() < end {
            self.announce(); // again and again: one that was about to sleep sleeps through the first
            clock::sleep(AGAIN);
        }
    }

    /// Lets reads wait again.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn resume(&self) {
        self.interrupted.store(false, Ordering::SeqCst); // pairs with the loads in interrupt and in a read
    }

    /// Counts a waiting reader in: its place, and false if the handle is closing.
    pub(crate) fn enter(&self) -> (usize, bool) {
        let own = thread::own_number();
        // SeqCst, both: pairs with close: Closing is stored, then these are looked at.
        let free =
            |place: &statics::AtomicUsize| place.compare_exchange(0, own, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        let place = self.readers.iter().position(free).unwrap_or_else(|| {
            self.inside.fetch_add(1, Ordering::SeqCst);
            PLACES
        });
        (place, self.state() != State::Closing)
    }

    /// Settles the event descriptor and counts the reader out; the last thing it does with the handle, which may be gone right
    /// after.
    ///
    /// # Safety
    /// `core` points to a handle on which this thread has called `enter`, which gave it this place.
    pub(crate) unsafe fn exit(core: *const Core, place: usize) {
        // SAFETY: alive until this very store or decrement. Release pairs with close's acquire.
        unsafe {
            (*core).settle(News::Read);
            match (*core).readers.get(place) {
                Some(place) => place.store(0, Ordering::Release),
                None => drop((*core).inside.fetch_sub(1, Ordering::Release)),
            }
        };
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests;
