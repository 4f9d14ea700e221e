//! Arguments from Python. Those that are not numbers in range go to the package's checks, which the
//! ctypes back end has too.

use crate::{interpreter, package};
use pyo3::{
    ffi,
    prelude::*,
    types::{PyInt, PyString},
};

/// How long a read waits that is not told.
const DEFAULT_TIMEOUT: u32 = 1000;
/// As a timeout: for ever.
pub(crate) const INFINITE: u32 = u32::MAX;

/// Argument `timeout_ms`.
#[inline]
pub(crate) fn milliseconds(given: Option<&Bound<'_, PyAny>>) -> PyResult<u32> {
    let Some(value) = given else { return Ok(DEFAULT_TIMEOUT) };
    match number(value) {
        Some(number) => Ok(number),
        None => checked(package::function(value.py(), |package| &package.u32), "timeout_ms", value),
    }
}

/// Argument `buffer_size`.
#[inline]
pub(crate) fn size(given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    let Some(value) = given else { return Ok(None) };
    match number(value) {
        Some(number) => Ok(Some(number)),
        None => {
            checked(package::function(value.py(), |package| &package.size), "buffer_size", value)
                .map(Some)
        }
    }
}

/// The number that an int in range is. (Made without an exception, which PyO3 cannot look at when
/// the interpreter ends.)
#[inline]
fn number<T: TryFrom<i64>>(value: &Bound<'_, PyAny>) -> Option<T> {
    let int = value.cast_exact::<PyInt>().ok()?;
    let mut overflow = 0;
    // SAFETY: an int; where it has more bits, this says so and sets no exception.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &mut overflow) };
    if overflow == 0 { number.try_into().ok() } else { None }
}

/// What `check` makes of it, or its exception.
#[cold]
fn checked<'py, T: TryFrom<i64>>(
    check: &Bound<'py, PyAny>,
    what: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<T> {
    let checked = interpreter::call(check, [&PyString::new(value.py(), what), value])?;
    Ok(number(&checked).expect("the check gives a number in range"))
}
