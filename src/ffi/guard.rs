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

    /// The pieces of a wait whose calls give `codes` in turn, each at once or at the end of its time, and what the wait gives.
    fn pieces(timeout_ms: u32, codes: &[(c_int, bool)]) -> (Vec<Timeout>, c_int) {
        let mut pieces = Vec::new();
        let code = in_pieces(timeout_ms, |timeout| {
            let (code, at_end) = codes[pieces.len()];
            pieces.push(timeout);
            if let (true, Timeout::For(time) | Timeout::Piece(time)) = (at_end, timeout) {
                clock::sleep(std::time::Duration::from_nanos(time));
            }
            code
        });
        (pieces, code)
    }

    const SECOND: u64 = 1000 * MS;

    #[test]
    fn a_long_wait_is_made_of_pieces_and_ends_with_its_time() {
        let rest = Timeout::For(500 * MS);
        let whole = [Timeout::For(SECOND), Timeout::For(SECOND), rest];
        assert_eq!(pieces(2500, &[(-10, true), (-10, true), (-10, true)]), (whole.to_vec(), -10));
        assert_eq!(pieces(1000, &[(-10, true)]), (vec![Timeout::For(SECOND)], -10));
        assert_eq!(pieces(0, &[(-9, false)]), (vec![Timeout::None], -9));
        // A message that stays refused is told at the end of each.
        assert_eq!(pieces(1500, &[(-1, true), (0, false)]), (vec![Timeout::For(SECOND), rest], 0));
    }

    #[test]
    fn a_wait_without_limit_goes_on_after_each_piece() {
        let piece = Timeout::Piece(SECOND);
        assert_eq!(pieces(u32::MAX, &[(-10, true), (-10, true), (0, false)]), (vec![piece, piece, piece], 0));
    }

    #[test]
    fn what_ends_a_piece_early_ends_the_wait() {
        for code in [-10, -1, -13, -14, 0] {
            for timeout in [1500, u32::MAX] {
                assert_eq!(pieces(timeout, &[(code, false)]).1, code);
            }
        }
    }
}
