//! The options of `eshm_init_ex`: a struct that says its own size, so that it can grow.

use super::eshm_data::{ESHM_SPIN_ADAPTIVE, ESHMOptions};
use crate::config::Settings;
use crate::error::Error;
use crate::log::LEVELS;
use std::mem::{offset_of, size_of};
use std::{ptr, slice};

/// What stands in place of a member that the caller's struct does not have.
const DEFAULTS: ESHMOptions = ESHMOptions {
    size: size_of::<ESHMOptions>(),
    capacity: 0,
    mode: 0,
    wait_for_master_ms: 0,
    spin_us: ESHM_SPIN_ADAPTIVE,
    log_level: 0,
    exact_capacity: 0,
    first_value: 0,
    huge_pages: 0,
    prefault: 0,
    reserved: [0; 4],
};
/// Those that are 0 or 1.
const FLAGS: [&str; 4] =
    ["ESHMOptions.exact_capacity", "ESHMOptions.first_value", "ESHMOptions.huge_pages", "ESHMOptions.prefault"];
/// No release's struct is larger: a size beyond it was never set.
const LARGEST: usize = 4096;

/// Puts the caller's options into the settings; capacity and mode are checked where a handle is opened.
///
/// # Safety
/// `options` is valid for a size, and for as many bytes as that says.
pub(super) unsafe fn apply(options: *const ESHMOptions, settings: &mut Settings) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    let size = unsafe { options.cast::<usize>().read() };
    if !(size_of::<usize>()..=LARGEST).contains(&size) {
        return Err(Error::out_of_range("ESHMOptions.size", size, size_of::<usize>(), LARGEST));
    }
    // Half a member is another value, or none. From exact_capacity on each byte ends one.
    let whole = size % align_of::<u32>() == 0 && !(size_of::<usize>() + 1..offset_of!(ESHMOptions, mode)).contains(&size);
    if size < offset_of!(ESHMOptions, exact_capacity) && !whole {
        return Err(Error::InvalidParameter(
            "ESHMOptions.size ends inside a member: begin with eshm_default_options()".into(),
        ));
    }
    let (mut known, named) = (DEFAULTS, size.min(offset_of!(ESHMOptions, reserved)));
    // SAFETY: as many bytes as both have, of which every pattern is a value; then the rest of the caller's, if there is one.
    let rest = unsafe {
        ptr::copy_nonoverlapping(options.cast::<u8>(), ptr::from_mut(&mut known).cast(), named);
        slice::from_raw_parts(options.cast::<u8>().add(named), size - named)
    };
    if let Some(at) = rest.iter().position(|&byte| byte != 0) {
        return Err(Error::out_of_range("the byte of an unknown member of ESHMOptions", rest[at].into(), 0, 0));
    }
    let level = known.log_level as u32 as usize; // a negative one is large here
    if level > LEVELS.len() {
        return Err(Error::out_of_range("ESHMOptions.log_level", level, 0, LEVELS.len()));
    }
    let flags = [known.exact_capacity, known.first_value, known.huge_pages, known.prefault];
    if let Some(at) = flags.iter().position(|&flag| flag > 1) {
        return Err(Error::out_of_range(FLAGS[at], flags[at].into(), 0, 1));
    }
    if known.capacity != 0 {
        settings.capacity = known.capacity;
    }
    settings.mode = (known.mode != 0).then_some(known.mode);
    settings.wait_for_master_ms = known.wait_for_master_ms;
    settings.spin_us = (known.spin_us != ESHM_SPIN_ADAPTIVE).then_some(known.spin_us);
    settings.log_level = LEVELS.get(level.wrapping_sub(1)).copied();
    settings.exact_capacity = known.exact_capacity != 0;
    settings.first_value = known.first_value != 0;
    settings.huge_pages = known.huge_pages != 0;
    settings.prefault = known.prefault != 0;
    Ok(())
}
