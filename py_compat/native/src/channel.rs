//! Class Channel: the calls of one end of a channel.

use crate::arguments::{self, INFINITE};
use crate::buffer::{self, Buffer};
use crate::open::Place;
use crate::{errors, interpreter};
use eshm::{DisconnectBehavior, Endpoint, Error, LogLevel, Role, WakeupMode};
use pyo3::{
    exceptions::{PyMemoryError, PyRuntimeError},
    ffi, intern,
    prelude::*,
    types::{PyBytes, PyDict, PyString, PyTuple},
};
use std::{mem::MaybeUninit, os::fd::AsRawFd, slice, time::Duration};

/// How long a read spins before it lets go of the interpreter lock.
const SPIN: Duration = Duration::from_micros(20);
/// The longest wait without a look at signals: one may come right before the thread goes to sleep,
/// or to another thread.
const SLICE: Duration = Duration::from_millis(100);
/// Messages up to this size are read to the stack first.
const SMALL: usize = 4096;

/// As `spin_us`: what the endpoint has learnt.
const SPIN_ADAPTIVE: u32 = u32::MAX;
/// By their numbers in C, from 1 on; 0 changes nothing.
const LEVELS: [LogLevel; 5] =
    [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];

/// The fields of `eshm._settings.Settings`.
type Settings<'a> = (&'a [u8], u8, u8, u32, u32, u32, u32, bool, bool);
/// The fields of `eshm._options.Options`.
type Options = (usize, u32, u32, u32, u8, bool, bool, bool, bool);

/// The calls of one end of a channel, straight to the library that is linked in.
///
/// While it is not open, they go to the object's attribute `_end`, another back end, if that is not
/// None.
#[pyclass(subclass, frozen, module = "eshm._native")]
pub(crate) struct Channel {
    place: Place,
}

#[pymethods]
impl Channel {
    #[new]
    #[pyo3(signature = (*_arguments, **_settings))]
    fn new(_arguments: &Bound<'_, PyTuple>, _settings: Option<&Bound<'_, PyDict>>) -> Self {
        // What the constructor of the class derived from it does with them is its own.
        Channel { place: Place::default() }
    }

    /// Opens it, with a `Settings` and an `Options` or None, both checked; ESHMOpenFailed with the
    /// reason.
    fn _open(
        &self,
        py: Python<'_>,
        settings: Settings<'_>,
        options: Option<Options>,
    ) -> PyResult<()> {
        let (
            name,
            role,
            disconnect_behavior,
            threshold,
            wait,
            interval,
            attempts,
            cleanup,
            threads,
        ) = settings;
        let time = |ms| Duration::from_millis(u64::from(ms));
        let mut builder = Endpoint::builder(name)
            .role([Role::Master, Role::Slave, Role::Auto][usize::from(role.min(2))])
            .disconnect_behavior(match disconnect_behavior {
                0 => DisconnectBehavior::Immediately,
                1 => DisconnectBehavior::OnTimeout,
                _ => DisconnectBehavior::Never,
            })
            .stale_threshold(time(threshold))
            .reconnect_wait(time(wait))
            .reconnect_retry_interval(time(interval))
            .max_reconnect_attempts(attempts)
            .auto_cleanup(cleanup)
            .threads(threads);
        if let Some((
            capacity,
            mode,
            wait_for_master,
            spin_us,
            level,
            exact,
            first,
            huge,
            prefault,
        )) = options
        {
            builder = builder
                .exact_capacity(exact)
                .first_value(first)
                .huge_pages(huge)
                .prefault(prefault);
            builder = builder.wait_for_master(time(wait_for_master));
            if capacity != 0 {
                builder = builder.capacity(capacity);
            }
            if mode != 0 {
                builder = builder.mode(mode);
            }
            if spin_us != SPIN_ADAPTIVE {
                builder = builder.spin(Some(Duration::from_micros(spin_us.into())));
            }
            if level != 0 {
                builder = builder.log_level(LEVELS[usize::from(level - 1).min(LEVELS.len() - 1)]);
            }
        }
        let endpoint =
            py.detach(|| builder.open()).map_err(|error| errors::open_failed(py, &error))?;
        self.place.put(endpoint).map_err(|_| PyRuntimeError::new_err("open already"))
    }

    /// Closes it; may be called again.
    fn _close(&self, py: Python<'_>) {
        self.place.close(py);
    }

    /// Whether it is open.
    fn _is_open(&self, py: Python<'_>) -> bool {
        self.place.get(py).is_some()
    }

