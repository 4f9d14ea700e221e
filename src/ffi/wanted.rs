//! Items that a caller wants in C's arrays of types, keys and values, of the five scalar types: the values are the caller's to
//! free.

use super::eshm_data_api::ESHMBinary;
use super::last_error::cut_bytes;
use crate::records::{Error, Items, Loose, Reason, Type};
use std::ffi::{c_char, c_void};
use std::ptr;

/// A key and its value.
type Scalar<'a> = (&'a [u8], Loose<'a>);

/// So many items are kept from the check to the handing out; of larger records each is decoded twice.
const FEW: usize = 16;

/// The arrays that a caller wants filled.
pub(super) struct Wanted {
    types: *mut u8,
    keys: *mut *mut c_char,
    key_room: usize,
    values: *mut *mut c_void,
    pub(super) room: usize,
}

impl Wanted {
    /// The arrays, unless one is NULL where there is to be room.
    pub(super) fn new(
        types: *mut u8,
        keys: *mut *mut c_char,
        max_key_len: i32,
        values: *mut *mut c_void,
        max_items: i32,
    ) -> Option<Wanted> {
        let room = usize::try_from(max_items).ok()?;
        let key_room = usize::try_from(max_key_len).ok()?;
        let whole = room == 0 || !types.is_null() && !keys.is_null() && !values.is_null() && key_room > 0;
        whole.then_some(Wanted { types, keys, key_room, values, room })
    }

    /// Checks a record that is to be handed out, and shows each of its items; their number.
    ///
    /// # Safety
    /// The arrays have `room` elements.
    pub(super) unsafe fn check<'a>(
        &self,
        message: &'a [u8],
        show: &mut dyn FnMut(usize, Scalar<'a>),
    ) -> Result<usize, Error> {
        let mut count = 0;
        let mut items = Items::loose(message)?;
        while let Some((key, scalar)) = items.next_loose()? {
            let Some(scalar) = scalar else {
                return Err(Error { position: count, reason: Reason::Unsupported });
            };
            // SAFETY: the caller's promise.
            if count < self.room && unsafe { *self.keys.add(count) }.is_null() {
                return Err(Error { position: count, reason: Reason::Null });
            }
            show(count, (key, scalar));
            count += 1;
        }
        if count > self.room {
            return Err(Error { position: self.room, reason: Reason::TooMany { items: count } });
        }
        Ok(count)
    }

    /// Hands out a record that was checked. If memory runs out, nothing is handed out.
    ///
    /// # Safety
    /// As for [`Wanted::check`]; each key that is not NULL has room for `max_key_len` bytes.
    pub(super) unsafe fn fill(&self, message: &[u8]) -> Result<usize, Error> {
        let mut items = Items::loose(message)?;
        let mut scalars = std::iter::from_fn(|| {
            let (key, scalar) = items.next_loose().ok()??;
            Some((key, scalar?))
        });
        // SAFETY: the caller's promises.
        unsafe { self.hand_out(&mut scalars) }.ok_or(no_memory(message))
    }

    /// Checks a record and hands it out.
    ///
    /// # Safety
    /// As for [`Wanted::check`] and [`Wanted::fill`].
    pub(super) unsafe fn check_and_fill(&self, message: &[u8]) -> Result<usize, Error> {
        let mut few = [(&b""[..], Loose::Integer(0)); FEW];
        // SAFETY: the caller's promises.
        unsafe {
            let keep = &mut |at, item| {
                if let Some(place) = few.get_mut(at) {
                    *place = item;
                }
            };
            match self.check(message, keep)? {
                count if count <= FEW => self.hand_out(&mut few[..count].iter().copied()).ok_or(no_memory(message)),
                _ => self.fill(message), // once more from the beginning
            }
        }
    }

    /// Hands out; `None` without memory.
    ///
    /// # Safety
    /// As for [`Wanted::fill`]; there are no more items than room.
    unsafe fn hand_out<'a>(&self, items: &mut dyn Iterator<Item = Scalar<'a>>) -> Option<usize> {
        let mut count = 0;
        for (key, scalar) in items {
            // SAFETY: the caller's promises.
            unsafe {
                let value = allocate(scalar);
                if value.is_null() {
                    for at in 0..count {
                        free_value(*self.types.add(at), *self.values.add(at));
                        *self.values.add(at) = ptr::null_mut();
                    }
                    return None;
                }
                *self.values.add(count) = value;
                *self.types.add(count) = scalar.kind() as u8;
                let (room, text) = (*self.keys.add(count), cut_bytes(key, self.key_room - 1));
                ptr::copy_nonoverlapping(text.as_ptr(), room.cast(), text.len());
                *room.add(text.len()) = 0;
            }
            count += 1;
        }
        Some(count)
    }
}

