//! Records over a handle. A message that is not taken stays: reading looks at it before it claims it.

use super::core::{Core, EPOCH, State, is_moving, seen};
use super::read::{Look, Target, Timeout};
use super::{Endpoint, read_into};
use crate::channel::Taken;
use crate::error::Error;
use crate::records::{self, Items, Reason, Record};
use crate::sync::Ordering;
use std::{mem::MaybeUninit, sync::Arc, time::Duration};

/// Judges a message: whether the reader takes it.
pub(crate) type Judge<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Error>;

/// Room for most records; larger ones get memory of their own.
const ROOM: usize = 4096;

/// Memory for one message, on the stack as far as that goes.
pub(crate) struct Room {
    stack: [u8; ROOM],
    heap: Vec<u8>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Room { stack: [0; ROOM], heap: Vec::new() }
    }

    /// Makes it at least this large.
    pub(crate) fn grow(&mut self, size: usize) -> Result<(), Error> {
        if size > ROOM.max(self.heap.len()) {
            let given = self.heap.len();
            self.heap.try_reserve_exact(size - given).map_err(|_| Error::BufferTooSmall { size, given })?;
            self.heap.resize(size, 0);
        }
        Ok(())
    }

    pub(super) fn uninit(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the same bytes; only initialised ones are ever stored into them.
        unsafe { &mut *(std::ptr::from_mut(self.bytes()) as *mut [MaybeUninit<u8>]) }
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        if self.heap.is_empty() { &mut self.stack } else { &mut self.heap }
    }
}

/// A read into [`Room`], of what a [`Judge`] takes.
pub(crate) struct Judged<'a> {
    pub(super) room: &'a mut Room,
    pub(super) judge: Judge<'a>,
    /// What it refused at the last look, as a word like the cursor's, and why.
    pub(super) refusal: Option<(u64, Error)>,
}

/// Tells a kept value, which was kept at this cursor, from others, and, being odd, from messages.
pub(super) fn mark_of_kept(cursor: u64) -> u64 {
    !(cursor & !(EPOCH - 1))
}

impl Judged<'_> {
    /// Whether something stays refused: the message in the channel, or the kept one with this mark.
    pub(super) fn has_refusal(&mut self, kept: Option<u64>) -> bool {
        self.refusal.take_if(|(refused, _)| *refused & 1 == 1 && Some(*refused) != kept); // see mark_of_kept
        self.refusal.is_some()
    }
}

impl Core {
    /// What comes of a message that was refused and stays new, `which` tells it from others: its error, the first time. Who asks
    /// again is to wait for a newer one, or a program that reads in a loop would keep a processor busy with it.
    pub(super) fn refuse(&self, which: u64, error: Error, judged: &mut Judged<'_>) -> Result<(), Error> {
        // Relaxed: decides on waiting alone.
        if self.refused.swap(which, Ordering::Relaxed) != which || self.state() == State::Stopped {
            return Err(error);
        }
        judged.refusal = Some((which, error));
        Ok(())
    }

    /// One look. A message that the judge refuses stays new; its error is the result, or becomes the refusal.
    #[inline(never)]
    pub(super) fn look_judged(&self, judged: &mut Judged<'_>) -> Result<Look, Error> {
        judged.refusal.take_if(|(refused, _)| *refused & 1 == 0); // what is kept stays as it is, see mark_of_kept
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with the end of replace_segment
        if is_moving(cursor) {
            return Ok(Look::Miss { unsound: None });
        }
        let kept = self.has_kept.load(Ordering::Relaxed); // whatever is kept later belongs to a later epoch
        let rx = self.rx();
        let (size, sequence) = match rx.take(seen(cursor), judged.room.uninit()) {
            Taken::Value { size, sequence } => (size, sequence),
            // At worst of a segment just left.
            Taken::TooSmall { needed, sequence } => return Ok(Look::TooSmall { needed, sequence }),
            Taken::Unsound { sequence, size } => {
                self.report_unsound(size);
                return Ok(Look::Miss { unsound: Some(sequence) });
            }
            Taken::Nothing => return Ok(Look::Miss { unsound: None }),
            Taken::InProgress | Taken::Torn => return Ok(Look::Again),
        };
        if !self.is_whole_message(rx, sequence) {
            return Ok(Look::Miss { unsound: Some(sequence) });
        }
        let verdict = (judged.judge)(&judged.room.bytes()[..size]);
        let next = cursor & !(EPOCH - 1) | u64::from(sequence);
        // Acquire pairs as above: copied before any move, and read by nobody.
        if size > 0
            && let Err(error) = &verdict
            && self.cursor.load(Ordering::Acquire) == cursor
        {
            return self.refuse(next, error.clone(), judged).map(|()| Look::Miss { unsound: Some(sequence) });
        }
        // The claim, as in look(): fails if it was read elsewhere, or copied across a move.
        if self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return Ok(Look::Again);
        }
        self.last_size.store(size as u32, Ordering::Relaxed); // a hint
        if kept {
            self.drop_kept(cursor);
        }
        // Of no bytes it is taken all the same, and counted, as by any read.
        verdict.inspect_err(|_| self.count_read_now(rx)).map(|()| Look::Done(size))
    }

    /// Reads the newest message that was not read before into `room`, if `judge` takes it; its bytes.
    ///
    /// # Safety
    /// As for [`read_rest`](super::read_rest).
    pub(crate) unsafe fn read_judged<'a>(
        core: *const Core,
        room: &'a mut Room,
        timeout: Timeout,
        judge: Judge<'_>,
    ) -> Result<&'a [u8], Error> {
        let mut target = Target::Record(Judged { room: &mut *room, judge, refusal: None });
        // SAFETY: the caller's promise.
        let size = unsafe { read_into(core, &mut target, timeout, |_, result| result) }?;
        Ok(&room.bytes()[..size])
    }
}

