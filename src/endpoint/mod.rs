//! What a handle is: role negotiation, reading, writing, statistics, closing; and the safe Rust API over it.

pub(crate) mod attach;
mod builder;
mod close;
pub(crate) mod core;
mod count;
mod disclaim;
pub(crate) mod event;
mod kept;
pub(crate) mod left;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod refusal;
mod remap;
mod spin;
mod stats;
mod wait;
pub(crate) mod write;

pub use builder::Builder;
pub(crate) use read::{Target, Timeout};
pub use stats::Stats;

use self::{core::Core, write::Attempt};
use crate::config::{Role, Settings, Side, WakeupMode};
use crate::error::Error;
use crate::liveness::service;
use crate::segment::{
    layout::{Layout, MAX_CAPACITY},
    name::{Name, OF},
};
use crate::sys::fork;
use std::{fmt, mem::MaybeUninit, os::fd::BorrowedFd, sync::Arc, time::Duration};

/// One end of a segment. Any threads may use it at once; dropping it ends it cleanly.
///
/// ```
/// use eshm::{Endpoint, Role};
/// use std::time::Duration;
///
/// let name = format!("doc_{}", std::process::id());
/// let master = Endpoint::builder(&name).role(Role::Master).open()?;
/// let slave = Endpoint::builder(&name).role(Role::Slave).open()?;
/// master.write(b"position 1.5")?;
/// let mut buffer = [0; 64];
/// let size = slave.read_timeout(&mut buffer, Duration::from_secs(1))?;
/// assert_eq!(&buffer[..size], b"position 1.5");
/// assert_eq!(slave.try_read(&mut buffer)?, None);
/// # Ok::<(), eshm::Error>(())
/// ```
#[must_use = "dropping it leaves the channel at once"]
pub struct Endpoint {
    core: Arc<Core>,
}

impl Endpoint {
    /// Begins with a name: `"demo"` is `/dev/shm/eshm_demo`.
    pub fn builder(name: impl AsRef<[u8]>) -> Builder {
        Builder::new(name.as_ref())
    }

    pub(crate) fn open(name: &[u8], settings: &Settings) -> Result<Endpoint, Error> {
        let mut end = 0;
        loop {
            if let Some(endpoint) = Endpoint::attempt(name, settings, &mut end)? {
                return Ok(endpoint);
            }
        }
    }

