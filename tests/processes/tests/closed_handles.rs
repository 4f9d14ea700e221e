//! What stays of closed handles. Alone in its process, which is measured.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, builder, sandbox::skipped, tasks};
use std::{fs, process};

const CAPACITY: usize = 4 << 20;
/// Handles of which something is kept.
const KEPT: usize = 16;

fn kilobytes(field: &str) -> u64 {
    let text = tasks::status(process::id(), process::id(), field).expect("a line");
    text.trim_end_matches(" kB").parse().expect("a number")
}

fn rounds(count: usize) {
    for _ in 0..count {
        let name = Name::new();
        let large: Endpoint = builder(&name, Role::Master).capacity(CAPACITY).open().expect("create");
        large.write(&[7; 100]).expect("write");
    }
}

#[test]
fn closed_handles_keep_neither_addresses_nor_locked_memory_of_their_messages() {
    rounds(1); // the first start of the service thread maps things of its own
    let before = kilobytes("VmSize");
    rounds(KEPT);
    let (grown, all) = (kilobytes("VmSize").saturating_sub(before), (2 * CAPACITY * KEPT / 1024) as u64);
    assert!(grown < all / 4, "{grown} kB of addresses, of {all}");
    let mappings = || fs::read_to_string("/proc/self/maps").expect("our own").lines().count();
    let before = mappings();
    rounds(3 * KEPT);
    let grown = mappings().saturating_sub(before);
    assert!(grown < KEPT, "{grown} mappings of handles closed long ago");
    // What follows is locked with all its pages.
    // SAFETY: no memory is passed.
    if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
        return skipped("this user may not lock memory");
    }
    let before = kilobytes("VmLck");
    rounds(KEPT);
    let grown = kilobytes("VmLck").saturating_sub(before);
    assert!(grown < all / 8, "{grown} kB of locked memory, of {all}");
}
