//! The functions for records with any arguments: NULL in any place, texts that are none, types that there are not, counts and
//! rooms of any size. What is written is read, and after an error nothing was handed out.

use crate::{
    handle::{self, Handle, MASTER, SLAVE},
    input::Input,
};
use eshm::ffi::{data_handler_c_api::*, eshm_data_api::*, eshm_record::*};
use eshm_processes::Name;
use std::{
    ffi::{CStr, CString, c_char, c_void},
    ptr,
};

const ITEMS: usize = 8;
const STEPS: usize = 60;
const ROOM: usize = 1 << 14;

/// Memory for values of any type, which lives until they were encoded.
#[derive(Default)]
#[allow(clippy::vec_box)] // pointed to while the vectors grow
struct Values {
    types: [u8; ITEMS],
    texts: Vec<CString>,
    octets: Vec<Vec<u8>>,
    numbers: Vec<Box<[u8; 8]>>,
    binaries: Vec<Box<ESHMBinary>>,
    keys: Vec<*const c_char>,
    values: Vec<*const c_void>,
}

fn text(input: &mut Input<'_>) -> CString {
    let size = input.byte() as usize % 24;
    let mut bytes: Vec<u8> = input.bytes(size).iter().copied().filter(|&byte| byte != 0).collect();
    if input.byte() & 7 == 0 {
        bytes = "é✓".repeat(size).into_bytes();
    }
    CString::new(bytes).expect("no NUL is left")
}

impl Values {
    fn new(input: &mut Input<'_>) -> Values {
        let mut made = Values::default();
        for at in 0..ITEMS {
            let choice = input.byte();
            made.types[at] = if choice & 0xF0 == 0xF0 { input.byte() } else { choice % 5 };
            made.texts.push(text(input));
            made.keys.push(if choice == 0xE0 { ptr::null() } else { made.texts[made.texts.len() - 1].as_ptr() });
            let value: *const c_void = match made.types[at] {
                3 => {
                    made.texts.push(text(input));
                    made.texts[made.texts.len() - 1].as_ptr().cast()
                }
                4 => {
                    let size = usize::from(input.short()) % 600;
                    let mut octets = input.bytes(size).to_vec();
                    octets.resize(size, 0xA5);
                    let (data, len) = if choice == 0xE4 { (ptr::null_mut(), size) } else { (octets.as_mut_ptr(), size) };
                    made.octets.push(octets);
                    made.binaries.push(Box::new(ESHMBinary { data, len }));
                    ptr::from_ref(&**made.binaries.last().expect("one")).cast()
                }
                _ => {
                    let number = u64::from(input.word()) << (choice >> 2);
                    made.numbers.push(Box::new(number.to_le_bytes()));
                    ptr::from_ref(&**made.numbers.last().expect("one")).cast()
                }
            };
            made.values.push(if choice == 0xE8 { ptr::null() } else { value });
        }
        made
    }
}

/// A row of any fields.
fn fields(input: &mut Input<'_>, made: &Values) -> Vec<ESHMRecordField> {
    let field = |at: usize| {
        let (kind, odd) = (input.byte(), input.byte());
        let texts = &made.texts;
        let (key, data) = (&texts[at % texts.len()], &texts[(at + 1) % texts.len()]);
        ESHMRecordField {
            key: if odd == 1 { ptr::null() } else { key.as_ptr() },
            key_size: key.count_bytes(),
            data: if odd == 2 { ptr::null() } else { data.as_ptr().cast() },
            size: data.count_bytes(),
            integer: i64::from(input.word() as i32) << (odd & 32),
            real: f64::from(input.word()),
            children: if odd & 0xC0 == 0xC0 { input.word() } else { u32::from(input.byte() % 6) & u32::from(odd >> 4) },
            field_type: if kind & 0xF0 == 0xF0 { kind } else { kind % 8 },
        }
    };
    (0..2 * ITEMS).map(field).collect()
}

/// Room for what is read.
struct Slots {
    types: [u8; ITEMS],
    text: [[c_char; 16]; ITEMS],
    values: [*mut c_void; ITEMS],
}