    #[doc = include_str!(concat!(env!("OUT_DIR"), "/write"))]
    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        match data.cast_exact::<PyBytes>() {
            Ok(bytes) => put(slf, data, bytes.as_bytes()),
            Err(_) => buffer::with_bytes(data, |bytes| put(slf, data, bytes)),
        }
    }

    #[doc = include_str!(concat!(env!("OUT_DIR"), "/read"))]
    #[pyo3(signature = (buffer_size = None, timeout_ms = None))]
    fn read<'py>(
        slf: &Bound<'py, Self>,
        buffer_size: Option<&Bound<'py, PyAny>>,
        timeout_ms: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (size, timeout) = (arguments::size(buffer_size)?, arguments::milliseconds(timeout_ms)?);
        match take(slf, most(slf, size), timeout)? {
            Taken::Message(message) => Ok(message.into_any()),
            Taken::Nothing => Err(nothing(slf.py(), timeout)),
            Taken::NotOpen => {
                let none = slf.py().None().into_bound(slf.py());
                elsewhere(
                    slf,
                    intern!(slf.py(), "read"),
                    [buffer_size.unwrap_or(&none), timeout_ms.unwrap_or(&none)],
                )
            }
        }
    }

    #[doc = include_str!(concat!(env!("OUT_DIR"), "/try_read"))]
    #[pyo3(signature = (buffer_size = None))]
    fn try_read<'py>(
        slf: &Bound<'py, Self>,
        buffer_size: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match take(slf, most(slf, arguments::size(buffer_size)?), 0)? {
            Taken::Message(message) => Ok(Some(message.into_any())),
            Taken::Nothing => Ok(None),
            Taken::NotOpen => {
                let none = slf.py().None().into_bound(slf.py());
                elsewhere(slf, intern!(slf.py(), "try_read"), [buffer_size.unwrap_or(&none)])
                    .map(Some)
            }
        }
    }

    #[doc = include_str!(concat!(env!("OUT_DIR"), "/readinto"))]
    #[pyo3(signature = (buffer, timeout_ms = None))]
    fn readinto<'py>(
        slf: &Bound<'py, Self>,
        buffer: &Bound<'py, PyAny>,
        timeout_ms: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timeout = arguments::milliseconds(timeout_ms)?;
        match fill(slf, Buffer::writable(buffer)?.bytes_mut(), timeout)? {
            Filled::Bytes(size) => Ok(size.into_pyobject(slf.py())?.into_any()),
            Filled::Nothing => Err(nothing(slf.py(), timeout)),
            Filled::NotOpen => {
                let none = slf.py().None().into_bound(slf.py());
                elsewhere(slf, intern!(slf.py(), "readinto"), [buffer, timeout_ms.unwrap_or(&none)])
            }
        }
    }

    #[doc = include_str!(concat!(env!("OUT_DIR"), "/try_readinto"))]
    fn try_readinto<'py>(
        slf: &Bound<'py, Self>,
        buffer: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match fill(slf, Buffer::writable(buffer)?.bytes_mut(), 0)? {
            Filled::Bytes(size) => Ok(Some(size.into_pyobject(slf.py())?.into_any())),
            Filled::Nothing => Ok(None),
            Filled::NotOpen => {
                elsewhere(slf, intern!(slf.py(), "try_readinto"), [buffer]).map(Some)
            }
        }
    }

    fn _get_stats<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let stats = ask(slf, "Failed to get stats", Endpoint::stats)?;
        let dict = interpreter::new_dict(slf.py())?.cast_into::<PyDict>()?;
        dict.set_item("master_heartbeat", stats.master_heartbeat)?;
        dict.set_item("slave_heartbeat", stats.slave_heartbeat)?;
        dict.set_item("master_pid", stats.master_pid)?;
        dict.set_item("slave_pid", stats.slave_pid)?;
        dict.set_item("master_alive", stats.master_alive)?;
        dict.set_item("slave_alive", stats.slave_alive)?;
        dict.set_item("stale_threshold", stats.stale_threshold_ms)?;
        dict.set_item("master_heartbeat_delta", stats.master_heartbeat_delta)?;
        dict.set_item("slave_heartbeat_delta", stats.slave_heartbeat_delta)?;
        dict.set_item("m2s_write_count", stats.m2s_write_count)?;
        dict.set_item("m2s_read_count", stats.m2s_read_count)?;
        dict.set_item("s2m_write_count", stats.s2m_write_count)?;
        dict.set_item("s2m_read_count", stats.s2m_read_count)?;
        Ok(dict)
    }

    fn _get_role(slf: &Bound<'_, Self>) -> PyResult<u8> {
        // A child that inherited the channel is told so; capacity() knows.
        ask(slf, "Failed to get role", |endpoint| {
            endpoint.capacity().map(|_| (endpoint.role() == Role::Slave).into())
        })
    }

    fn _is_remote_alive(slf: &Bound<'_, Self>) -> PyResult<bool> {
        ask(slf, "Failed to check remote", Endpoint::remote_alive)
    }

    fn _has_given_up(slf: &Bound<'_, Self>) -> bool {
        slf.get().place.get(slf.py()).is_some_and(|open| open.endpoint().has_given_up())
    }

    fn _event_fd(slf: &Bound<'_, Self>) -> PyResult<i32> {
        let place = &slf.get().place;
        let fd =
            place.get(slf.py()).map(|open| open.endpoint().event_fd().map(|fd| fd.as_raw_fd()));
        fd.ok_or_else(|| errors::closed(slf))?
            .map_err(|error| errors::no_event_fd(slf.py(), &error))
    }

    fn _capacity(slf: &Bound<'_, Self>) -> PyResult<usize> {
        ask(slf, "Failed to get capacity", Endpoint::capacity)
    }

    fn _get_wakeup_mode(slf: &Bound<'_, Self>) -> PyResult<u8> {
        ask(slf, "Failed to get wakeup mode", |endpoint| {
            endpoint.capacity().map(|_| (endpoint.wakeup_mode() == WakeupMode::Poll).into())
        })
    }

    fn _set_wakeup_mode(slf: &Bound<'_, Self>, mode: u8) -> PyResult<()> {
        let mode = if mode == 0 { WakeupMode::Push } else { WakeupMode::Poll };
        ask(slf, "Failed to set wakeup mode", |endpoint| {
            endpoint.capacity().map(|_| endpoint.set_wakeup_mode(mode))
        })
    }
}

