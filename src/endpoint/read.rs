//! Reading: one look at the channel when a value is there, and waiting when it is not.

use super::core::{Core, EPOCH, State, is_moving, seen};
use super::record::Judged;
use crate::channel::{Channel, LARGE, Taken};
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::liveness::parity::Parity;
use crate::log::Level;
use crate::sync::{self, Ordering, fence};
use crate::sys::clock::{self, MS};
use std::mem::MaybeUninit;

/// How long a read may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timeout {
    /// Not at all.
    None,
    /// So many nanoseconds.
    For(u64),
    /// For ever.
    Infinite,
    /// So many nanoseconds, as a piece of a wait without limit.
    Piece(u64),
    /// So many nanoseconds of spinning at most, and no sleep.
    Spin(u64),
    /// So many nanoseconds, or until a signal handler has run on this thread.
    Signal(u64),
}

impl Timeout {
    /// Whether it never passes.
    fn is_endless(self) -> bool {
        matches!(self, Timeout::Infinite | Timeout::Piece(_) | Timeout::Signal(u64::MAX))
    }

    /// A timeout as Rust has it.
    pub(crate) fn of(time: std::time::Duration) -> Timeout {
        match u64::try_from(time.as_nanos()) {
            Ok(0) => Timeout::None,
            Ok(nanoseconds) => Timeout::For(nanoseconds),
            Err(_) => Timeout::Infinite,
        }
    }

    /// A timeout as C has it.
    #[inline(always)]
    pub(crate) fn of_ms(ms: u32) -> Timeout {
        match ms {
            0 => Timeout::None,
            u32::MAX => Timeout::Infinite,
            ms => Timeout::For(u64::from(ms) * MS),
        }
    }
}

/// The end of a wait. The clock is first read when a message did not come at once.
pub(crate) struct Deadline {
    timeout: Timeout,
    end: u64,
}

impl Deadline {
    pub(super) fn new(timeout: Timeout) -> Deadline {
        Deadline { timeout, end: 0 }
    }

    /// The end, counted from the first call of this; `u64::MAX` = never.
    pub(crate) fn end(&mut self, now: u64) -> u64 {
        if self.end == 0 {
            self.end = match self.timeout {
                Timeout::None => now,
                Timeout::For(time) | Timeout::Piece(time) | Timeout::Spin(time) | Timeout::Signal(time) => {
                    now.saturating_add(time)
                }
                Timeout::Infinite => u64::MAX,
            };
        }
        self.end
    }
}

/// Where a read puts its message.
pub(crate) enum Target<'a> {
    /// The caller's buffer.
    Buffer(&'a mut [MaybeUninit<u8>]),
    /// Room that grows, for a message that a judge takes.
    Record(Judged<'a>),
}

impl Target<'_> {
    /// Where the bytes go.
    pub(super) fn buffer(&mut self) -> &mut [MaybeUninit<u8>] {
        match self {
            Target::Buffer(buffer) => buffer,
            Target::Record(judged) => judged.room.uninit(),
        }
    }

    /// Makes room for so many bytes.
    pub(super) fn grow(&mut self, size: usize) -> Result<(), Error> {
        match self {
            Target::Buffer(buffer) if size > buffer.len() => Err(Error::BufferTooSmall { size, given: buffer.len() }),
            Target::Buffer(_) => Ok(()),
            Target::Record(judged) => judged.room.grow(size),
        }
    }

    /// Whether the message of so many bytes that is there now may be taken.
    pub(super) fn admit(&mut self, size: usize) -> Result<(), Error> {
        if let Target::Record(judged) = self { (judged.judge)(&judged.room.bytes()[..size]) } else { Ok(()) }
    }

    /// Why it takes no message that stands there, a word like the cursor's.
    fn refusal(&self) -> Option<&(u64, Error)> {
        if let Target::Record(judged) = self { judged.refusal.as_ref() } else { None }
    }

    /// What a wait in vain ends with: that, or else this.
    #[cold]
    fn refused_or(&self, error: Error) -> Error {
        self.refusal().map_or(error, |(_, refusal)| refusal.clone())
    }
}

