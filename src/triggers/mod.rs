//! Named triggers: run a function on the other side. One channel of its own, `NAME_ctl`, one small record a trigger, one
//! thread that runs the handlers.

mod control;
mod dispatch;
mod message;
mod open;
mod registry;
mod sender;

use self::{control::Control, registry::Registry, sender::Sender};
use crate::config::Role;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::log::Level;
use crate::segment::name::quoted;
use crate::sync::{self, AtomicU64, Ordering, statics};
use std::{
    ffi::c_void,
    fmt,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{Arc, Mutex},
};

/// What a trigger asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// One handler is to run.
    Call = 0,
    /// Whoever wants to know is told.
    Event = 1,
}

/// One end of a trigger channel: fires named calls and events at the other side, and runs handlers for those that come from
/// there.
///
/// Handlers run one after the other, in the order the triggers came, on one thread that [`Rpc::start`] starts; no lock is
/// held meanwhile, so a handler may use the `Rpc` it is given for anything: register, fire, stop. The channel holds one
/// trigger, the newest: those fired faster than they are taken coalesce, and [`Rpc::missed`] counts them. Dropping the `Rpc`
/// stops it and ends the channel. A name is any bytes; to C, whose texts end with a NUL, one without.
///
/// ```
/// use eshm::{Role, Rpc};
/// use std::sync::mpsc;
///
/// let name = format!("doc_rpc_{}", std::process::id());
/// let robot = Rpc::open(&name, Role::Master)?;
/// let (sender, halted) = mpsc::channel();
/// robot.on_call("halt", move |_| sender.send("halted").unwrap());
/// robot.start()?;
///
/// let panel = Rpc::open(&name, Role::Slave)?;
/// panel.call("halt")?;
/// assert_eq!(halted.recv(), Ok("halted"));
/// # Ok::<(), eshm::Error>(())
/// ```
#[must_use = "dropping it leaves the channel at once"]
pub struct Rpc {
    shared: Arc<Shared>,
    /// Whether this is the one that was opened, and not a dispatcher's view of it.
    owner: bool,
}

/// The trigger taken last.
#[derive(Default)]
struct Last {
    /// The peer's number of it; 0 = none yet.
    number: u64,
    /// Whose it was, and the epoch of the segment.
    peer: (u64, u32),
}

/// What the owner and the dispatcher share.
struct Shared {
    endpoint: Endpoint,
    registry: Registry,
    sender: Sender,
    control: Control,
    /// The number of the thread that runs handlers, or ran them last.
    dispatcher: statics::AtomicUsize,
    /// It was a handler that dropped it: the dispatcher ends the channel, as its last act.
    orphaned: statics::AtomicBool,
    missed: AtomicU64,
    dispatched: AtomicU64,
    last: Mutex<Last>,
    /// Nothing had been written to us when we came, so the peer's numbers are known from the first on.
    from_start: bool,
}

/// In a child, what it inherited and gave up: unusable, its locks may be held, but not lost.
static INHERITED: Mutex<Vec<Arc<Shared>>> = Mutex::new(Vec::new());

impl Rpc {
    /// Opens the channel `NAME_ctl`. A slave waits up to five seconds for its master.
    ///
    /// # Errors
    /// As [`Builder::open`](crate::Builder::open); a name has 1 to 245 bytes.
    pub fn open(channel: impl AsRef<[u8]>, role: Role) -> Result<Rpc, Error> {
        let mut end = 0;
        loop {
            if let Some(rpc) = Rpc::attempt(channel.as_ref(), role, &mut end)? {
                return Ok(rpc);
            }
        }
    }

    /// A piece of an opening: `None` if it goes on with the next, for which nothing is held meanwhile. `end` is 0 at the first.
    pub(crate) fn attempt(channel: &[u8], role: Role, end: &mut u64) -> Result<Option<Rpc>, Error> {
        let Some(endpoint) = open::attempt(channel, role, end)? else { return Ok(None) };
        let from_start = endpoint.core().is_untouched();
        let shared = Shared {
            endpoint,
            registry: Registry::default(),
            sender: Sender::default(),
            control: Control::default(),
            dispatcher: statics::AtomicUsize::new(0),
            orphaned: statics::AtomicBool::new(false),
            missed: AtomicU64::new(0),
            dispatched: AtomicU64::new(0),
            last: Mutex::default(),
            from_start,
        };
        Ok(Some(Rpc { shared: Arc::new(shared), owner: true }))
    }

    /// Makes `handler` the one that runs when the other side calls `name`, in place of an earlier one. Does nothing in a forked
    /// child, where none would run.
    pub fn on_call(&self, name: impl AsRef<[u8]>, handler: impl Fn(&Rpc) + Send + Sync + 'static) {
        self.register(name.as_ref(), false, caught(name.as_ref(), handler));
    }

