//! The state of one handle.

use super::count::Reads;
use super::event::Event;
use super::kept::Kept;
use super::open::Opened;
use super::spin::Spin;
use crate::channel::{Channel, HeldLock};
use crate::config::{Settings, Side, WakeupMode};
use crate::liveness::{
    monitor::Monitor,
    service,
    signalling::{Signals, Writer},
};
use crate::log::{self, Level};
use crate::segment::{name::Name, view::View};
use crate::sync::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Mutex, Ordering, statics};
use crate::sys::{clock, fork, futex, process};
use std::{fmt, sync::Arc};

/// Where a handle stands. Only the tick changes it, and closing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum State {
    Attached = 0,
    /// A slave without its master.
    Reconnecting,
    /// A slave that found no master within its limits; final.
    GaveUp,
    /// A slave that was to stop when its master went stale; final.
    Stopped,
    /// A master whose place another has taken; final.
    Ousted,
    /// A master on its way to a fresh segment, because its name was removed.
    Moving,
    /// `eshm_destroy` has begun.
    Closing,
}

impl State {
    fn from(value: u32) -> State {
        [State::Attached, State::Reconnecting, State::GaveUp, State::Stopped, State::Ousted, State::Moving, State::Closing]
            [value as usize]
    }
}

/// A handle. What reads and writes look at comes first.
#[repr(C, align(64))]
pub(crate) struct Core {
    state: AtomicU32,
    fork_generation: u32,
    view: AtomicPtr<View>,
    /// High half: the epoch, odd while the segment under the handle is being replaced (it also
    /// moves by two for what came late to the one left). Low half: the sequence last taken. One
    /// exchange of it claims a value, for one thread, and only in the epoch it was read in.
    pub(crate) cursor: AtomicU64,
    /// The message that reading as a record refused last: epoch and sequence, as in the cursor.
    pub(super) refused: AtomicU64,
    pub(crate) side: Side,
    pub(crate) threads: bool,
    /// `fork_generation` while reads need look after neither a tick nor an event descriptor, else [`NEVER`]. No atomic of
    /// models, which have no such descriptors.
    pub(crate) reads_directly: statics::AtomicU32,
    pub(crate) writer: HeldLock,
    /// Which messages of the peer are whole: a word of [`Parity`](crate::liveness::parity::Parity).
    pub(crate) parity: AtomicU64,
    /// Whose messages that is about: a word of [`writer_word`].
    pub(crate) judged: AtomicU64,
    /// Whether there is a kept value; changed under its mutex.
    pub(crate) has_kept: AtomicBool,
    pub(crate) reads: Reads,
    /// Bytes of the message read last.
    pub(crate) last_size: AtomicU32,
    pub(crate) spin: Spin,
    /// The sequence of our direction when the peer was last seen writing in the other.
    pub(crate) answered: AtomicU32,

    pub(crate) name: Name,
    pub(crate) settings: Settings,
    /// The master's generation of ours; another one in the segment means we are ousted.
    pub(crate) generation: AtomicU32,
    pub(crate) mode: AtomicU32,
    pub(crate) signals: AtomicU32,
    pub(crate) remote_alive: AtomicBool,
    /// Private futex: moves at each change of state and each replaced segment.
    pub(crate) event: AtomicU32,
    /// Threads of this process inside a waiting read, each by its number; 0 is a free place.
    pub(crate) readers: [statics::AtomicUsize; PLACES],
    /// Those that found no place.
    pub(crate) inside: AtomicU32,
    /// Those of them parked on the segment's futex word.
    pub(crate) parked: AtomicU32,
    /// An unread value of the former segment, kept until a newer one comes.
    pub(crate) kept: Mutex<Option<Kept>>,
    /// What the peer can have us write.
    pub(crate) lines: log::Rate,
    /// An unsound message was reported for this segment.
    pub(crate) warned: AtomicBool,
    /// The service's tick up to which our heartbeats went out.
    pub(crate) beaten: AtomicU64,
    /// The tick up to which a reading thread last saw to that.
    pub(crate) relieved: AtomicU64,
    /// The heartbeats of the last statistics.
    pub(crate) last_stats: Mutex<[u64; 2]>,
    /// One thread at a time decides that a lock is abandoned, and none while the segment is replaced.
    pub(crate) breaker: Mutex<()>,
    /// What event loops wait on, once somebody asked for it.
    pub(crate) event_fd: Mutex<Option<Event>>,
    /// Waiting reads end; see [`Core::interrupt`].
    pub(crate) interrupted: AtomicBool,
    /// `None` once closed.
    pub(crate) monitor: Mutex<Option<Monitor>>,
}

