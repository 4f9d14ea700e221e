//! Module `eshm._native`: a channel's calls without ctypes between them and the library, which is linked in.

mod buffer;
mod channel;
mod errors;
mod open;

use pyo3::prelude::*;

/// The native back end of package eshm. Its class is the base of eshm.ESHM.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::channel::Channel;
}
