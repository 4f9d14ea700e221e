//! Errors as the exceptions of `eshm._errors`.

use eshm::Error;
use pyo3::{intern, prelude::*};

/// The exception for an error of a call, which `what` names as scripts know it: "Read failed".
#[cold]
pub(crate) fn failure(py: Python<'_>, what: &str, error: &Error) -> PyErr {
    let size = if let Error::BufferTooSmall { size, .. } = error { Some(*size) } else { None };
    exception(py, |errors| {
        errors.getattr(intern!(py, "failure"))?.call1((what, error.code(), error.to_string(), size))
    })
}

/// The exception for a channel that cannot be opened.
#[cold]
pub(crate) fn open_failed(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, |errors| {
        errors.getattr(intern!(py, "open_failed"))?.call1((error.to_string(), error.code()))
    })
}

/// The exception for a channel without an event descriptor.
#[cold]
pub(crate) fn no_event_fd(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, |errors| errors.getattr(intern!(py, "no_event_fd"))?.call1((error.to_string(),)))
}

/// The exception for a channel that is closed.
#[cold]
pub(crate) fn closed(channel: &Bound<'_, PyAny>) -> PyErr {
    let py = channel.py();
    exception(py, |errors| errors.getattr(intern!(py, "closed"))?.call1((channel,)))
}

fn exception<'py>(
    py: Python<'py>,
    make: impl FnOnce(Bound<'py, PyModule>) -> PyResult<Bound<'py, PyAny>>,
) -> PyErr {
    py.import(intern!(py, "eshm._errors"))
        .and_then(make)
        .map_or_else(|error| error, PyErr::from_value)
}