/// What one look gave the caller.
pub(crate) enum Look {
    /// A message of this many bytes.
    Done(usize),
    /// A message that needs a buffer of this many bytes, if the one at this sequence is whole.
    TooSmall { needed: usize, sequence: u32 },
    /// Nothing new, or nothing sound; of an unsound message its sequence, which is no reason not to sleep.
    Miss { unsound: Option<u32> },
    /// A write is going on or came between.
    Again,
}

/// Looks of a read that must not wait, while a write is going on: a copy takes less.
const LOOKS: u32 = 64;
/// Looks at a channel whose writer is at work; if it is still then, the next look is soon.
const GLANCES: u32 = 16;
/// Looks lost to a flat-out writer before the reader asks it for a quiet moment: a large message is lost again most likely, a
/// small one is worth some more tries.
const LOSSES: u32 = 2;
/// Polls for the writer's answer; a write of a page takes less.
const ANSWER: u32 = 32;

impl Core {
    /// Copies the newest value not yet read into `buffer`; its size. Without waiting; `None` if that is not the whole story.
    #[inline(always)]
    pub(crate) fn read_now(&self, buffer: &mut [MaybeUninit<u8>]) -> Option<usize> {
        if !self.reads_plainly() {
            return None;
        }
        let Look::Done(size) = self.look(buffer) else { return None };
        self.count_read(self.rx());
        Some(size)
    }

    /// Whether the message taken at `sequence` is a whole one, as far as the writer's ways are known: a released one may be
    /// at even while it copies. Also one that came since the last tick.
    #[inline(always)]
    fn is_whole(&self, rx: Channel<'_>, sequence: u32) -> bool {
        let judged = self.judged.load(Ordering::Acquire); // pairs with look_at_remote, which stores it last
        let parity = self.parity.load(Ordering::Acquire); // likewise
        let known = self.writer_now() == judged;
        if known && Parity::is_any(parity) {
            return true;
        }
        let parity = if known { parity } else { Parity::of_stranger(parity) };
        rx.is_whole(sequence, |d| Parity::allows(parity, d))
    }

    /// By which word of [`Parity`] a message is judged now. [`Core::is_whole`] goes by the same rule,
    /// written so that a read takes five instructions less.
    #[inline(never)]
    pub(super) fn parity_now(&self) -> u64 {
        let judged = self.judged.load(Ordering::Acquire); // both pair as in is_whole
        let parity = self.parity.load(Ordering::Acquire);
        if self.writer_now() == judged { parity } else { Parity::of_stranger(parity) }
    }

    /// The same in one place, for where nanoseconds do not count.
    #[inline(never)]
    pub(super) fn is_whole_message(&self, rx: Channel<'_>, sequence: u32) -> bool {
        rx.is_whole_by(self.parity_now(), sequence)
    }