#[test]
fn a_kept_value_is_told_from_messages_and_from_other_kept_ones() {
    let marks = [0, 8, EPOCH * 2 + 6, EPOCH * 4 + 6].map(mark_of_kept);
    assert!(marks.iter().all(|mark| mark & 1 == 1));
    assert!(marks[0] == marks[1] && marks[1] != marks[2] && marks[2] != marks[3]);
    let (mut room, mut judge) = (Room::new(), |_: &[u8]| Ok(()));
    for (refused, kept_is_gone) in [(marks[2], true), (EPOCH * 2 + 6, false)] {
        let refusal = Some((refused, Error::Timeout));
        let mut judged = Judged { room: &mut room, judge: &mut judge, refusal };
        assert!(judged.has_refusal(Some(marks[2])));
        assert_eq!(judged.has_refusal(if refused == marks[2] { Some(marks[3]) } else { None }), !kept_is_gone);
    }
}

/// What every record must stand.
fn check(message: &[u8]) -> Result<(), Error> {
    Items::new(message).and_then(Items::check)?;
    Ok(())
}

impl Endpoint {
    /// Makes a record the newest value of our direction; its size in bytes.
    ///
    /// # Errors
    /// As [`Endpoint::write`].
    pub fn write_record(&self, record: &Record) -> Result<usize, Error> {
        let mut room = Room::new();
        self.write_encoded(&mut room, &mut |out| record.encode_into(out))
    }

    /// The same for whatever writes a record to a buffer.
    pub(crate) fn write_encoded(
        &self,
        room: &mut Room,
        encode: &mut dyn FnMut(&mut [u8]) -> Result<usize, records::Error>,
    ) -> Result<usize, Error> {
        let capacity = self.capacity()?;
        loop {
            match encode(room.bytes()) {
                Ok(size) => return self.write(&room.bytes()[..size]).map(|()| size),
                Err(records::Error { reason: Reason::TooLarge { needed }, .. }) => {
                    if needed > capacity || u32::try_from(needed).is_err() {
                        return Err(Error::BufferTooSmall { size: capacity, given: needed });
                    }
                    room.grow(needed)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads the newest value that was not read before as a record, waiting for it up to `timeout`.
    ///
    /// # Errors
    /// [`Error::Record`] for a message that is no record; it stays readable, by [`Endpoint::read_timeout`] too, until a newer
    /// one comes (but for a message of no bytes, which is taken). Asked again, it waits for that one, and then says the same.
    /// Else as [`Endpoint::read_timeout`].
    pub fn read_record(&self, timeout: Duration) -> Result<Record, Error> {
        let mut room = Room::new();
        // SAFETY: `self` lives until the call is over.
        let message = unsafe { Core::read_judged(Arc::as_ptr(&self.core), &mut room, Timeout::of(timeout), &mut check) };
        match message {
            Ok(message) => Ok(Record::decode(message)?),
            Err(Error::NoData) => Err(Error::Timeout),
            Err(error) => Err(error),
        }
    }
}
