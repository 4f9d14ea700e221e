//! Errors as the exceptions of `eshm._errors`.

use crate::{interpreter, package};
use eshm::Error;
use pyo3::{prelude::*, types::PyString};

/// The exception for an error of a call, which `what` names as scripts know it: "Read failed".
#[cold]
pub(crate) fn failure(py: Python<'_>, what: &str, error: &Error) -> PyErr {
    let make = || {
        let size = match error {
            Error::BufferTooSmall { size, .. } => size.into_pyobject(py)?.into_any(),
            _ => py.None().into_bound(py),
        };
        let code = error.code().into_pyobject(py)?;
        let arguments = [&text(py, what), &*code, &text(py, &error.to_string()), &size];
        interpreter::call(package::function(py, |package| &package.failure), arguments)
    };
    exception(make())
}

/// The exception for a channel that cannot be opened.
#[cold]
pub(crate) fn open_failed(py: Python<'_>, error: &Error) -> PyErr {
    let make = || {
        let arguments = [&text(py, &error.to_string()), &*error.code().into_pyobject(py)?];
        interpreter::call(package::function(py, |package| &package.open_failed), arguments)
    };
    exception(make())
}

/// The exception for a channel without an event descriptor.
#[cold]
pub(crate) fn no_event_fd(py: Python<'_>, error: &Error) -> PyErr {
    let function = package::function(py, |package| &package.no_event_fd);
    exception(interpreter::call(function, [&text(py, &error.to_string())]))
}

/// The exception for a channel that is closed.
#[cold]
pub(crate) fn closed(channel: &Bound<'_, PyAny>) -> PyErr {
    exception(interpreter::call(
        package::function(channel.py(), |package| &package.closed),
        [channel],
    ))
}

fn text<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyAny> {
    PyString::new(py, text).into_any()
}

fn exception(made: PyResult<Bound<'_, PyAny>>) -> PyErr {
    made.map_or_else(|error| error, PyErr::from_value)
}