    /// One look at the channel.
    #[inline(always)]
    pub(crate) fn look(&self, buffer: &mut [MaybeUninit<u8>]) -> Look {
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with the end of replace_segment
        if is_moving(cursor) {
            return Look::Miss { unsound: None };
        }
        let kept = self.has_kept.load(Ordering::Relaxed); // whatever is kept later belongs to a later epoch
        let rx = self.rx();
        match rx.take(seen(cursor), buffer) {
            Taken::Nothing => Look::Miss { unsound: None },
            Taken::Value { size, sequence } => {
                failpoint!("read.copied");
                if !self.is_whole(rx, sequence) {
                    return Look::Miss { unsound: Some(sequence) };
                }
                let next = cursor & !(EPOCH - 1) | u64::from(sequence);
                // The claim: fails if another thread took this value or the segment was replaced meanwhile, whose
                // bytes these may then be. Orders with replace_segment's additions to the same word.
                if self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                    return Look::Again;
                }
                failpoint!("read.claimed");
                self.last_size.store(size as u32, Ordering::Relaxed); // a hint
                if kept {
                    self.drop_kept(cursor); // only a hint; the mutex orders
                }
                Look::Done(size)
            }
            Taken::TooSmall { needed, sequence } if self.cursor.load(Ordering::Acquire) == cursor => {
                Look::TooSmall { needed, sequence }
            }
            Taken::Unsound { sequence, size } => {
                self.report_unsound(size);
                Look::Miss { unsound: Some(sequence) }
            }
            Taken::TooSmall { .. } | Taken::InProgress | Taken::Torn => Look::Again,
        }
    }

    /// Whether a look may give a message: one that was not read yet, and is whole as far as can be told without a copy.
    pub(super) fn has_whole_message(&self) -> bool {
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with a claim and the end of replace_segment
        if is_moving(cursor) {
            return false;
        }
        let rx = self.rx();
        for _ in 0..GLANCES {
            let sequence = rx.head.sequence.load(Ordering::Acquire); // pairs with publish, as in take
            if sequence == seen(cursor) {
                return false;
            }
            if sequence & 1 == 0 {
                let size = rx.head.data_size.load(Ordering::Relaxed) as usize;
                fence(Ordering::Acquire); // as in take
                if rx.head.sequence.load(Ordering::Relaxed) == sequence {
                    return size <= rx.capacity && self.is_whole_message(rx, sequence);
                }
            }
            sync::spin_loop();
        }
        false
    }

    /// What stands in the channel now, as a word like the cursor's.
    #[inline(never)]
    fn mark(&self) -> u64 {
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with the end of replace_segment
        cursor & !(EPOCH - 1) | u64::from(self.rx().head.sequence.load(Ordering::Acquire)) // pairs with publish
    }

    /// Whether what was no message before a sleep stands there still: a look at it would be in vain, and may copy a large one.
    #[cold]
    fn is_in_vain(&self, before: u64, target: &Target<'_>) -> bool {
        let refused = || target.refusal().is_some_and(|(refused, _)| *refused == before);
        self.mark() == before && (before & 1 == 1 || refused() || !self.has_whole_message())
    }

    /// The whole of a read that the first look did not end. The caller has counted itself into `inside`.
    #[inline(never)]
    pub(crate) fn read_slow(&self, target: &mut Target<'_>, timeout: Timeout) -> Result<usize, Error> {
        failpoint!("read.inside");
        if self.is_inherited() {
            return Err(Error::Inherited);
        }
        if !self.threads {
            self.tick_inline();
        }
        let (mut looks, mut asked, mut parked, mut spun, mut standing) = (0, false, false, None, None);
        let mut deadline = Deadline::new(timeout);
        loop {
            // The state first: what it ends is only ended if no value came before.
            let state = self.state();
            if state == State::Closing {
                return Err(Error::NotInitialized);
            }
            if self.interrupted.load(Ordering::SeqCst) {
                return Err(Error::Timeout); // pairs with interrupt
            }
            let look = match (standing, &mut *target) {
                (Some(before), target) if self.is_in_vain(before, target) => Look::Miss { unsound: Some(seen(before)) },
                (_, Target::Buffer(buffer)) => self.look(buffer),
                (_, Target::Record(judged)) => self.look_judged(judged)?,
            };
            let unsound = match look {
                Look::Done(size) => {
                    self.learn(spun, parked);
                    if spun.is_some() && !parked && !asked && self.threads {
                        self.count_read_later();
                    } else {
                        self.count_read_now(self.rx()); // a writer that stands back sees that it may go on
                    }
                    if asked {
                        self.rx().tail.reader_waiting.store(0, Ordering::Relaxed); // a request, ordered with nothing
                    }
                    return Ok(size);
                }
                Look::TooSmall { sequence, .. } if !self.is_whole_message(self.rx(), sequence) => Some(sequence),
                Look::TooSmall { needed, .. } => {
                    target.grow(needed).inspect_err(|_| self.learn(spun, parked))?;
                    looks += 1;
                    if timeout == Timeout::None && looks % LOOKS != 0 {
                        continue;
                    }
                    None
                }
                Look::Miss { unsound } => unsound,
                Look::Again => {
                    looks += 1;
                    let large = self.is_large();
                    if large || looks % LOSSES == 0 {
                        asked |= large;
                        self.ask_for_quiet(large);
                    }
                    let in_time = timeout == Timeout::None || large && !self.is_over(&mut deadline);
                    if in_time && looks % LOOKS != 0 {
                        sync::spin_loop();
                        continue;
                    }
                    None
                }
            };
            if let Some(result) = self.take_kept(target) {
                return result;
            }
            if state == State::Stopped {
                return Err(target.refused_or(Error::MasterStale));
            }
            if timeout == Timeout::None {
                self.end_streak();
                return Err(target.refused_or(Error::NoData));
            }
            if self.waits_in_vain(timeout) {
                return Err(target.refused_or(Error::Timeout));
            }
            // Until it has been in vain once: a value that did not come while spinning is not about to.
            let overdue = looks % LOSSES == 1 && self.is_over(&mut deadline);
            if !parked && !overdue && matches!(state, State::Attached | State::Ousted) {
                let budget = *spun.get_or_insert_with(|| self.spin.budget());
                if self.spin(budget, state, unsound, &mut deadline) {
                    continue;
                }
            }
            if matches!(timeout, Timeout::Spin(_)) {
                return Err(Error::NoData); // whether spinning paid is for the wait that follows to say
            }
            self.end_streak();
            let now = clock::now();
            if now >= deadline.end(now) {
                if let Some(budget) = spun {
                    self.spin.miss(budget);
                }
                return Err(target.refused_or(Error::Timeout));
            }
            parked = true;
            standing = Some(self.mark()).filter(|mark| mark & 1 == 1 || unsound == Some(seen(*mark)));
            if self.pause(deadline.end(now), unsound) && matches!(timeout, Timeout::Signal(_)) {
                return Err(Error::Timeout);
            }
        }
    }

    /// Whether a wait would never end: without limit, for a master that is no longer looked for.
    pub(super) fn waits_in_vain(&self, timeout: Timeout) -> bool {
        timeout.is_endless() && self.has_given_up()
    }

    /// Whether spinning paid, if this wait did.
    fn learn(&self, spun: Option<super::spin::Budget>, parked: bool) {
        match spun {
            Some(budget) if parked => self.spin.miss(budget),
            Some(budget) => self.spin.hit(budget),
            None => {}
        }
    }

    /// Whether the last message was large. The size of the next lies in the line that is being fought for.
    pub(crate) fn is_large(&self) -> bool {
        self.last_size.load(Ordering::Relaxed) as usize >= LARGE // a hint
    }

    /// Asks the writer to stand back for one copy; a released writer never would. With `wait` its answer is waited for a
    /// little: an attempt before it is lost most likely.
    pub(crate) fn ask_for_quiet(&self, wait: bool) {
        if !self.view().is_ours(self.side.other()) {
            return;
        }
        let waiting = &self.rx().tail.reader_waiting; // a request and its answer, ordered with nothing
        waiting.store(1, Ordering::Relaxed);
        let mut polls = if wait { ANSWER } else { 0 };
        while polls > 0 && waiting.load(Ordering::Relaxed) != 0 {
            polls -= 1;
            sync::spin_loop();
        }
    }

    /// Whether the deadline has passed.
    fn is_over(&self, deadline: &mut Deadline) -> bool {
        let now = clock::now();
        now >= deadline.end(now)
    }

    #[cold]
    pub(super) fn report_unsound(&self, size: u32) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let most = self.rx().capacity;
            self.say(Level::Warn, format_args!("ignoring a message that says it has {size} bytes; the capacity is {most}"));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod timeouts;