    /// A piece of an opening: `None` if it goes on with the next, for which nothing is held meanwhile. `end` is 0 at the first.
    pub(crate) fn attempt(name: &[u8], settings: &Settings, end: &mut u64) -> Result<Option<Endpoint>, Error> {
        let name = Name::new(name)?;
        if Layout::new(settings.capacity).is_none() {
            return Err(Error::out_of_range("the capacity in bytes", settings.capacity, 1, MAX_CAPACITY));
        }
        if let Some(mode) = settings.mode.filter(|mode| *mode > 0o777) {
            return Err(Error::out_of_range("the mode (0777 is 511)", mode as usize, 0, 0o777));
        }
        // Whatever is found out once is found out here, and without a lock: a fork in the midst of it must not matter.
        match settings.log_level {
            Some(level) => crate::log::set_level(level),
            None => drop(crate::log::level()),
        }
        spin::prepare();
        fork::watch();
        crate::sync::prepare_barriers();
        let Some(opened) = open::attempt(&name, settings, end)? else { return Ok(None) };
        if settings.huge_pages {
            opened.segment.view.mapping.advise_huge();
        }
        let core = Arc::new(Core::new(name, *settings, opened));
        let endpoint = Endpoint { core };
        if endpoint.core.threads {
            // On failure dropping the endpoint gives the side back.
            let registered = service::register(endpoint.core.clone());
            registered.map_err(|error| Error::Attach(refusal::explain_thread("the service thread", &error)))?;
        }
        // While the service thread beats: it may take a while.
        #[cfg(not(loom))]
        if endpoint.core.settings.prefault {
            endpoint.core.view().touch();
        }
        crate::log::info!("{}: open", endpoint.core);
        Ok(Some(endpoint))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Gives the handle up as a pointer, for C.
    pub(crate) fn into_raw(self) -> *const Core {
        let endpoint = std::mem::ManuallyDrop::new(self);
        // SAFETY: the Arc is read out of a value that is never dropped.
        Arc::into_raw(unsafe { std::ptr::read(&endpoint.core) })
    }

    /// Takes it back.
    ///
    /// # Safety
    /// `core` came from [`Endpoint::into_raw`] and is not used again.
    pub(crate) unsafe fn from_raw(core: *const Core) -> Endpoint {
        // SAFETY: the caller's promise.
        Endpoint { core: unsafe { Arc::from_raw(core) } }
    }

    /// Makes `message` the newest value of our direction; one not yet read is overwritten.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] over the capacity; [`Error::Timeout`] while a slave is without its master, or if another
    /// writer held our direction for 20 ms; [`Error::RoleMismatch`] if another master has taken this one's place;
    /// [`Error::Inherited`] in a forked child.
    pub fn write(&self, message: &[u8]) -> Result<(), Error> {
        self.core.write(as_uninit(message))
    }

    /// Writes if nothing stands in the way. False if something does, and then nothing was done: [`Endpoint::write`] waits for it,
    /// or says what it is.
    #[inline]
    #[must_use = "false says that the message was not written"]
    pub fn try_write(&self, message: &[u8]) -> bool {
        match self.core.write_now(as_uninit(message)) {
            Attempt::Done => true,
            Attempt::Failed(dispute) => dispute.is_some_and(|dispute| self.core.write_disputed(as_uninit(message), dispute)),
        }
    }

    /// Reads the newest value that was not read before, waiting for it up to `timeout`; its size in bytes.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::BufferTooSmall`] with the size needed, and the value stays readable;
    /// [`Error::MasterStale`] once an endpoint with [`DisconnectBehavior::Immediately`](crate::DisconnectBehavior::Immediately) has lost its master;
    /// [`Error::Inherited`] in a forked child.
    pub fn read_timeout(&self, buffer: &mut [u8], timeout: Duration) -> Result<usize, Error> {
        match self.read(buffer, Timeout::of(timeout)) {
            Err(Error::NoData) => Err(Error::Timeout),
            result => result,
        }
    }

    /// Reads without waiting; `None` if nothing is new.
    ///
    /// # Errors
    /// As [`Endpoint::read_timeout`], but for the timeout.
    pub fn try_read(&self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        some(self.read(buffer, Timeout::None))
    }

    /// Reads without sleeping: spins for `spin` at most, for less where that has not paid lately, and with zero not at all. `None`
    /// if nothing came. For callers that hold something meanwhile which they let go of to wait for longer. So many bytes of the
    /// buffer as the result says are initialised.
    ///
    /// # Errors
    /// As [`Endpoint::read_timeout`], but for the timeout.
    #[inline]
    pub fn try_read_for(&self, buffer: &mut [MaybeUninit<u8>], spin: Duration) -> Result<Option<usize>, Error> {
        let timeout = if spin.is_zero() { Timeout::None } else { Timeout::Spin(nanoseconds(spin)) };
        // SAFETY: `self` lives until the call is over.
        some(unsafe { read(Arc::as_ptr(&self.core), buffer, timeout) })
    }

    /// As [`Endpoint::read_timeout`], but `None` when the time has passed, and earlier once a signal handler has run on this
    /// thread, or at [`Endpoint::interrupt`]. A signal that comes while the thread spins, or right before it sleeps, does not end it.
    /// So many bytes of the buffer as the result says are initialised.
    ///
    /// # Errors
    /// As [`Endpoint::read_timeout`], but for the timeout.
    pub fn read_until_signal(&self, buffer: &mut [MaybeUninit<u8>], timeout: Duration) -> Result<Option<usize>, Error> {
        // SAFETY: `self` lives until the call is over.
        some(unsafe { read(Arc::as_ptr(&self.core), buffer, Timeout::Signal(nanoseconds(timeout))) })
    }

    /// Ends the reads of all threads that wait, as if their time had passed, and later ones at once, until [`Endpoint::resume`].
    /// On return no thread is inside one.
    pub fn interrupt(&self) {
        self.core.interrupt();
    }

    /// Lets reads wait again.
    pub fn resume(&self) {
        self.core.resume();
    }

    fn read(&self, buffer: &mut [u8], timeout: Timeout) -> Result<usize, Error> {
        // SAFETY: the same bytes; reading only ever stores initialised ones into them.
        let buffer = unsafe { &mut *(std::ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
        // SAFETY: `self` lives until the call is over.
        unsafe { read(Arc::as_ptr(&self.core), buffer, timeout) }
    }

    /// A read without limit, which [`Core::interrupt`] ends with a timeout. It and the next have no fast path of their own:
    /// less code where nanoseconds do not count.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn read_patiently(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        // SAFETY: the same bytes; reading only ever stores initialised ones into them.
        let buffer = unsafe { &mut *(std::ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
        // SAFETY: `self` lives until the call is over.
        unsafe { read_rest(Arc::as_ptr(&self.core), buffer, Timeout::Infinite) }
    }

    /// [`Endpoint::write`].
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn write_patiently(&self, message: &[u8]) -> Result<(), Error> {
        self.core.write_slow(as_uninit(message), None)
    }

    /// Ends it before it is dropped. `owner`, which it belongs to, stays as long as a call that this overtakes may use it.
    #[cfg_attr(loom, allow(dead_code))] // triggers are in no model
    pub(crate) fn close(&self, owner: service::Owner) {
        let views = self.core.close();
        service::bury(self.core.clone(), views, Some(owner));
    }

    /// Whether the other side is not stale: it beats, or has not yet been silent for the threshold.
    ///
    /// # Errors
    /// [`Error::Inherited`] in a forked child.
    pub fn remote_alive(&self) -> Result<bool, Error> {
        self.core.remote_alive()
    }

    /// Whether this is a slave that looks for its master no longer, as the limits of its reconnection are used up; final. A read
    /// without limit then ends by itself: this is for who makes one of shorter reads. Ask before a read, and end if that finds
    /// nothing: what came earlier is then read. False in a forked child.
    ///
    /// ```
    /// # use eshm::{Endpoint, Error, Role};
    /// # use std::time::Duration;
    /// # let name = format!("doc_given_up_{}", std::process::id());
    /// let robot = Endpoint::builder(&name).role(Role::Master).open()?;
    /// let panel = Endpoint::builder(&name).max_reconnect_attempts(1).open()?;
    /// drop(robot);
    /// let mut buffer = [0; 64];
    /// let last = loop {
    ///     let given_up = panel.has_given_up();
    ///     match panel.read_timeout(&mut buffer, Duration::from_millis(100)) {
    ///         Err(Error::Timeout) if !given_up => {}
    ///         result => break result,
    ///     }
    /// };
    /// assert_eq!(last, Err(Error::Timeout));
    /// # Ok::<(), eshm::Error>(())
    /// ```
    pub fn has_given_up(&self) -> bool {
        !self.core.is_inherited() && self.core.has_given_up()
    }

    /// A descriptor for poll(2), epoll(7) and event loops: readable while there is a value to read, or a change to ask
    /// [`Endpoint::remote_alive`] about: the peer came, left, died, was replaced or has recovered, or this endpoint lost or found
    /// its segment. Values are seen within a millisecond, whatever library the peer has. As a [`BorrowedFd`] it is
    /// [`AsFd`](std::os::fd::AsFd) and [`AsRawFd`](std::os::fd::AsRawFd), which is what rustix, mio, polling and tokio's `AsyncFd` take.
    ///
    /// It says so anew each time it is polled (level-triggered), until a read took the value, and `remote_alive` the change. Only
    /// poll it: do not read it, write to it or close it. Each call gives the same one, made at the first and closed as the
    /// endpoint is dropped; it is closed on exec. An endpoint that has one costs the service thread two looks a millisecond, and
    /// each of its reads some 60 ns.
    ///
    /// ```
    /// # use eshm::{Endpoint, Role};
    /// # use std::os::fd::AsRawFd;
    /// # let name = format!("doc_event_{}", std::process::id());
    /// let robot = Endpoint::builder(&name).role(Role::Master).open()?;
    /// let panel = Endpoint::builder(&name).role(Role::Slave).open()?;
    /// robot.write(b"ready")?;
    /// let mut wait = libc::pollfd { fd: panel.event_fd()?.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    /// let mut buffer = [0; 64];
    /// // SAFETY: one entry, as said.
    /// while unsafe { libc::poll(&mut wait, 1, -1) } == 1 {
    ///     let alive = panel.remote_alive()?; // takes a change
    ///     if let Some(size) = panel.try_read(&mut buffer)? {
    ///         assert_eq!((alive, &buffer[..size]), (true, &b"ready"[..]));
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), eshm::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] in an endpoint without threads, as nobody would raise it; [`Error::Attach`] if no descriptor can
    /// be had (the endpoint works on without); [`Error::Inherited`] in a forked child.
    pub fn event_fd(&self) -> Result<BorrowedFd<'_>, Error> {
        self.core.event_fd().map_err(|error| error.of_channel(self.core.name.shown()))
    }

    /// The side this endpoint got: [`Role::Master`] or [`Role::Slave`].
    pub fn role(&self) -> Role {
        if self.core.side == Side::Master { Role::Master } else { Role::Slave }
    }

    /// Bytes of the largest message in the segment attached to.
    ///
    /// # Errors
    /// [`Error::Inherited`] in a forked child.
    pub fn capacity(&self) -> Result<usize, Error> {
        if self.core.is_inherited() { Err(Error::Inherited) } else { Ok(self.core.view().layout.capacity) }
    }

    /// Beats once, and looks at the remote in an endpoint without threads.
    ///
    /// # Errors
    /// [`Error::NotInitialized`] while detached; [`Error::RoleMismatch`] if another master has taken this one's place.
    pub fn update_heartbeat(&self) -> Result<(), Error> {
        self.core.update_heartbeat()
    }

    /// The segment's counters.
    ///
    /// # Errors
    /// [`Error::NotInitialized`] while detached.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.core.stats()
    }

