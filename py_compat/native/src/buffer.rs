//! Memory of other Python objects, by the buffer protocol.

use crate::{interpreter, package};
use pyo3::{ffi, prelude::*, types::PyBytes};
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
    /// None where a closer look is needed: its elements may be addresses of Python objects, which
    /// are nothing to share, or have no format, as numpy's times, or it is no memory of this kind.
    fn of(object: &Bound<'_, PyAny>, flags: c_int) -> Option<Buffer> {
        Buffer::export(object, flags | ffi::PyBUF_ND | ffi::PyBUF_FORMAT)
            .ok()
            .filter(|buffer| !buffer.may_have_objects())
    }

    fn may_have_objects(&self) -> bool {
        // SAFETY: NULL, or NUL-terminated and the exporter's as long as the view.
        !self.view.format.is_null()
            && unsafe { CStr::from_ptr(self.view.format) }.to_bytes().contains(&b'O')
    }

    fn export(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Buffer> {
        interpreter::buffer(object, flags).map(|view| Buffer { view })
    }

    /// The bytes of a writable object.
    pub(crate) fn writable(object: &Bound<'_, PyAny>) -> PyResult<Buffer> {
        match Buffer::of(object, ffi::PyBUF_WRITABLE) {
            Some(buffer) => Ok(buffer),
            None => {
                Buffer::export(&looked_at(object, |package| &package.room_in)?, ffi::PyBUF_WRITABLE)
            }
        }
    }

    fn len(&self) -> usize {
        self.view.len as usize // never negative
    }

    /// Its bytes, to be read while the interpreter lock is held.
    fn bytes(&self) -> &[u8] {
        if self.view.buf.is_null() {
            return &[]; // allowed for no bytes
        }
        // SAFETY: so many bytes are there until the view is released; no other thread runs Python
        // code meanwhile.
        unsafe { slice::from_raw_parts(self.view.buf.cast(), self.len()) }
    }

    /// Its bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        if self.view.buf.is_null() {
            return &mut [];
        }
        // SAFETY: as above; writable was asked for. Who looks at them from another thread meanwhile
        // does so at his own risk, as with every `readinto` of Python's.
        unsafe { slice::from_raw_parts_mut(self.view.buf.cast(), self.len()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: released once, by a thread that holds the interpreter lock: no Buffer is sent
        // elsewhere.
        unsafe { interpreter::release(&mut self.view) }
    }
}

/// Has `use_bytes` see the bytes of any object that has some, without a copy if they lie in one
/// piece and have a format.
pub(crate) fn with_bytes<T>(
    object: &Bound<'_, PyAny>,
    use_bytes: impl FnOnce(&[u8]) -> PyResult<T>,
) -> PyResult<T> {
    match Buffer::of(object, ffi::PyBUF_SIMPLE) {
        Some(buffer) => use_bytes(buffer.bytes()),
        None => {
            use_bytes(looked_at(object, |package| &package.bytes_of)?.cast::<PyBytes>()?.as_bytes())
        }
    }
}

/// What a function of `eshm._arrays` makes of an object; the ctypes back end has its exceptions
/// too.
#[cold]
fn looked_at<'py>(
    object: &Bound<'py, PyAny>,
    function: impl FnOnce(&package::Package) -> &Py<PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    interpreter::call(package::function(object.py(), function), [object])
}
