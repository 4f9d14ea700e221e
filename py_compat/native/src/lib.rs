//! Module `eshm._native`: a channel's calls without ctypes between them and the library, which is
//! linked in.

// The documentation of the calls is Python text, not Markdown.
#![allow(clippy::doc_lazy_continuation)]

mod arguments;
mod buffer;
mod channel;
mod errors;
mod interpreter;
mod open;
mod package;

use pyo3::{ffi, prelude::*};

/// Whether this is the process's first interpreter. Another is handed the very module of the first
/// (before Python 3.12), and PyO3 is not made for that.
#[pyfunction]
fn is_main_interpreter(_py: Python<'_>) -> bool {
    // SAFETY: attached to an interpreter; its state lasts for the call. The first has the number 0.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) == 0 }
}

/// The native back end of package eshm. Its class is the base of eshm.ESHM.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::channel::Channel;
    #[pymodule_export]
    use super::is_main_interpreter;
    use super::package;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        package::take(module.py())
    }
}