/// Waiting readers that are known one by one. Models know their number alone.
pub(crate) const PLACES: usize = if cfg!(loom) { 0 } else { 8 };

/// A generation that no process is of.
pub(crate) const NEVER: u32 = u32::MAX;

/// Added to the cursor for the next epoch.
pub(crate) const EPOCH: u64 = 1 << 32;

/// The sequence half of a cursor.
pub(crate) fn seen(cursor: u64) -> u32 {
    cursor as u32
}

/// Whether the segment is being replaced.
pub(crate) fn is_moving(cursor: u64) -> bool {
    cursor & EPOCH != 0
}

/// Who writes, as one word.
pub(crate) fn writer_word((pid, generation): Writer) -> u64 {
    u64::from(generation) << 32 | u64::from(pid as u32)
}

impl Core {
    /// The handle for what was opened.
    #[inline(never)]
    pub(crate) fn new(name: Name, settings: Settings, opened: Opened) -> Core {
        let Opened { segment, side, attachment, master_gone } = opened;
        let monitor = Monitor::new(segment, side, attachment, master_gone, clock::now());
        Core {
            state: AtomicU32::new(State::Attached as u32),
            fork_generation: fork::generation(),
            view: AtomicPtr::new(Arc::as_ptr(&monitor.segment.view).cast_mut()),
            // From 0 on whatever is there is new, as after a move to a fresh segment.
            cursor: AtomicU64::new(if settings.first_value { 0 } else { u64::from(attachment.baseline) }),
            refused: AtomicU64::new(0),
            side,
            threads: settings.threads,
            reads_directly: statics::AtomicU32::new(if settings.threads { fork::generation() } else { NEVER }),
            writer: HeldLock::default(),
            reads: Reads::default(),
            last_size: AtomicU32::new(0),
            spin: Spin::new(settings.spin_us),
            answered: AtomicU32::new(0),
            name,
            generation: AtomicU32::new(attachment.generation),
            mode: AtomicU32::new(WakeupMode::Push as u32),
            signals: AtomicU32::new(Signals::Unknown as u32),
            parity: AtomicU64::new(monitor.doubt.verdict().to_word()),
            judged: AtomicU64::new(writer_word(monitor.doubt.writer())),
            remote_alive: AtomicBool::new(!master_gone),
            event: AtomicU32::new(0),
            readers: [const { statics::AtomicUsize::new(0) }; PLACES],
            inside: AtomicU32::new(0),
            parked: AtomicU32::new(0),
            kept: Mutex::new(None),
            has_kept: AtomicBool::new(false),
            lines: log::Rate::new(),
            warned: AtomicBool::new(false),
            beaten: AtomicU64::new(service::ticks_at(clock::now())),
            relieved: AtomicU64::new(0),
            last_stats: Mutex::new([0; 2]),
            breaker: Mutex::new(()),
            event_fd: Mutex::new(None),
            interrupted: AtomicBool::new(false),
            monitor: Mutex::new(Some(monitor)),
            settings,
        }
    }

    #[inline(always)]
    pub(crate) fn state(&self) -> State {
        State::from(self.state.load(Ordering::SeqCst)) // pairs with set_state; in park and enter after a store of their own
    }

    /// Writes a line about this handle that its peer, or whoever writes to the segment or its name, can be the cause of.
    pub(crate) fn say(&self, at: Level, what: fmt::Arguments<'_>) {
        self.lines.line(at, format_args!("{self}: {what}"));
    }

