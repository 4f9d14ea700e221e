//! Arguments from Python, with the exceptions that the ctypes back end has for wrong ones.

use pyo3::{
    exceptions::{PyOverflowError, PyValueError},
    prelude::*,
};

/// How long a read waits that is not told.
pub(crate) const DEFAULT_TIMEOUT: Milliseconds = Milliseconds(1000);
/// As a timeout: for ever.
pub(crate) const INFINITE: u32 = u32::MAX;

/// Argument `buffer_size`.
pub(crate) struct Size(pub(crate) usize);

impl<'py> FromPyObject<'_, 'py> for Size {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match in_range::<isize>(object)?.map(usize::try_from) {
            Some(Ok(size)) => Ok(Size(size)),
            _ => Err(PyValueError::new_err(format!(
                "buffer_size must be 0 to {}, not {}",
                isize::MAX,
                &*object
            ))),
        }
    }
}

/// Argument `timeout_ms`.
#[derive(Clone, Copy)]
pub(crate) struct Milliseconds(pub(crate) u32);

impl<'py> FromPyObject<'_, 'py> for Milliseconds {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let checked = in_range(object)?.map(Milliseconds);
        checked.ok_or_else(|| {
            PyValueError::new_err(format!("timeout_ms must be 0 to {}, not {}", u32::MAX, &*object))
        })
    }
}

/// A number, or `None` for one out of range.
fn in_range<'py, T: for<'a> FromPyObject<'a, 'py, Error = PyErr>>(
    object: Borrowed<'_, 'py, PyAny>,
) -> PyResult<Option<T>> {
    match object.extract() {
        Ok(number) => Ok(Some(number)),
        Err(error) if error.is_instance_of::<PyOverflowError>(object.py()) => Ok(None),
        Err(error) => Err(error),
    }
}
