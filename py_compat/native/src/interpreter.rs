//! Calls of the interpreter in which code of Python's may run: a function, a finalizer, a signal
//! handler.
//!
//! As the interpreter ends, a thread that asks for its lock gets `pthread_exit` instead (before
//! Python 3.14), which unwinds the thread's stack. Frames of Rust cannot be unwound so: the process
//! would abort. Each call here has a guard in its frame, in which such a thread stays until the
//! process ends, as it does from Python 3.14 on. PyO3 has the same around letting go of the lock.

use pyo3::{ffi, prelude::*, types::PyString};
use std::{ffi::c_int, mem, ptr, thread, time::Duration};

/// As in `pyo3::ffi`, but for what can be unwound.
mod raw {
    use pyo3::ffi::{Py_buffer, PyObject};
    use std::ffi::c_int;

    unsafe extern "C-unwind" {
        pub(super) fn PyBuffer_Release(view: *mut Py_buffer);
        pub(super) fn PyDict_New() -> *mut PyObject;
        pub(super) fn PyErr_CheckSignals() -> c_int;
        pub(super) fn PyObject_CallFunctionObjArgs(function: *mut PyObject, ...) -> *mut PyObject;
        pub(super) fn PyObject_CallMethodObjArgs(
            object: *mut PyObject,
            name: *mut PyObject,
            ...
        ) -> *mut PyObject;
        pub(super) fn PyObject_GetAttr(object: *mut PyObject, name: *mut PyObject)
        -> *mut PyObject;
        pub(super) fn PyObject_GetBuffer(
            object: *mut PyObject,
            view: *mut Py_buffer,
            flags: c_int,
        ) -> c_int;
    }
}

/// The most arguments that a call here has.
const MOST: usize = 4;

/// Dropped by unwinding alone, which ends here.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        loop {
            thread::sleep(Duration::from_secs(3600));
        }
    }
}

/// Runs a call of the interpreter, and nothing else: a panic in it would stay here too.
#[inline]
fn guarded<T>(call: impl FnOnce() -> T) -> T {
    let stay = Stay;
    let result = call();
    mem::forget(stay);
    result
}

/// Calls a function.
#[cold]
pub(crate) fn call<'py, const N: usize>(
    function: &Bound<'py, PyAny>,
    arguments: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let [first, second, third, fourth] = padded(arguments);
    let end = ptr::null_mut::<ffi::PyObject>();
    // SAFETY: live objects, then NULL.
    let result = guarded(|| unsafe {
        raw::PyObject_CallFunctionObjArgs(function.as_ptr(), first, second, third, fourth, end)
    });
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), result) }
}

/// Calls a method.
#[cold]
pub(crate) fn call_method<'py, const N: usize>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    arguments: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let [first, second, third, fourth] = padded(arguments);
    let end = ptr::null_mut::<ffi::PyObject>();
    // SAFETY: live objects, then NULL.
    let result = guarded(|| unsafe {
        raw::PyObject_CallMethodObjArgs(
            object.as_ptr(),
            name.as_ptr(),
            first,
            second,
            third,
            fourth,
            end,
        )
    });
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(object.py(), result) }
}

/// The addresses of the arguments, and NULL, which ends them, for the rest.
fn padded<const N: usize>(arguments: [&Bound<'_, PyAny>; N]) -> [*mut ffi::PyObject; MOST] {
    const { assert!(N <= MOST) };
    let mut all = [ptr::null_mut(); MOST];
    for (place, argument) in all.iter_mut().zip(arguments) {
        *place = argument.as_ptr();
    }
    all
}

/// An attribute of an object.
#[cold]
pub(crate) fn attribute<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: live objects.
    let result = guarded(|| unsafe { raw::PyObject_GetAttr(object.as_ptr(), name.as_ptr()) });
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(object.py(), result) }
}

/// A new dict. (Before Python 3.12 the garbage collector may run in it.)
pub(crate) fn new_dict(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: attached.
    let result = guarded(|| unsafe { raw::PyDict_New() });
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, result) }
}

/// Runs handlers of signals that have come, in the main thread.
pub(crate) fn check_signals(py: Python<'_>) -> PyResult<()> {
    // SAFETY: attached.
    match guarded(|| unsafe { raw::PyErr_CheckSignals() }) {
        0 => Ok(()),
        _ => Err(PyErr::fetch(py)),
    }
}

/// The memory of an object, to be released.
pub(crate) fn buffer(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<ffi::Py_buffer> {
    let mut view = ffi::Py_buffer::new();
    // SAFETY: a live object and a view to fill in; an exporter keeps the memory until the view is
    // released.
    match guarded(|| unsafe { raw::PyObject_GetBuffer(object.as_ptr(), &mut view, flags) }) {
        0 => Ok(view),
        _ => Err(PyErr::fetch(object.py())),
    }
}

/// Releases an object's memory.
///
/// # Safety
/// The view is from `buffer`, not yet released, and this thread is attached.
pub(crate) unsafe fn release(view: &mut ffi::Py_buffer) {
    // SAFETY: as the caller promises.
    guarded(|| unsafe { raw::PyBuffer_Release(view) });
}