    /// Adds a handler that runs when the other side emits `name`, after those that are there. Does nothing in a forked child.
    pub fn on_event(&self, name: impl AsRef<[u8]>, handler: impl Fn(&Rpc) + Send + Sync + 'static) {
        self.register(name.as_ref(), true, caught(name.as_ref(), handler));
    }

    /// Registers a handler that no panic leaves. An exception of another language may: it ends the process with its own text.
    pub(crate) fn register(&self, name: &[u8], event: bool, handler: registry::Handler) {
        if self.shared.endpoint.core().is_inherited() {
            return; // a thread of the parent may have held the registry's lock
        }
        if event {
            self.shared.registry.add_event(name, handler);
        } else {
            self.shared.registry.set_call(name, handler);
        }
    }

    /// Starts the thread that runs handlers, if it does not run yet. The newest trigger that came before runs too.
    ///
    /// # Errors
    /// [`Error::Inherited`] in a forked child; [`Error::NotInitialized`] in a handler whose `Rpc` has been dropped; [`Error::Attach`] if the
    /// thread cannot be had.
    pub fn start(&self) -> Result<(), Error> {
        self.check_usable()?;
        dispatch::start(&self.shared)
    }

    /// Stops running handlers; on return none runs but the one that called this, if one did. Can be started again.
    ///
    /// # Errors
    /// [`Error::Inherited`] in a forked child.
    pub fn stop(&self) -> Result<(), Error> {
        self.check_usable()?;
        dispatch::stop(&self.shared);
        Ok(())
    }

    /// Has the other side run its handler for `name`, unless a newer trigger comes before it is taken.
    ///
    /// # Errors
    /// As [`Endpoint::write`]; the trigger was not fired then.
    pub fn call(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        self.fire(Kind::Call, name.as_ref())
    }

    /// Has the other side run all its handlers for the event `name`, unless a newer trigger comes before it is taken.
    ///
    /// # Errors
    /// As [`Rpc::call`].
    pub fn emit(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        self.fire(Kind::Event, name.as_ref())
    }

    /// One of the two above.
    pub(crate) fn fire(&self, kind: Kind, name: &[u8]) -> Result<(), Error> {
        self.check_usable()?;
        self.shared.sender.fire(&self.shared.endpoint, kind, name)
    }

    /// Triggers of the other side that a newer one replaced before we took them.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed) // a statistic
    }

    /// Handlers run so far, the running one included.
    #[must_use]
    pub fn dispatched(&self) -> u64 {
        self.shared.dispatched.load(Ordering::Acquire) // pairs with the dispatcher's, as its missed comes before
    }

    /// The side this end got: [`Role::Master`] or [`Role::Slave`].
    pub fn role(&self) -> Role {
        self.shared.endpoint.role()
    }

    /// Whether calls may use it. A child has a copy of the memory and none of the threads; a lock may have been copied while held.
    /// A closed one is kept for calls from C that its end overtook: of those that begin later none touches the channel.
    pub(crate) fn check_usable(&self) -> Result<(), Error> {
        let core = self.shared.endpoint.core();
        match (core.is_inherited(), core.is_closing()) {
            (true, _) => Err(Error::Inherited),
            (_, true) => Err(Error::NotInitialized),
            _ => Ok(()),
        }
    }

    /// Gives it up as a pointer, for C.
    pub(crate) fn into_raw(self) -> *const c_void {
        let rpc = ManuallyDrop::new(self);
        // SAFETY: the Arc is read out of a value that is never dropped.
        Arc::into_raw(unsafe { ptr::read(&rpc.shared) }).cast()
    }

    /// Takes it back.
    ///
    /// # Safety
    /// `rpc` came from [`Rpc::into_raw`], and what this gives is dropped once at most. Once it was, it is still kept for a while.
    pub(crate) unsafe fn from_raw(rpc: *const c_void) -> Rpc {
        // SAFETY: the caller's promise.
        Rpc { shared: unsafe { Arc::from_raw(rpc.cast()) }, owner: true }
    }
}

/// A handler whose panic is a line of the log.
fn caught(name: &[u8], handler: impl Fn(&Rpc) + Send + Sync + 'static) -> registry::Handler {
    let name = quoted(name);
    Arc::new(move |rpc| {
        if catch_unwind(AssertUnwindSafe(|| handler(rpc))).is_err() {
            rpc.shared.endpoint.core().say(Level::Error, format_args!("the handler of {name} panicked"));
        }
    })
}

impl Drop for Rpc {
    fn drop(&mut self) {
        if !self.owner {
            // Relaxed: see dispatch::end. No mutex: start may hold it as it waits for this thread.
            if self.shared.orphaned.load(Ordering::Relaxed) {
                dispatch::close(&self.shared);
            }
            return;
        }
        if self.shared.endpoint.core().is_inherited() {
            // The dispatcher's share is never given back here, so the rest stays; the descriptor and the mapping go.
            self.shared.endpoint.core().close();
            sync::hold(&INHERITED).push(self.shared.clone());
            return;
        }
        dispatch::end(&self.shared);
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("endpoint", &self.shared.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
