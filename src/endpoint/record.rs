//! Records over a handle. A message that is not taken stays: reading looks at it before it claims it.

use super::core::{Core, EPOCH, State, is_moving, seen};
use super::read::{Deadline, LOOKS, Look, Timeout};
use super::{Endpoint, Inside, read_rest};
use crate::channel::Taken;
use crate::error::Error;
use crate::records::{self, Items, Reason, Record};
use crate::sync::{self, Ordering};
use crate::sys::clock;
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

    fn uninit(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the same bytes; only initialised ones are ever stored into them.
        unsafe { &mut *(std::ptr::from_mut(self.bytes()) as *mut [MaybeUninit<u8>]) }
    }

    fn bytes(&mut self) -> &mut [u8] {
        if self.heap.is_empty() { &mut self.stack } else { &mut self.heap }
    }
}

impl Core {
    /// What comes of a message that was refused and stays new, `which` tells it from others: its error, the first time. Who asks
    /// again is to wait for a newer one, or a program that reads in a loop would keep a processor busy with it.
    fn refuse(&self, which: u64, error: Error, refusal: &mut Option<Error>) -> Result<Look, Error> {
        // Relaxed: decides on waiting alone.
        if self.refused.swap(which, Ordering::Relaxed) != which || self.state() == State::Stopped {
            return Err(error);
        }
        *refusal = Some(error);
        Ok(Look::Miss { unsound: Some(seen(which)) })
    }

    /// One look. A message that `judge` refuses stays new; its error is the result, or becomes the `refusal`.
    fn look_judged(&self, room: &mut Room, judge: Judge<'_>, refusal: &mut Option<Error>) -> Result<Look, Error> {
        let cursor = self.cursor.load(Ordering::Acquire); // pairs with the end of replace_segment
        if is_moving(cursor) {
            return Ok(Look::Miss { unsound: None });
        }
        let kept = self.has_kept.load(Ordering::Relaxed); // whatever is kept later belongs to a later epoch
        let rx = self.rx();
        let (size, sequence) = match rx.take(seen(cursor), room.uninit()) {
            Taken::Value { size, sequence } => (size, sequence),
            Taken::TooSmall { needed } => return Ok(Look::TooSmall(needed)), // at worst of a segment just left
            Taken::Nothing | Taken::Unsound { .. } => return Ok(Look::Miss { unsound: None }),
            Taken::InProgress | Taken::Torn => return Ok(Look::Again),
        };
        if !self.is_whole_message(rx, sequence) {
            return Ok(Look::Miss { unsound: Some(sequence) });
        }
        let verdict = judge(&room.bytes()[..size]);
        let next = cursor & !(EPOCH - 1) | u64::from(sequence);
        // Acquire pairs as above: copied before any move, and read by nobody.
        if size > 0
            && let Err(error) = &verdict
            && self.cursor.load(Ordering::Acquire) == cursor
        {
            return self.refuse(next, error.clone(), refusal);
        }
        // The claim, as in look(): fails if it was read elsewhere, or copied across a move.
        if self.cursor.compare_exchange(cursor, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return Ok(Look::Again);
        }
        self.last_size.store(size as u32, Ordering::Relaxed); // a hint
        if kept {
            self.drop_kept(cursor);
        }
        self.count_read_now(rx);
        verdict.map(|()| Look::Done(size)) // a message of no bytes is taken, as a wait takes it
    }

    /// The same for the unread value of the former segment; `None` if there is none.
    fn take_kept_judged(
        &self,
        room: &mut Room,
        judge: Judge<'_>,
        refusal: &mut Option<Error>,
    ) -> Option<Result<Look, Error>> {
        let epoch = self.cursor.load(Ordering::Relaxed) & !(EPOCH - 1); // tells it from other kept ones
        let (which, size) = loop {
            match self.look_at_kept(room.uninit())? {
                Ok(copied) => break copied,
                Err(needed) => {
                    if let Err(error) = room.grow(needed) {
                        return Some(self.refuse(!epoch, error, refusal));
                    }
                }
            }
        };
        if let Err(error) = judge(&room.bytes()[..size]) {
            return Some(self.refuse(!epoch, error, refusal));
        }
        self.claim_kept(which).then_some(Ok(Look::Done(size)))
    }

