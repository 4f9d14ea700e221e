//! A static library in Rust beside ours, with the same standard library inside: it has threads, formats, allocates and panics.

use std::collections::HashMap;
use std::ffi::c_int;

/// Twice the number, worked out on a thread that panics for negative ones: -1 then.
#[unsafe(no_mangle)]
pub extern "C" fn other_twice(number: c_int) -> c_int {
    std::panic::set_hook(Box::new(|_| {}));
    let answer = std::thread::spawn(move || {
        let numbers: HashMap<String, c_int> = (0..=number).map(|n| (format!("{n}"), 2 * n)).collect();
        numbers[&number.to_string()] // panics where there is none
    });
    answer.join().unwrap_or(-1)
}
