//! Panics stop at the door: unwinding into C would end the host program.

use super::last_error::say;
use crate::endpoint::Timeout;
#[cfg(eshm_failpoints)]
use crate::failpoint;
use crate::log;
use crate::sys::{
    clock::{self, MS},
    thread::{Uncancelled, honour_cancellation},
};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// The longest piece of a wait, in milliseconds: a parked read looks up as often.
const PIECE_MS: u32 = 1000;
const TIMEOUT: c_int = -10;
const INVALID: c_int = -1;

/// Runs the body of an exported function; `fallback` is what it returns after a panic.
#[inline(always)]
pub(super) fn guard<T>(function: &'static str, fallback: T, body: impl FnOnce() -> T) -> T {
    #[cfg(eshm_failpoints)]
    let body = || {
        failpoint::reached(&point(function));
        body()
    };
    let _uncancelled = Uncancelled::new();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(_) => {
            report(function);
            fallback
        }
    }
}

/// Runs a wait, piece by piece; between two of them, and before the first, the thread can be cancelled.
#[inline(always)]
pub(super) fn in_pieces(timeout_ms: u32, mut piece: impl FnMut(Timeout) -> c_int) -> c_int {
    let mut left = timeout_ms;
    if left != 0 {
        honour_cancellation();
    }
    while left > PIECE_MS {
        let end = clock::now() + u64::from(PIECE_MS) * MS;
        let time = u64::from(PIECE_MS) * MS;
        let code = piece(if left == u32::MAX { Timeout::Piece(time) } else { Timeout::For(time) });
        // Earlier it is not the piece that has ended. A message that stays refused is told at the end of each.
        if !matches!(code, TIMEOUT | INVALID) || clock::now() < end {
            return code;
        }
        honour_cancellation();
        if left != u32::MAX {
            left -= PIECE_MS;
        }
    }
    piece(Timeout::of_ms(left))
}

/// Runs an opening, attempt by attempt; `None` is one that is to be followed by another, and then the thread can be cancelled.
#[inline(always)]
pub(super) fn open_in_pieces<T>(function: &'static str, mut attempt: impl FnMut() -> Option<*mut T>) -> *mut T {
    loop {
        match guard(function, Some(ptr::null_mut()), &mut attempt) {
            Some(opened) => return opened,
            None => honour_cancellation(),
        }
    }
}

/// The failpoint at the door of a function.
#[cfg(eshm_failpoints)]
fn point(function: &str) -> String {
    format!("ffi.{function}")
}

/// Whether a test wants to have `function` panic: then it must not take the way on which nothing can and no guard stands.
#[inline(always)]
pub(super) fn is_to_panic(function: &str) -> bool {
    #[cfg(eshm_failpoints)]
    return failpoint::is_planned(&point(function));
    #[cfg(not(eshm_failpoints))]
    {
        let _ = function;
        false
    }
}

#[cold]
fn report(function: &str) {
    log::error!("{function}: panicked; please report this");
    say(c"a mistake within the library; please report it", 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_functions_error() {
        assert_eq!(guard("test", -14, || panic!("on purpose")), -14);
        assert_eq!(guard("test", -14, || 3), 3);
    }
}
