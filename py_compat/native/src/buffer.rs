//! Memory of other Python objects, by the buffer protocol.

use pyo3::{exceptions::PyTypeError, ffi, prelude::*, types::PyString};
use std::{
    ffi::{CStr, c_int},
    mem::MaybeUninit,
    slice,
};

/// One object's memory in one piece, exported to us until this is dropped.
pub(crate) struct Buffer {
    view: ffi::Py_buffer,
}

impl Buffer {
    /// With a look at what its elements are: addresses of Python objects are nothing to share.
    fn of(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Buffer> {
        match Buffer::export(object, flags | ffi::PyBUF_ND | ffi::PyBUF_FORMAT) {
            Ok(buffer) if buffer.has_objects() => {
                Err(PyTypeError::new_err("an array of Python objects has no bytes to share"))
            }
            Ok(buffer) => Ok(buffer),
            Err(_) => Buffer::export(object, flags), // some of numpy's types have no format
        }
    }

    fn has_objects(&self) -> bool {
        // SAFETY: NULL, or NUL-terminated and the exporter's as long as the view.
        !self.view.format.is_null() && unsafe { CStr::from_ptr(self.view.format) }.to_bytes().contains(&b'O')
    }

    fn export(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Buffer> {
        let mut view = ffi::Py_buffer::new();
        // SAFETY: a live object and a view to fill in; an exporter keeps the memory until the view is released.
        match unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &mut view, flags) } {
            0 => Ok(Buffer { view }),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    /// The bytes of a writable object.
    pub(crate) fn writable(object: &Bound<'_, PyAny>) -> PyResult<Buffer> {
        Buffer::of(object, ffi::PyBUF_WRITABLE)
    }

    fn len(&self) -> usize {
        self.view.len as usize // never negative
    }

    /// Its bytes, to be read while the interpreter lock is held.
    fn bytes(&self) -> &[u8] {
        if self.view.buf.is_null() {
            return &[]; // allowed for no bytes
        }
        // SAFETY: so many bytes are there until the view is released; no other thread runs Python code meanwhile.
        unsafe { slice::from_raw_parts(self.view.buf.cast(), self.len()) }
    }

    /// Its bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        if self.view.buf.is_null() {
            return &mut [];
        }
        // SAFETY: as above; writable was asked for. Who looks at them from another thread meanwhile does so at his own risk, as
        // with every `readinto` of Python's.
        unsafe { slice::from_raw_parts_mut(self.view.buf.cast(), self.len()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: filled in by PyObject_GetBuffer, released once, by a thread that holds the interpreter lock: no Buffer is
        // sent elsewhere.
        unsafe { ffi::PyBuffer_Release(&mut self.view) }
    }
}

/// Has `use_bytes` see the bytes of any object that has some, without a copy unless they lie scattered.
pub(crate) fn with_bytes<T>(object: &Bound<'_, PyAny>, use_bytes: impl FnOnce(&[u8]) -> PyResult<T>) -> PyResult<T> {
    match Buffer::of(object, ffi::PyBUF_SIMPLE) {
        Ok(buffer) => use_bytes(buffer.bytes()),
        Err(error) if error.is_instance_of::<PyTypeError>(object.py()) && has_buffer(object) => Err(error),
        Err(_) => use_bytes(gathered(object)?.extract()?),
    }
}

/// Whether it has a buffer at all, in one piece or not.
fn has_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) == 1 }
}

/// The bytes of an object that does not have them in one piece, in order.
#[cold]
fn gathered<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if object.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "data must be bytes-like, not str: text.encode(), with b'\\0' added for a C or C++ peer",
        ));
    }
    let view = py.import("eshm._arrays")?.getattr("view_of")?.call1((object,)).map_err(|error| {
        if error.is_instance_of::<PyTypeError>(py) {
            let kind = object.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
            return PyTypeError::new_err(format!("data must be bytes-like, not {kind}"));
        }
        error
    })?;
    view.call_method0("tobytes")
}
