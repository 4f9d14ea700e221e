//! The unread value of a segment that was left, until it is read or a newer one comes.
//!
//! The tick that leaves a segment copies a small value. A large one stays where it is, in a mapping of its own, and the read that
//! takes it copies it: how long that takes is the writer's choice, and nobody else waits for it.

use super::core::{Core, EPOCH};
use super::read::Target;
use super::record::mark_of_kept;
use crate::channel::Taken;
use crate::error::Error;
use crate::segment::view::View;
use crate::sync::{self, Ordering};
use std::{mem::MaybeUninit, ops::Range, ptr, sync::Arc};

/// Bytes of the largest value that is copied by the tick.
pub(super) const COPIED: usize = if cfg!(loom) { 8 } else { 1 << 16 };

/// A value, and the cursor as it was kept, which tells it from others.
pub(crate) struct Kept {
    pub(super) cursor: u64,
    pub(super) place: Place,
}

/// Where it is.
pub(super) enum Place {
    Copy(Vec<u8>),
    /// In the channel that we read of this segment, at this sequence.
    There(Arc<View>, u32),
}

impl Core {
    /// Copies the kept value into `buffer` without taking it: what [`Core::claim_kept`] is to be given, and its size; or the same
    /// and the size that it needs. `None` if there is none.
    pub(super) fn look_at_kept(&self, buffer: &mut [MaybeUninit<u8>]) -> Option<Result<(u64, usize), (u64, usize)>> {
        // Acquire pairs with the release in keep.
        if !self.has_kept.load(Ordering::Acquire) {
            return None;
        }
        let kept = sync::hold(&self.kept);
        let cursor = kept.as_ref()?.cursor;
        let (view, sequence) = match &kept.as_ref()?.place {
            Place::Copy(value) if value.len() > buffer.len() => return Some(Err((cursor, value.len()))),
            Place::Copy(value) => {
                // SAFETY: the buffer is no shorter, as the arm above says, and another piece of memory.
                unsafe { ptr::copy_nonoverlapping(value.as_ptr(), buffer.as_mut_ptr().cast(), value.len()) };
                return Some(Ok((cursor, value.len())));
            }
            Place::There(view, sequence) => (view.clone(), *sequence),
        };
        drop(kept); // a tick may want it meanwhile
        let channel = view.channel(self.side.reads());
        match channel.take_rarely(sequence.wrapping_sub(2), buffer) {
            Taken::Value { size, sequence: now } if now == sequence => Some(Ok((cursor, size))),
            Taken::TooSmall { needed, sequence: now } if now == sequence => Some(Err((cursor, needed))),
            // Overwritten, by who was taken for dead or has not followed yet: what comes there now
            // is kept anew, or lost.
            _ => {
                self.claim_kept(cursor);
                None
            }
        }
    }

    /// Takes the kept value that was copied; false if another thread has, or a newer one was read.
    pub(super) fn claim_kept(&self, cursor: u64) -> bool {
        self.take_out(cursor..cursor + 1)
    }

    /// Drops it for a newer value, claimed at the cursor `claimed`.
    #[cold]
    #[inline(never)] // it is on the way of each read
    pub(crate) fn drop_kept(&self, claimed: u64) {
        // One kept since belongs to the very epoch that this claim was made in, and is newer.
        self.take_out(0..claimed & !(EPOCH - 1));
    }

    /// Takes it out of its place if it was kept at one of these cursors; whether it was.
    #[inline(never)]
    fn take_out(&self, cursors: Range<u64>) -> bool {
        let mut kept = sync::hold(&self.kept);
        let taken = kept.take_if(|kept| cursors.contains(&kept.cursor));
        if taken.is_some() {
            self.has_kept.store(false, Ordering::Relaxed); // under the mutex
        }
        drop(kept); // before a large mapping ends
        taken.is_some()
    }

    /// Drops it as the handle ends: what stays of that is small, and holds no file. It stays where its mutex is not to be had.
    #[cold]
    #[inline(never)]
    pub(super) fn end_kept(&self) {
        if let Ok(mut kept) = self.kept.try_lock() {
            drop(kept.take());
        }
    }

    /// The unread value of the former segment, if no newer one is there.
    #[inline(never)]
    pub(super) fn take_kept(&self, target: &mut Target<'_>) -> Option<Result<usize, Error>> {
        // Acquire pairs with the release in keep.
        let has_kept = self.has_kept.load(Ordering::Acquire);
        if let Target::Record(judged) = target {
            let mark = || sync::hold(&self.kept).as_ref().map(|kept| mark_of_kept(kept.cursor));
            // Before it is copied: a wait comes by here each time that it wakes.
            if judged.has_refusal(if has_kept { mark() } else { None }) {
                return None;
            }
        }
        if !has_kept {
            return None;
        }
        let (which, error) = loop {
            match self.look_at_kept(target.buffer())? {
                Ok((which, size)) => match target.admit(size) {
                    Ok(()) if self.claim_kept(which) => return Some(Ok(size)),
                    Ok(()) => {} // another is kept by now, or none
                    Err(error) => break (which, error),
                },
                Err((which, needed)) => {
                    if let Err(error) = target.grow(needed) {
                        break (which, error);
                    }
                }
            }
        };
        match target {
            Target::Record(judged) => self.refuse(mark_of_kept(which), error, judged).err().map(Err),
            Target::Buffer(_) => Some(Err(error)),
        }
    }
}
