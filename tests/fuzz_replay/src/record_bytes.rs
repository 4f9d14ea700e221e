//! Any bytes as a record: all decoders agree on them, and what is one encodes to bytes that give the same again.

use crate::buffers::{Buffer, LARGEST};
use eshm::{
    ffi::{data_handler_c_api::*, eshm_record::*},
    records::{Items, Reason, Record, to_json},
};
use std::{
    ffi::{CStr, c_char, c_void},
    ptr,
};

/// More items than the longest input has bytes for.
const ITEMS: usize = 512;
const KEY: usize = 12;

/// The fields of a record; `None` if it is none.
fn fields(bytes: &[u8]) -> Option<Vec<ESHMRecordField>> {
    let mut count = usize::MAX;
    // SAFETY: the bytes; no room for fields at first, then room for as many as there are.
    unsafe {
        let (data, size) = (bytes.as_ptr().cast(), bytes.len());
        let code = eshm_record_decode(data, size, ptr::null_mut(), 0, &mut count);
        if code == -1 {
            assert_eq!(count, 0);
            return None;
        }
        assert_eq!(code, if count == 0 { 0 } else { -13 });
        let mut fields = Vec::with_capacity(count);
        let room = count;
        if room > 0 {
            assert_eq!(eshm_record_decode(data, size, fields.as_mut_ptr(), room - 1, &mut count), -13);
        }
        assert_eq!((eshm_record_decode(data, size, fields.as_mut_ptr(), room, &mut count), count), (0, room));
        fields.set_len(room);
        Some(fields)
    }
}

/// The same through the functions for scalars; what was handed out is freed. The number of items, or -1.
fn scalars(bytes: &[u8], max: usize, values: &mut [*mut c_void; ITEMS]) -> i32 {
    let strict = Items::new(bytes).and_then(Items::check).is_ok();
    let (mut types, mut text) = ([0_u8; ITEMS], [[0x55 as c_char; KEY]; ITEMS]);
    let keys = text.each_mut().map(|key| key.as_mut_ptr());
    // SAFETY: room for `max` items with keys of KEY bytes; each value is freed once.
    unsafe {
        let handler = dh_create();
        let (data, size) = (bytes.as_ptr(), bytes.len() as i32);
        let count = dh_decode(
            handler,
            data,
            size,
            types.as_mut_ptr(),
            keys.as_ptr().cast_mut(),
            KEY as i32,
            values.as_mut_ptr(),
            max as i32,
        );
        for at in 0..usize::try_from(count).unwrap_or(0) {
            assert!(!strict || CStr::from_ptr(keys[at]).to_str().is_ok(), "half a character");
            dh_free_value(types[at], values[at]);
        }
        if count < 0 {
            assert!(!CStr::from_ptr(dh_get_last_error()).is_empty());
        }
        dh_destroy(handler);
        count
    }
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut buffer = Buffer::new();
    let message = buffer.last(bytes.len().min(LARGEST));
    message.copy_from_slice(&bytes[..message.len()]);
    let message = &*message;

    let checked = Items::new(message).and_then(Items::check);
    let fields = fields(message);
    assert_eq!(checked.is_ok(), fields.is_some());
    let mut json = [0x55 as c_char; 64];
    let mut length = usize::MAX;
    // SAFETY: as much room as said.
    let code = unsafe { eshm_record_to_json(message.as_ptr().cast(), message.len(), json.as_mut_ptr(), 64, &mut length) };
    let mut values = [ptr::null_mut(); ITEMS];
    let count = scalars(message, ITEMS, &mut values);
    let (Ok(items), Some(fields)) = (checked, fields) else {
        let error = Record::decode(message).expect_err("it was refused");
        assert_eq!(checked, Err(error));
        assert!(error.position <= message.len());
        assert_eq!((to_json(message), code, length, json[0]), (Err(error), -1, 0, 0));
        // The functions for scalars take any bytes as texts, and bytes after the record.
        let loose = matches!(error.reason, Reason::NotUtf8 | Reason::TrailingBytes);
        assert!(count == -1 || loose && count >= 0, "{count} of {error:?}");
        assert!(count != -1 || values.iter().all(|value| value.is_null()));
        return;
    };
    let record = Record::decode(message).expect("it was accepted");
    assert_eq!(record.len(), items);
    let text = to_json(message).expect("it was accepted");
    assert_eq!((code, length), (if text.len() < 64 { 0 } else { -13 }, text.len()));

    // Shortest forms, so it can only become shorter but for the length bytes of the sequences.
    let again = record.encode().expect("it has a form");
    assert_eq!(Record::decode(&again).and_then(|record| record.encode()).as_ref(), Ok(&again));
    let (mut out, mut size) = (vec![0_u8; again.len()], 0);
    // SAFETY: as much room as said; fields that point into the message.
    let code = unsafe { eshm_record_encode(fields.as_ptr(), fields.len(), out.as_mut_ptr().cast(), out.len(), &mut size) };
    assert_eq!((code, size, &out), (0, again.len(), &again));

    // An event and a function call too are told by a type of 5 to 7.
    let is_scalar = fields.len() == items && fields.iter().all(|field| field.field_type < 5);
    assert_eq!(count, if is_scalar && items <= ITEMS { items as i32 } else { -1 });
    if count > 0 {
        let mut untouched = [ptr::null_mut(); ITEMS];
        assert_eq!(scalars(message, items - 1, &mut untouched), -1);
        assert!(untouched.iter().all(|value| value.is_null()));
    }
}