    /// One look at both, and whether a wait may follow.
    fn look_for_record(
        &self,
        room: &mut Room,
        judge: Judge<'_>,
        lost: &mut u32,
        refusal: &mut Option<Error>,
    ) -> Result<Look, Error> {
        let look = self.look_judged(room, judge, refusal)?;
        match look {
            // Acquire pairs with the release in keep_unread.
            Look::Miss { .. } if refusal.is_none() && self.has_kept.load(Ordering::Acquire) => {
                return self.take_kept_judged(room, judge, refusal).unwrap_or(Ok(look));
            }
            Look::Again => {
                *lost += 1;
                self.ask_for_quiet(self.is_large());
            }
            Look::Done(_) if *lost > 0 => {
                self.rx().tail.reader_waiting.store(0, Ordering::Relaxed); // a request, ordered with nothing
            }
            _ => {}
        }
        Ok(look)
    }

    /// Sleeps a while beside a message that is not taken: a millisecond, or at most for `left` where nobody is about to write.
    ///
    /// # Safety
    /// As for [`read_rest`].
    #[inline(never)]
    unsafe fn sleep_beside(core: *const Core, sequence: u32, left: Timeout) {
        // SAFETY: counted in, the handle stays alive until it is counted out.
        unsafe {
            let (place, open) = (*core).enter();
            let _counted = Inside(core, place);
            if open && (*core).is_left_alone() {
                (*core).pause(Deadline::new(left).end(clock::now()), Some(sequence));
            } else if open {
                clock::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Reads the newest message that was not read before into `room`, if `judge` takes it; its bytes.
    ///
    /// # Safety
    /// As for [`read_rest`].
    pub(crate) unsafe fn read_judged<'a>(
        core: *const Core,
        room: &'a mut Room,
        timeout: Timeout,
        judge: Judge<'_>,
    ) -> Result<&'a [u8], Error> {
        let (start, mut lost) = (clock::now(), 0);
        loop {
            let mut refusal = None;
            // SAFETY: counted in, the handle stays alive until it is counted out.
            let look = unsafe {
                let (place, open) = (*core).enter();
                let _counted = Inside(core, place);
                let usable = open && !(*core).is_inherited();
                let look =
                    if usable { (*core).look_for_record(room, judge, &mut lost, &mut refusal)? } else { Look::TooSmall(0) };
                if refusal.is_some() && (*core).waits_in_vain(timeout) {
                    return Err(refusal.unwrap_or(Error::Timeout));
                }
                look
            };
            let waits = !matches!(timeout.after(start), Timeout::None | Timeout::For(0) | Timeout::Piece(0));
            match look {
                Look::Done(size) => return Ok(&room.bytes()[..size]),
                Look::TooSmall(size) if size > 0 => {
                    room.grow(size)?;
                    continue;
                }
                // So many and no more: then a wait, which sleeps, and so finds a clock that has stopped.
                Look::Again if lost % LOOKS != 0 => {
                    sync::spin_loop();
                    continue;
                }
                Look::Again | Look::Miss { unsound: Some(_) } if !waits => {
                    let nothing = if timeout == Timeout::None { Error::NoData } else { Error::Timeout };
                    return Err(refusal.unwrap_or(nothing));
                }
                // Such a message must not end the wait below.
                // SAFETY: as above.
                Look::Miss { unsound: Some(sequence) } => unsafe {
                    Core::sleep_beside(core, sequence, timeout.after(start))
                },
                _ => {}
            }
            // Waits, without taking: there is no room for anything in no buffer.
            // SAFETY: the caller's promise.
            match unsafe { read_rest(core, &mut [], timeout.after(start)) } {
                Err(Error::BufferTooSmall { size, .. }) => room.grow(size)?,
                Err(error) => return Err(error),
                Ok(_) => return judge(&[]).map(|()| &[][..]), // but for a message of no bytes, which is no record
            }
        }
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
