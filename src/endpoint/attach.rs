//! Taking a side of a segment, and giving it back.

use crate::config::Side;
use crate::failpoint::failpoint;
use crate::liveness::{service, strangers::Strangers};
use crate::segment::{Segment, mark::Mark, view::View};
use crate::sync::Ordering;
use crate::sys::{futex, lock, process};
use std::os::fd::AsFd;

/// What a handle holds of the segment it is attached to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attachment {
    /// The master's generation, at our attach.
    pub(crate) generation: u32,
    /// Whether the lock on our side's byte is ours.
    pub(crate) holds_lock: bool,
    /// By which the others of our side find us.
    pub(crate) mark: Option<Mark>,
    /// Who may still write to our side, but for those with a mark.
    pub(crate) strangers: Strangers,
    /// The sequence of the channel we read, before anything else was touched.
    pub(crate) baseline: u32,
}

/// Takes `side`. The order is the contract's: baseline, heartbeat, lock, pid, generation, alive last. The process knows of
/// it before anyone can: [`service::remove_side`] when it is given back. `dead` says that who had the side before is dead, as far
/// as its heartbeat tells. The caller has the mark already, if one is to be had: before our pid, and before anybody writes.
pub(crate) fn attach(segment: &Segment, side: Side, dead: bool, mark: Option<Mark>) -> Attachment {
    let header = segment.view.header();
    let index = side as usize;
    service::add_side(segment.id, side);
    let strangers = strangers_before(&segment.view, side, dead);
    let baseline = segment.view.channel(side.reads()).baseline();
    header.heartbeat[index].store(0, Ordering::Relaxed); // all of these are published by the alive flag
    failpoint!("attach.heartbeat");
    let holds_lock = lock::try_lock(segment.file.as_fd(), index as i64).unwrap_or(false);
    failpoint!("attach.locked");
    header.lock[index].store(0, Ordering::Release); // before the pid: a field never names a side that is not its holder's
    name_in_header(&segment.view, side);
    failpoint!("attach.pid");
    let generation = match side {
        // Relaxed: everybody watches it for change alone.
        Side::Master => header.master_generation.fetch_add(1, Ordering::Relaxed).wrapping_add(1),
        Side::Slave => header.master_generation.load(Ordering::Relaxed),
    };
    failpoint!("attach.generation");
    if holds_lock {
        publish_lock(segment, side, generation);
    }
    failpoint!("attach.said");
    header.alive[index].store(1, Ordering::Release); // pairs with the acquire in Segment::signs and the remote's watch
    failpoint!("attach.alive");
    Attachment { generation, holds_lock, mark, strangers, baseline }
}

/// Puts our pid into the header.
pub(crate) fn name_in_header(view: &View, side: Side) {
    let (header, index) = (view.header(), side as usize);
    header.marked[index].store(process::pid(), Ordering::Relaxed); // first: who finds the pid knows it for one of ours
    header.pid[index].store(process::pid(), Ordering::Release);
}

/// Who had the side before us and may still be writing, but for ours, who have a mark.
fn strangers_before(view: &View, side: Side, dead: bool) -> Strangers {
    let mut strangers = Strangers::default();
    strangers.notice(view, side);
    // Relaxed: the message itself is not looked at.
    let half_written = view.channel(side.writes()).head.sequence.load(Ordering::Relaxed) & 1 == 1;
    // A released one that cannot be seen and does not beat has died, or is stopped in another pid namespace. Nobody can tell; and
    // if a message were left half-written for ever on that account, one crash would end the channel.
    if half_written && dead { strangers.forget_unknown() } else { strangers }
}

/// Says in the header that our side's lock is held.
pub(crate) fn publish_lock(segment: &Segment, side: Side, generation: u32) {
    let value = match side {
        Side::Master => generation,
        Side::Slave => process::pid() as u32,
    };
    segment.view.header().lock[side as usize].store(value, Ordering::Release); // pairs with Segment::is_ours
}

/// Forgets readers that died while parked on the channel that `side` reads.
pub(crate) fn forget_parked(segment: &Segment, side: Side) {
    segment.view.channel(side.reads()).tail.waiters.store(0, Ordering::SeqCst); // in one order with the counting of readers
}

/// Gives `side` back after a clean exit: nothing of it is left that says alive. The lock goes with the descriptor.
pub(crate) fn detach(view: &View, side: Side, holds_lock: bool) {
    let header = view.header();
    header.alive[side as usize].store(0, Ordering::Release); // pairs with the remote's watch: all we wrote came before
    failpoint!("detach.flag");
    // After the flag: killed between the two we are known to have left, and not alive until the threshold. Before the lock
    // can be free.
    if holds_lock {
        header.lock[side as usize].store(0, Ordering::Release); // pairs with Segment::is_ours
    }
    // A released one of our pid, in another container, is none of ours.
    let _ = header.marked[side as usize].compare_exchange(process::pid(), 0, Ordering::Relaxed, Ordering::Relaxed);
    failpoint!("detach.lock");
    for which in 0..2 {
        let tail = view.channel(which).tail;
        tail.wake_seq.fetch_add(1, Ordering::SeqCst); // pairs with a reader about to park: its compare fails
        futex::wake(&tail.wake_seq, futex::Scope::Shared);
        failpoint!("detach.woken");
    }
}
