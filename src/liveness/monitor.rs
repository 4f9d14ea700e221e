//! What a handle's tick works on, behind one mutex: the segment it is attached to and all that is learnt over time.

use super::{
    doubt::Doubt,
    reconnect::Reconnect,
    remote::Remote,
    signalling::{Signalling, Writer},
    strangers::Strangers,
};
use crate::config::Side;
use crate::endpoint::{attach::Attachment, left::Left};
use crate::segment::{Segment, mark::Mark, name::folder_now, view::View};
use crate::sync::Ordering;
use crate::sys::file::FileId;
use std::sync::Arc;

/// A segment found under our name, with a master that may live.
pub(crate) struct Candidate {
    pub(crate) segment: Segment,
    /// Its master's heartbeat when it was found: one in another pid namespace is known by its change.
    pub(crate) heartbeat: u64,
}

/// The cold state of one handle.
pub(crate) struct Monitor {
    /// What the handle is attached to; while reconnecting, what it was attached to last.
    pub(crate) segment: Segment,
    pub(crate) holds_lock: bool,
    /// By which the others of our side find us.
    pub(crate) mark: Option<Mark>,
    /// The sequence of our direction at the last look, and for how many milliseconds it has stood.
    pub(crate) standing: u32,
    pub(crate) stood: u64,
    /// A writer of our side that has no mark, and for how many milliseconds it has been named.
    pub(crate) named: (u64, u64),
    /// When a mark that could not be had is tried next, in nanoseconds.
    pub(crate) next_mark: u64,
    pub(crate) strangers: Strangers,
    /// Our alive flag is ours to clear.
    pub(crate) present: bool,
    /// The remote has been alive since we attached.
    pub(crate) met: bool,
    pub(crate) remote: Remote,
    /// None of ours was on the other side when it fell silent or began anew.
    pub(crate) forsaken: bool,
    pub(crate) signalling: Signalling,
    pub(crate) doubt: Doubt,
    /// A master that found its name removed and could not make it anew yet.
    pub(crate) nameless: bool,
    /// The folder of its name as it opened.
    pub(crate) folder: Option<FileId>,
    /// It found another folder in place of that one, and said so.
    pub(crate) elsewhere: bool,
    /// A master that found another segment under its name: that file, and its master's heartbeat then.
    pub(crate) rival: Option<(FileId, u64)>,
    /// The master's generation as last seen.
    pub(crate) generation: u32,
    /// Set while a slave looks for its master.
    pub(crate) reconnect: Option<Reconnect>,
    /// A segment under our name that a slave may move to.
    pub(crate) candidate: Option<Candidate>,
    /// A segment to move to as soon as no thread stands in the way.
    pub(crate) pending: Option<(Segment, Option<Attachment>)>,
    /// Bytes up to which the move to one of these two is prepared: see [`Core::prepare_move`](crate::endpoint::core::Core::prepare_move).
    pub(crate) prepared: usize,
    /// Ticks for which a foreign half-written message has stood in the way of moving.
    pub(crate) blocked: u32,
    /// The segment that a master moved away from, for a while.
    pub(crate) left: Left,
    /// Address ranges that former segments of other capacities were mapped at, now backed by nothing: late writers may
    /// still store there, so they stay mapped, and are used again.
    pub(crate) spares: Vec<Arc<View>>,
    /// Such ranges that cannot be used again.
    pub(crate) retired: Vec<Arc<View>>,
    /// When the name is looked at next, when the lock is tried next, when a handle without thread last looked; nanoseconds.
    pub(crate) next_name: u64,
    pub(crate) next_lock: u64,
    pub(crate) last_look: u64,
}

/// Milliseconds after which a message that stays half-written is no more left alone for one whose fate cannot be seen: two that
/// somebody's read lock keeps from having marks, or one of another pid namespace.
pub(crate) const NAMELESS: u64 = 10_000;

