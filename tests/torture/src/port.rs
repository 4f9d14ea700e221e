//! One end of a segment: on our library through Rust or C, or a played released peer.

use crate::released::Released;
use eshm::{Endpoint, Role, WakeupMode};
use eshm_processes::{c::Handle, ms};

/// What a peer is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Our library's Rust API.
    Ours,
    /// Our library without its service thread.
    Threadless,
    /// Our library's C functions, with their defaults.
    C,
    /// A played release of protocol 2 or 3.
    Released(u64),
}

impl Kind {
    /// All, by what they are called.
    pub(crate) const ALL: [(Kind, &'static str); 5] = [
        (Kind::Ours, "ours"),
        (Kind::Threadless, "threadless"),
        (Kind::C, "c"),
        (Kind::Released(2), "old2"),
        (Kind::Released(3), "old3"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("?", |(_, name)| name)
    }

    pub(crate) fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind)
    }

    /// Whether it is built on our library.
    pub(crate) fn is_ours(self) -> bool {
        !matches!(self, Kind::Released(_))
    }
}

/// What the library is built with.
pub(crate) const CAPACITY: usize = 4096;

/// How a peer opens its end.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) kind: Kind,
    /// `master`, `slave` or `auto`.
    pub(crate) role: String,
    pub(crate) name: String,
    /// Milliseconds between two attempts to find a master.
    pub(crate) retry: u64,
    /// Looks about every 100 us instead of parking.
    pub(crate) poll: bool,
    /// A released master replaces what it finds.
    pub(crate) fresh: bool,
    /// Bytes of the largest message; another than [`CAPACITY`] only for a peer over the Rust API.
    pub(crate) capacity: usize,
    /// It lives in a pid namespace of its own, in which so many processes came before it.
    pub(crate) apart: Option<u64>,
    /// Several peers write beside each other what it reads.
    pub(crate) beside: bool,
}

impl Opening {
    /// The plain one, here and of the usual capacity.
    pub(crate) fn new(kind: Kind, role: &str, name: &str, retry: u64) -> Opening {
        let (role, name) = (role.to_owned(), name.to_owned());
        Opening { kind, role, name, retry, poll: false, fresh: false, capacity: CAPACITY, apart: None, beside: false }
    }
}

/// An open end.
pub(crate) enum Port {
    Rust(Endpoint),
    C(Handle),
    Released(Released),
}

impl Port {
    /// Opens it; else says why not.
    pub(crate) fn open(opening: &Opening) -> Result<Port, String> {
        let master = opening.role == "master";
        match opening.kind {
            Kind::Released(protocol) => {
                Released::open(&opening.name, master, protocol, opening.retry, opening.fresh).map(Port::Released)
            }
            Kind::C => {
                let role = ["master", "slave", "auto"].iter().position(|role| *role == opening.role).unwrap_or(9);
                Handle::init(&opening.name, role as i32).map(Port::C).ok_or_else(|| "eshm_init gave NULL".to_owned())
            }
            Kind::Ours | Kind::Threadless => {
                let role = match opening.role.as_str() {
                    "master" => Role::Master,
                    "slave" => Role::Slave,
                    _ => Role::Auto,
                };
                let builder = Endpoint::builder(&opening.name).role(role).reconnect_retry_interval(ms(opening.retry));
                let builder = builder.max_reconnect_attempts(0).threads(opening.kind == Kind::Ours);
                let builder = builder.capacity(opening.capacity);
                let endpoint = builder.open().map_err(|error| error.to_string())?;
                if opening.poll {
                    endpoint.set_wakeup_mode(WakeupMode::Poll);
                }
                if opening.role == "auto" && endpoint.role() != Role::Master {
                    return Err("AUTO became a slave of a dead master".to_owned());
                }
                Ok(Port::Rust(endpoint))
            }
        }
    }

    /// Writes; else a code of the C interface.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), i32> {
        match self {
            Port::Rust(endpoint) => endpoint.write(bytes).map_err(|error| error.code()),
            Port::C(handle) => Some(handle.write(bytes)).filter(|&code| code < 0).map_or(Ok(()), Err),
            Port::Released(peer) => {
                peer.write(bytes);
                Ok(())
            }
        }
    }

    /// Reads, and gives the size; else a code.
    pub(crate) fn read(&self, buffer: &mut [u8], timeout_ms: u32) -> Result<usize, i32> {
        match self {
            Port::Rust(endpoint) if timeout_ms == 0 => match endpoint.try_read(buffer) {
                Ok(size) => size.ok_or(-9),
                Err(error) => Err(error.code()),
            },
            Port::Rust(endpoint) => endpoint.read_timeout(buffer, ms(timeout_ms.into())).map_err(|error| error.code()),
            Port::C(handle) => match handle.read_ex(buffer, timeout_ms) {
                (code, _) if code < 0 => Err(code),
                (_, size) => Ok(size),
            },
            Port::Released(peer) => peer.read(buffer, timeout_ms).ok_or(-10),
        }
    }

    /// A clean exit.
    pub(crate) fn close(self) {
        match self {
            Port::Rust(endpoint) => drop(endpoint),
            Port::C(handle) => drop(handle.destroy()),
            Port::Released(peer) => peer.close(),
        }
    }
}