    /// How long a read spins before it parks, from the next one on; `None` = learnt from this endpoint's last waits, which is
    /// the default unless the environment sets `ESHM_SPIN_US`. Zero parks at once; a second is the most that anyone gets, by
    /// either.
    pub fn set_spin(&self, time: Option<Duration>) {
        self.core.spin.fix(time.map(builder::spin_us));
    }

    /// How reads wait.
    pub fn wakeup_mode(&self) -> WakeupMode {
        self.core.wakeup_mode()
    }

    /// Changes how reads wait, from the next one on.
    pub fn set_wakeup_mode(&self, mode: WakeupMode) {
        self.core.set_wakeup_mode(mode);
    }
}

/// Nothing new, and no wait or none any more, as `None`.
fn some(result: Result<usize, Error>) -> Result<Option<usize>, Error> {
    match result {
        Ok(size) => Ok(Some(size)),
        Err(Error::NoData | Error::Timeout) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A duration in nanoseconds, at most 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A read in full: one look, and if that gives nothing, the rest.
///
/// # Safety
/// As for [`read_rest`].
#[inline(always)]
pub(crate) unsafe fn read(core: *const Core, buffer: &mut [MaybeUninit<u8>], timeout: Timeout) -> Result<usize, Error> {
    // SAFETY: alive during the look; then the caller's promise.
    unsafe { if let Some(size) = (*core).read_now(buffer) { Ok(size) } else { read_rest(core, buffer, timeout) } }
}

/// What is left of a read after the first look.
///
/// # Safety
/// `core` points to a handle that is closed, if during this call, only once the waiting part has begun.
pub(crate) unsafe fn read_rest(core: *const Core, buffer: &mut [MaybeUninit<u8>], timeout: Timeout) -> Result<usize, Error> {
    // SAFETY: the caller's promise.
    unsafe { read_rest_then(core, buffer, timeout, |_, result| result) }
}

/// The same, and what is done with the result while the handle is sure to be there.
///
/// # Safety
/// As for [`read_rest`].
#[inline]
pub(crate) unsafe fn read_rest_then<T>(
    core: *const Core,
    buffer: &mut [MaybeUninit<u8>],
    timeout: Timeout,
    then: impl FnOnce(&Core, Result<usize, Error>) -> T,
) -> T {
    // SAFETY: the caller's promise.
    unsafe { read_into(core, &mut Target::Buffer(buffer), timeout, then) }
}

/// The same for a target of either kind.
///
/// # Safety
/// As for [`read_rest`].
#[inline]
unsafe fn read_into<T>(
    core: *const Core,
    target: &mut Target<'_>,
    timeout: Timeout,
    then: impl FnOnce(&Core, Result<usize, Error>) -> T,
) -> T {
    // SAFETY: counted in, the handle stays alive until it is counted out; no reference to it is held then.
    unsafe {
        let (place, open) = (*core).enter();
        let _counted = Inside(core, place);
        then(&*core, if open { (*core).read_slow(target, timeout) } else { Err(Error::NotInitialized) })
    }
}

/// A reader that was counted in, and is counted out with this, however its read ends: closing waits for it.
struct Inside(*const Core, usize);

impl Drop for Inside {
    fn drop(&mut self) {
        // A model that has failed takes no further step.
        if cfg!(loom) && std::thread::panicking() {
            return;
        }
        // SAFETY: made right after `enter`, by the thread that called it.
        unsafe { Core::exit(self.0, self.1) };
    }
}

/// Initialised bytes are also possibly initialised ones.
fn as_uninit(bytes: &[u8]) -> &[MaybeUninit<u8>] {
    // SAFETY: same layout, and nothing can be written through a shared reference.
    unsafe { &*(std::ptr::from_ref(bytes) as *const [MaybeUninit<u8>]) }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let views = self.core.close();
        service::bury(self.core.clone(), views, None);
    }
}

/// As errors name it: `channel 'demo'`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OF}{}", self.core.name)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &format_args!("{}", self.core.name))
            .field("role", &self.role())
            .field("state", &self.core.state())
            .finish()
    }
}
