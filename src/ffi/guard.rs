//! Panics stop at the door: unwinding into C would end the host program.

use crate::log;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an exported function; `fallback` is what it returns after a panic.
#[inline(always)]
pub(super) fn guard<T>(function: &'static str, fallback: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(_) => {
            report(function);
            fallback
        }
    }
}

#[cold]
fn report(function: &str) {
    log::error!("{function}: panicked; please report this");
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
