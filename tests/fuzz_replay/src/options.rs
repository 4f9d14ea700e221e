//! `eshm_init_ex` with options of any size and value: it opens exactly if they are in their bounds, and says why if not.

use crate::{
    handle::{MASTER, config},
    input::Input,
};
use eshm::ffi::{eshm::*, eshm_data::*};
use eshm_processes::Name;
use std::ffi::{CStr, CString};
use std::mem::{offset_of, size_of};

/// Bytes of the library's struct, and some that a later release's might have more.
const KNOWN: usize = size_of::<ESHMOptions>();
const ROOM: usize = KNOWN + 24;

/// A struct as its caller has it; aligned.
#[repr(C)]
union Given {
    options: ESHMOptions,
    bytes: [u8; ROOM],
}

/// Opens a name of its own as one input has it.
pub fn run(input: &mut Input<'_>) {
    let mut given = Given { bytes: [0; ROOM] };
    let size = input.pick(&[KNOWN, KNOWN, KNOWN, 8, 16, 20, 32, 36, ROOM, 0, 7, 4097, usize::MAX]);
    let flag = |input: &mut Input<'_>| input.pick(&[0, 0, 1, 1, 1, 2, 255]);
    given.options = ESHMOptions {
        size,
        capacity: input.pick(&[0, 1, 7, 4096, 100_000, (1 << 30) + 1, usize::MAX]),
        mode: input.pick(&[0, 0o600, 0o666, 0o777, 0o1000, u32::MAX]),
        wait_for_master_ms: input.word(),
        spin_us: input.word(),
        log_level: input.pick(&[0, 0, 0, 1, 6, -1, i32::MIN]), // of those that are levels none is loud
        exact_capacity: flag(input),
        first_value: flag(input),
        huge_pages: flag(input),
        prefault: flag(input),
        reserved: [0, 0, 0, input.pick(&[0, 0, 0, 1])],
    };
    // SAFETY: bytes, behind the options.
    unsafe { given.bytes[ROOM - 1] = input.pick(&[0, 0, 9]) };
    // SAFETY: all of it is initialised.
    let (wanted, bytes) = unsafe { (given.options, given.bytes) };

    let has = |offset: usize| offset < size;
    let flags = [wanted.exact_capacity, wanted.first_value, wanted.huge_pages, wanted.prefault];
    let capacity = if has(offset_of!(ESHMOptions, capacity)) { wanted.capacity } else { 0 };
    let valid = (8..=4096).contains(&size)
        && capacity <= 1 << 30
        && (!has(offset_of!(ESHMOptions, mode)) || wanted.mode <= 0o777)
        && (!has(offset_of!(ESHMOptions, log_level)) || (0..=5).contains(&wanted.log_level))
        && (!has(offset_of!(ESHMOptions, exact_capacity)) || flags.iter().all(|flag| *flag < 2))
        && bytes[offset_of!(ESHMOptions, reserved).min(size)..size.min(ROOM)].iter().all(|byte| *byte == 0);

    // SAFETY: static text, for ever.
    assert!(unsafe { CStr::from_ptr(eshm_version()) }.to_bytes().starts_with(b"1."));
    let name = Name::new();
    let text = CString::new(name.as_str()).expect("no NUL in a name");
    let config = ESHMConfig { shm_name: text.as_ptr(), ..config(MASTER, false) };
    // SAFETY: a live configuration and name; as many bytes as the size says, or a size that is refused.
    let handle = unsafe { eshm_init_ex(&config, (&raw const given).cast()) };
    assert_eq!(!handle.is_null(), valid, "{wanted:?}");
    if handle.is_null() {
        // SAFETY: NUL-terminated text.
        assert!(!unsafe { CStr::from_ptr(eshm_last_error()) }.is_empty());
        assert!(!name.exists());
    } else {
        let expected = if capacity == 0 { eshm::MAX_DATA_SIZE } else { capacity };
        // SAFETY: an open handle, ended here.
        unsafe { assert_eq!((eshm_capacity(handle), eshm_destroy(handle)), (expected, 0)) };
    }
}