    /// Whether closing has begun.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn is_closing(&self) -> bool {
        self.state() == State::Closing
    }

    /// Whether it is a slave that looks for its master no longer.
    pub(crate) fn has_given_up(&self) -> bool {
        self.state() == State::GaveUp
    }

    /// Whether a write may go straight to the channel.
    #[inline(always)]
    pub(crate) fn writes_plainly(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Attached as u32 && self.threads && !self.is_inherited()
    }

    /// Whether a read may.
    #[inline(always)]
    pub(crate) fn reads_plainly(&self) -> bool {
        // Relaxed: changed by nobody but event_fd().
        self.state.load(Ordering::Acquire) == State::Attached as u32
            && fork::generation() == self.reads_directly.load(Ordering::Relaxed)
    }

    /// Whether this process got the handle by `fork()`.
    #[inline(always)]
    pub(crate) fn is_inherited(&self) -> bool {
        self.fork_generation != fork::generation()
    }

    /// Changes the state and lets every waiting thread see it. Once closing has begun nothing changes it any more: a tick
    /// may still be under way.
    pub(crate) fn set_state(&self, state: State) {
        let open = |now| (now != State::Closing as u32).then_some(state as u32);
        // Pairs with state(); before the event moves.
        let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, open);
        self.announce();
    }

    /// Wakes every thread that waits in this handle.
    pub(crate) fn announce(&self) {
        self.event.fetch_add(1, Ordering::SeqCst); // pairs with the load before wait::park sleeps on it
        futex::wake(&self.event, futex::Scope::Private);
        if self.parked.load(Ordering::SeqCst) != 0 {
            futex::wake(&self.view().channel(self.side.reads()).tail.wake_seq, futex::Scope::Shared);
        }
    }

    /// The segment's atomics. A view once published here stays mapped until the handle is closed.
    #[inline(always)]
    pub(crate) fn view(&self) -> &View {
        // SAFETY: the pointer comes from an Arc that the monitor keeps (current, spare or retired) until Core is dropped,
        // or until close, which the caller promises to be the last call. Acquire pairs with publish_view.
        unsafe { &*self.view.load(Ordering::Acquire) }
    }

    /// Makes another view the one to use; the monitor keeps the old one.
    pub(crate) fn publish_view(&self, view: &Arc<View>) {
        self.view.store(Arc::as_ptr(view).cast_mut(), Ordering::Release); // pairs with view()
    }

    /// The channel this side reads.
    #[inline(always)]
    pub(crate) fn rx(&self) -> Channel<'_> {
        self.view().channel(self.side.reads())
    }

    /// Who writes to this side now, by the header: [`writer_word`].
    #[inline(always)]
    pub(crate) fn writer_now(&self) -> u64 {
        let header = self.view().header();
        // Relaxed: after a look at a message, whose acquire shows who wrote it: each stores both before its first message.
        let pid = header.pid[self.side.other() as usize].load(Ordering::Relaxed);
        writer_word((pid, header.master_generation.load(Ordering::Relaxed)))
    }

    /// Which segment we are in: another after each move, and after what came late to the one left.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn epoch(&self) -> u32 {
        (self.cursor.load(Ordering::Relaxed) >> 32) as u32 // after a read, whose claim shows it
    }

    /// The channel this side writes.
    #[inline(always)]
    pub(crate) fn tx(&self) -> Channel<'_> {
        self.view().channel(self.side.writes())
    }

    /// Right after opening: whether nothing had been written to us before we came.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn is_untouched(&self) -> bool {
        seen(self.cursor.load(Ordering::Acquire)) == 0 // pairs with a reader's claim; there was none yet
    }

    /// Whether the header's pid of our side is ours.
    pub(crate) fn is_named_in_header(&self) -> bool {
        self.view().header().pid[self.side as usize].load(Ordering::Relaxed) == process::pid() // stored by ourselves
    }
}

/// For lines of the log.
impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.side.name())
    }
}

#[cfg(all(test, loom))]
impl Core {
    /// For models: nobody uses the handle from now on, but for its door: the count of readers and the state.
    pub(crate) fn end(&self) {
        let _closed = self.state.load(Ordering::SeqCst);
        for word in [&self.event, &self.parked, &self.generation, &self.last_size] {
            word.end();
        }
        self.cursor.end();
    }
}