impl Slots {
    /// Reads, and frees what was handed out: how many there were.
    fn read(input: &mut Input<'_>, with: impl FnOnce(*mut u8, *mut *mut c_char, i32, *mut *mut c_void, i32) -> i32) -> i32 {
        let mut slots = Slots { types: [9; ITEMS], text: [[0x55; 16]; ITEMS], values: [ptr::null_mut(); ITEMS] };
        let mut keys = slots.text.each_mut().map(|key| key.as_mut_ptr());
        let odd = input.byte();
        if odd & 0xE0 == 0xE0 {
            keys[usize::from(odd) % ITEMS] = ptr::null_mut();
        }
        let key_room = i32::from(input.byte() % 18) - 1; // 0 and negative ones too
        let max = i32::from(input.byte() % (ITEMS as u8 + 2)) - 1;
        let types = if odd == 1 { ptr::null_mut() } else { slots.types.as_mut_ptr() };
        let values = if odd == 2 { ptr::null_mut() } else { slots.values.as_mut_ptr() };
        let rows = if odd == 3 { ptr::null_mut() } else { keys.as_mut_ptr() };
        let count = with(types, rows, key_room.min(16), values, max);
        assert!(count <= max.max(-1), "{count} of {max}");
        for (at, (value, key)) in slots.values.into_iter().zip(keys).enumerate() {
            assert_eq!(!value.is_null(), (at as i32) < count, "half handed out");
            if value.is_null() {
                continue;
            }
            // SAFETY: just handed out with this type, and freed once, by one of the three; a key ends in NUL.
            unsafe {
                assert!(CStr::from_ptr(key).to_str().is_ok(), "half a character");
                match input.byte() % 3 {
                    0 => eshm_free_value(value, slots.types[at]),
                    1 => eshm_data_free_value(slots.types[at], value),
                    _ => dh_free_value(slots.types[at], value),
                }
            }
        }
        count
    }
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = Name::new();
    let open = |role| Handle::open(name.as_str().as_bytes(), handle::config(role, true)).expect("a fresh name");
    let (master, slave) = (open(MASTER), open(SLAVE));
    let handler = dh_create();
    let mut out = vec![0_u8; ROOM];
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        let mut made = Values::new(&mut input);
        let odd = input.byte();
        let count = i32::from(input.byte() % (ITEMS as u8 + 2)) - 1;
        let types = if odd == 1 { ptr::null() } else { made.types.as_ptr() };
        let keys = if odd == 2 { ptr::null_mut() } else { made.keys.as_mut_ptr() };
        let values = if odd == 3 { ptr::null_mut() } else { made.values.as_mut_ptr() };
        let room = usize::from(input.short()) % ROOM;
        // SAFETY: NULL, or arrays of ITEMS elements of what their type says; rooms as large as said.
        unsafe {
            let size = dh_encode(handler, types, keys, values, count, out.as_mut_ptr(), room as i32);
            assert!(size == -1 || (24..=room as i32).contains(&size), "{size} of {room}");
            if let Ok(size) = usize::try_from(size) {
                let got = Slots::read(&mut input, |types, keys, key_room, values, max| {
                    dh_decode(handler, out.as_ptr(), size as i32, types, keys, key_room, values, max)
                });
                assert!(got == -1 || got == count);
            }
            let to = if odd == 4 { ptr::null_mut() } else { master.raw() };
            let written = eshm_write_data(to, types, keys, values, count);
            assert!(written == -1 || written == -13 || (24..=4096).contains(&written), "{written}");
            let mut items = 77;
            let got = Slots::read(&mut input, |types, keys, key_room, values, max| {
                match eshm_read_data(slave.raw(), types, keys, key_room, values, max, &mut items, 0) {
                    0 => items,
                    code => {
                        assert!([-1, -9, -13].contains(&code) && (code == -13 || items == 0), "{code}");
                        -1
                    }
                }
            });
            assert!(got == -1 || written <= 0 || got == count);
            let mut drain = [0_u8; 4096];
            while slave.raw_read(&mut drain) == 0 {}

            let fields = fields(&mut input, &made);
            let count = usize::from(input.byte()) % (fields.len() + 1);
            let mut size = 77;
            let code = eshm_record_encode(fields.as_ptr(), count, out.as_mut_ptr().cast(), room, &mut size);
            match code {
                0 => {
                    let (mut again, mut length) = (77, 77);
                    assert!(size <= room);
                    let (message, none) = (out.as_ptr().cast(), ptr::null_mut());
                    assert_eq!(eshm_record_decode(message, size, none, 0, &mut again), if count == 0 { 0 } else { -13 });
                    assert_eq!(again, count, "what was encoded has as many fields");
                    assert_eq!(eshm_record_to_json(message, size, ptr::null_mut(), 0, &mut length), -13);
                }
                -13 => assert!(size > room),
                -1 => assert_eq!(size, 0),
                other => panic!("{other}"),
            }
            assert!(CStr::from_ptr(eshm_data_get_last_error()).to_str().is_ok());
        }
    }
    dh_destroy(handler);
}