fn no_memory(message: &[u8]) -> Error {
    Error { position: message.len(), reason: Reason::NoMemory }
}

/// A value in memory of its own; NULL if there is none.
fn allocate(scalar: Loose<'_>) -> *mut c_void {
    match scalar {
        Loose::Integer(value) => copy(&value.to_ne_bytes(), 0),
        Loose::Boolean(value) => copy(&[value.into()], 0),
        Loose::Real(value) => copy(&value.to_ne_bytes(), 0),
        Loose::String(text) => copy(text, 1),
        Loose::Binary(octets) => {
            let data = copy(octets, 1); // never of no bytes, for which malloc may return NULL
            // SAFETY: room for the struct, if there is any; all of it is written.
            unsafe {
                let binary = memory(size_of::<ESHMBinary>());
                if data.is_null() || binary.is_null() {
                    free(data);
                    free(binary);
                    return ptr::null_mut();
                }
                binary.cast::<ESHMBinary>().write(ESHMBinary { data: data.cast(), len: octets.len() });
                binary
            }
        }
    }
}

/// The bytes and so many zeros, from malloc.
fn copy(bytes: &[u8], zeros: usize) -> *mut c_void {
    // SAFETY: room for both, if there is any.
    unsafe {
        let memory = memory(bytes.len() + zeros).cast::<u8>();
        if !memory.is_null() {
            ptr::copy_nonoverlapping(bytes.as_ptr(), memory, bytes.len());
            memory.add(bytes.len()).write_bytes(0, zeros);
        }
        memory.cast()
    }
}

/// Frees what [`Wanted::fill`] handed out. Of a type that it never hands out nothing is freed.
///
/// # Safety
/// `value` is NULL or was handed out for an item of this type, and is not used again.
pub(super) unsafe fn free_value(kind: u8, value: *mut c_void) {
    if value.is_null() || kind > Type::Binary as u8 {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if kind == Type::Binary as u8 {
            free((*value.cast::<ESHMBinary>()).data.cast());
        }
        free(value);
    }
}

/// malloc, of which the tests can have none left.
fn memory(size: usize) -> *mut c_void {
    #[cfg(test)]
    if !tests::is_left() {
        return ptr::null_mut();
    }
    // SAFETY: any size will do.
    unsafe { libc::malloc(size) }
}

/// # Safety
/// NULL, or from [`memory`] and not used again.
unsafe fn free(memory: *mut c_void) {
    #[cfg(test)]
    tests::count_free(memory);
    // SAFETY: the caller's promise.
    unsafe { libc::free(memory) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Record;
    use std::cell::Cell;

    thread_local! {
        /// Allocations that still succeed, and blocks that were handed out and not freed.
        static LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
        static BLOCKS: Cell<i32> = const { Cell::new(0) };
    }

    pub(super) fn is_left() -> bool {
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        BLOCKS.set(BLOCKS.get() + i32::from(left > 0));
        left > 0
    }

    pub(super) fn count_free(memory: *mut c_void) {
        BLOCKS.set(BLOCKS.get() - i32::from(!memory.is_null()));
    }

    #[test]
    fn when_memory_runs_out_nothing_is_handed_out_and_nothing_kept() {
        let mut record = Record::new();
        record.push("i", 1_i64);
        record.push("x", vec![1_u8, 2]);
        record.push("s", "text");
        record.push("y", Vec::<u8>::new());
        let message = record.encode().expect("it has a form");
        const ALLOCATIONS: u32 = 6;
        for left in 0..=ALLOCATIONS {
            let (mut types, mut text, mut values) = ([9_u8; 4], [[0x55 as c_char; 2]; 4], [ptr::null_mut(); 4]);
            let mut keys = text.each_mut().map(|key| key.as_mut_ptr());
            let wanted = Wanted::new(types.as_mut_ptr(), keys.as_mut_ptr(), 2, values.as_mut_ptr(), 4).expect("arrays");
            LEFT.set(left);
            // SAFETY: as many elements as said, and a key of one byte and its NUL fits.
            let filled = unsafe { wanted.check_and_fill(&message) };
            LEFT.set(u32::MAX);
            if left == ALLOCATIONS {
                assert_eq!(filled, Ok(4));
                assert_eq!(types, [0, 4, 3, 4]);
                for (kind, value) in types.into_iter().zip(values) {
                    // SAFETY: just handed out, and not used again.
                    unsafe { free_value(kind, value) };
                }
            } else {
                assert_eq!(filled.map_err(|error| error.reason), Err(Reason::NoMemory), "{left}");
                assert!(values.iter().all(|value| value.is_null()), "{left}");
            }
            assert_eq!(BLOCKS.get(), 0, "{left}");
        }
    }
}
