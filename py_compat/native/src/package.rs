//! What of package eshm this module calls. It is taken as the module is loaded: when the
//! interpreter ends, nothing can be imported.

use pyo3::{prelude::*, sync::PyOnceLock};

/// Functions of the package.
pub(crate) struct Package {
    /// For an error of a call, of a channel that is not opened, that has no event descriptor, that
    /// is closed.
    pub(crate) failure: Py<PyAny>,
    pub(crate) open_failed: Py<PyAny>,
    pub(crate) no_event_fd: Py<PyAny>,
    pub(crate) closed: Py<PyAny>,
    /// The bytes of a message, and the memory for one.
    pub(crate) bytes_of: Py<PyAny>,
    pub(crate) room_in: Py<PyAny>,
    /// Arguments that are not what they mostly are.
    pub(crate) u32: Py<PyAny>,
    pub(crate) size: Py<PyAny>,
}

static PACKAGE: PyOnceLock<Package> = PyOnceLock::new();

/// Takes them.
pub(crate) fn take(py: Python<'_>) -> PyResult<()> {
    let (errors, arrays) = (py.import("eshm._errors")?, py.import("eshm._arrays")?);
    let arguments = py.import("eshm._arguments")?;
    let function = |module: &Bound<'_, PyModule>, name| module.getattr(name).map(Bound::unbind);
    let package = Package {
        failure: function(&errors, "failure")?,
        open_failed: function(&errors, "open_failed")?,
        no_event_fd: function(&errors, "no_event_fd")?,
        closed: function(&errors, "closed")?,
        bytes_of: function(&arrays, "bytes_of")?,
        room_in: function(&arrays, "room_in")?,
        u32: function(&arguments, "u32")?,
        size: function(&arguments, "size")?,
    };
    let _ = PACKAGE.set(py, package); // or it has them
    Ok(())
}

/// The one of them that `choose` chooses.
pub(crate) fn function<'py>(
    py: Python<'py>,
    choose: impl FnOnce(&Package) -> &Py<PyAny>,
) -> &'py Bound<'py, PyAny> {
    choose(PACKAGE.get(py).expect("taken as the module was loaded")).bind(py)
}