/// A question that is answered at once.
fn ask<T>(
    slf: &Bound<'_, Channel>,
    what: &str,
    question: impl FnOnce(&Endpoint) -> Result<T, Error>,
) -> PyResult<T> {
    let answer = slf.get().place.get(slf.py()).map(|open| question(open.endpoint()));
    answer
        .ok_or_else(|| errors::closed(slf))?
        .map_err(|error| errors::failure(slf.py(), what, &error))
}

/// A call on a channel that is not open here: the other back end's, if there is one.
#[cold]
fn elsewhere<'py, const N: usize>(
    slf: &Bound<'py, Channel>,
    call: &Bound<'py, PyString>,
    arguments: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let end = interpreter::attribute(slf, intern!(slf.py(), "_end"))?;
    if end.is_none() {
        Err(errors::closed(slf))
    } else {
        interpreter::call_method(&end, call, arguments)
    }
}

/// What a read says that found nothing.
#[cold]
fn nothing(py: Python<'_>, timeout_ms: u32) -> PyErr {
    errors::failure(
        py,
        "Read failed",
        if timeout_ms == 0 { &Error::NoData } else { &Error::Timeout },
    )
}

/// Publishes `message`, the bytes of `data`.
#[inline]
fn put(slf: &Bound<'_, Channel>, data: &Bound<'_, PyAny>, message: &[u8]) -> PyResult<()> {
    match slf.get().place.get(slf.py()) {
        Some(open) if open.endpoint().try_write(message) => Ok(()),
        Some(_) => put_slowly(slf, message),
        None => elsewhere(slf, intern!(slf.py(), "write"), [data]).map(|_| ()),
    }
}

/// The rest of a write that was not done at once.
#[cold]
fn put_slowly(slf: &Bound<'_, Channel>, message: &[u8]) -> PyResult<()> {
    let (py, place) = (slf.py(), &slf.get().place);
    let capacity = place.get(py).and_then(|open| open.endpoint().capacity().ok());
    if let Some(size) = capacity.filter(|most| message.len() > *most) {
        return Err(errors::failure(
            py,
            "Write failed",
            &Error::BufferTooSmall { size, given: message.len() },
        ));
    }
    // Bytes that another thread may change while this one is without the lock are no slice.
    let copy = message.to_vec();
    let written = place.away(py, |endpoint| endpoint.write(&copy));
    written
        .ok_or_else(|| errors::closed(slf))?
        .map_err(|error| errors::failure(py, "Write failed", &error))
}

/// What a read into a buffer gave.
enum Filled {
    Bytes(usize),
    Nothing,
    NotOpen,
}

/// Reads the next new message into `buffer`. Without the interpreter lock only once it really
/// waits.
#[inline]
fn fill(
    slf: &Bound<'_, Channel>,
    buffer: &mut [MaybeUninit<u8>],
    timeout_ms: u32,
) -> PyResult<Filled> {
    let Some(open) = slf.get().place.get(slf.py()) else { return Ok(Filled::NotOpen) };
    let spin = if timeout_ms == 0 { Duration::ZERO } else { SPIN };
    match open.endpoint().try_read_for(buffer, spin) {
        Ok(Some(size)) => Ok(Filled::Bytes(size)),
        Ok(None) if timeout_ms == 0 => Ok(Filled::Nothing),
        Ok(None) => wait(slf, buffer, timeout_ms),
        Err(error) => Err(errors::failure(slf.py(), "Read failed", &error)),
    }
}