impl Monitor {
    /// For a handle that has just attached at `now`.
    pub(crate) fn new(segment: Segment, side: Side, attachment: Attachment, master_gone: bool, now: u64) -> Self {
        let remote = look_at(&segment.view, side, master_gone);
        let (signalling, doubt) = learn(&segment, side);
        Monitor {
            segment,
            holds_lock: attachment.holds_lock,
            mark: attachment.mark,
            standing: 0,
            stood: 0,
            named: (0, 0),
            next_mark: now,
            strangers: attachment.strangers,
            present: true,
            met: false,
            remote,
            forsaken: master_gone,
            signalling,
            doubt,
            nameless: false,
            folder: folder_now(),
            elsewhere: false,
            rival: None,
            generation: attachment.generation,
            reconnect: None,
            candidate: None,
            pending: None,
            prepared: 0,
            blocked: 0,
            left: Left::default(),
            spares: Vec::new(),
            retired: Vec::new(),
            next_name: now,
            next_lock: now,
            last_look: now,
        }
    }

    /// Whether no other handle can hold the lock of `side`, ours, at `odd`, or at any for 0: each that might has been shown to be
    /// gone, or disclaims it.
    pub(crate) fn is_alone(&mut self, side: Side, odd: u32) -> bool {
        self.strangers.notice(&self.segment.view, side);
        let long = odd != 0 && odd == self.standing && self.stood >= NAMELESS;
        self.strangers.are_gone() && !self.segment.has_other_writers(side, odd, self.mark, long)
    }

    /// Whether a slave prepares a move.
    pub(crate) fn is_preparing(&self) -> bool {
        self.prepared > 0 && self.candidate.is_some()
    }

    /// Begins anew with the other side of the segment attached to, which another process has taken.
    pub(crate) fn meet_remote(&mut self, side: Side) {
        self.remote = look_at(&self.segment.view, side, false);
    }

    /// Begins anew with another segment.
    pub(crate) fn begin_anew(&mut self, side: Side) {
        self.meet_remote(side);
        (self.signalling, self.doubt) = learn(&self.segment, side);
        // What stood in the segment before says nothing about the same number here.
        (self.standing, self.stood, self.named) = (0, 0, (0, 0));
    }
}

/// The first look at who writes to `side`.
fn learn(segment: &Segment, side: Side) -> (Signalling, Doubt) {
    let seen = counters(&segment.view, side);
    let mut doubt = Doubt::new(seen.writer);
    doubt.look(seen.writer, segment.view.library(side.other()), seen.pair);
    (Signalling::new(seen.writer, seen.writes, seen.wakes), doubt)
}

fn look_at(view: &View, side: Side, gone: bool) -> Remote {
    let (header, other) = (view.header(), side.other() as usize);
    // Acquire pairs with the alive flag stored last on attach; the heartbeat only means something by its change.
    let flag = header.alive[other].load(Ordering::Acquire) != 0;
    // Relaxed: both are watched for change alone.
    Remote::new(header.pid[other].load(Ordering::Relaxed), header.heartbeat[other].load(Ordering::Relaxed), flag, gone)
}

/// The counters of the channel that a side reads.
pub(crate) struct Counters {
    pub(crate) writer: Writer,
    pub(crate) writes: u64,
    pub(crate) wakes: u32,
    /// A sequence, and the count of writes while it stood; `None` if it never stood still.
    pub(crate) pair: Option<(u32, u64)>,
}

/// Looks at the counters that a busy writer gets, at most, before it is let be.
const LOOKS: u32 = 16;

/// Reads them in the order in which a writer raises them.
pub(crate) fn counters(view: &View, side: Side) -> Counters {
    let (header, channel) = (view.header(), view.channel(side.reads()));
    let writer = (
        header.pid[side.other() as usize].load(Ordering::Relaxed), // watched for change alone
        header.master_generation.load(Ordering::Relaxed),          // likewise
    );
    let mut looks = 0;
    loop {
        looks += 1;
        // Acquire keeps these loads in order; they pair with a writer's stores in the same order.
        let sequence = channel.head.sequence.load(Ordering::Acquire);
        let writes = channel.tail.write_count.load(Ordering::Acquire);
        let wakes = channel.tail.wake_seq.load(Ordering::Acquire);
        // Relaxed: the acquire loads above keep it after them; a count of a later write shows that write's odd sequence, as a
        // writer of ours raises it after its release fence, and a released one by locked additions.
        let stood = channel.head.sequence.load(Ordering::Relaxed) == sequence;
        if stood || looks == LOOKS {
            return Counters { writer, writes, wakes, pair: stood.then_some((sequence, writes)) };
        }
    }
}
