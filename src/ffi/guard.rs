//! Panics stop at the door: unwinding into C would end the host program.

use super::last_error::say;
#[cfg(eshm_failpoints)]
use crate::failpoint;
use crate::log;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an exported function; `fallback` is what it returns after a panic.
#[inline(always)]
pub(super) fn guard<T>(function: &'static str, fallback: T, body: impl FnOnce() -> T) -> T {
    #[cfg(eshm_failpoints)]
    let body = || {
        failpoint::reached(&point(function));
        body()
    };
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(_) => {
            report(function);
            fallback
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