/// The waiting part of a read.
fn wait(
    slf: &Bound<'_, Channel>,
    buffer: &mut [MaybeUninit<u8>],
    timeout_ms: u32,
) -> PyResult<Filled> {
    let (py, place) = (slf.py(), &slf.get().place);
    let end = (timeout_ms != INFINITE)
        .then(|| eshm::monotonic() + Duration::from_millis(timeout_ms.into()));
    loop {
        interpreter::check_signals(py)?;
        let left = end.map_or(SLICE, |end| end.saturating_sub(eshm::monotonic()));
        if left.is_zero() {
            return Ok(Filled::Nothing);
        }
        // By a signal handler.
        let Some(open) = place.get(py) else { return Err(errors::closed(slf)) };
        if end.is_none() && open.endpoint().has_given_up() {
            // What came before is read.
            return match open.endpoint().try_read_for(buffer, Duration::ZERO) {
                Ok(size) => Ok(size.map_or(Filled::Nothing, Filled::Bytes)),
                Err(error) => Err(errors::failure(py, "Read failed", &error)),
            };
        }
        let result = place.away(py, |endpoint| endpoint.read_until_signal(buffer, left.min(SLICE)));
        match result {
            Some(Ok(Some(size))) => return Ok(Filled::Bytes(size)),
            // Closed meanwhile.
            Some(_) if place.get(py).is_none() => return Err(errors::closed(slf)),
            Some(Ok(None)) => {}
            Some(Err(error)) => return Err(errors::failure(py, "Read failed", &error)),
            None => return Err(errors::closed(slf)), // by a signal handler
        }
    }
}

/// What a read gave.
enum Taken<'py> {
    Message(Bound<'py, PyBytes>),
    Nothing,
    NotOpen,
}

/// Bytes of the largest message to accept: what was asked for, or all that the channel may have.
#[inline]
fn most(slf: &Bound<'_, Channel>, asked: Option<usize>) -> usize {
    match asked {
        Some(size) => size,
        None => slf
            .get()
            .place
            .get(slf.py())
            .and_then(|open| open.endpoint().capacity().ok())
            .unwrap_or(0)
            .max(SMALL),
    }
}

/// Reads the next new message of at most so many bytes.
#[inline]
fn take<'py>(slf: &Bound<'py, Channel>, most: usize, timeout_ms: u32) -> PyResult<Taken<'py>> {
    if most > SMALL {
        return take_large(slf, most, timeout_ms);
    }
    let mut room = [MaybeUninit::uninit(); SMALL];
    let filled = fill(slf, &mut room[..most], timeout_ms)?;
    Ok(taken(slf.py(), &room, filled))
}

/// The same for messages that may be large.
#[cold]
fn take_large<'py>(
    slf: &Bound<'py, Channel>,
    most: usize,
    timeout_ms: u32,
) -> PyResult<Taken<'py>> {
    let capacity = slf.get().place.get(slf.py()).and_then(|open| open.endpoint().capacity().ok());
    // If it moves to a segment of a larger capacity while it waits, a message may need more than
    // this: the next call has it.
    let most = most.min(capacity.unwrap_or(0)).max(SMALL);
    let mut room = Vec::<u8>::new();
    if room.try_reserve_exact(most).is_err() {
        let why = format!("a message of this channel may have {most} bytes: no memory for that");
        return Err(PyMemoryError::new_err(why));
    }
    let room = &mut room.spare_capacity_mut()[..most];
    match fill(slf, room, timeout_ms)? {
        Filled::Bytes(size) => copied(slf.py(), &room[..size]).map(Taken::Message),
        filled => Ok(taken(slf.py(), room, filled)),
    }
}

/// The message in an object of its own, or MemoryError.
fn copied<'py>(py: Python<'py>, message: &[MaybeUninit<u8>]) -> PyResult<Bound<'py, PyBytes>> {
    // SAFETY: so many bytes were read into it; a new reference to bytes, or NULL with an exception
    // set.
    unsafe {
        let size = message.len() as ffi::Py_ssize_t;
        let bytes = ffi::PyBytes_FromStringAndSize(message.as_ptr().cast(), size);
        Bound::from_owned_ptr_or_err(py, bytes).map(|bytes| bytes.cast_into_unchecked())
    }
}

fn taken<'py>(py: Python<'py>, room: &[MaybeUninit<u8>], filled: Filled) -> Taken<'py> {
    match filled {
        Filled::Bytes(size) => {
            // SAFETY: so many bytes were read into it.
            let message = unsafe { slice::from_raw_parts(room.as_ptr().cast(), size) };
            Taken::Message(PyBytes::new(py, message))
        }
        Filled::Nothing => Taken::Nothing,
        Filled::NotOpen => Taken::NotOpen,
    }
}
