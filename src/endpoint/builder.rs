//! What an endpoint is opened with.

use super::Endpoint;
use crate::config::{DisconnectBehavior, Role, Settings};
use crate::error::Error;
use crate::log::Level as LogLevel;
use crate::segment::name::quoted;
use std::time::Duration;

/// What an [`Endpoint`] is opened with. The defaults are the C library's.
#[derive(Clone, Debug)]
#[must_use = "it opens nothing before open()"]
pub struct Builder {
    name: Vec<u8>,
    settings: Settings,
}

/// A duration in whole milliseconds, rounded up, at most about 49 days.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX - 1).min(u32::MAX - 1)
}

/// A spin in microseconds.
pub(super) fn spin_us(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

impl Builder {
    pub(super) fn new(name: &[u8]) -> Builder {
        Builder { name: name.to_vec(), settings: Settings::default() }
    }

    /// The role asked for; [`Role::Auto`] by default.
    pub fn role(mut self, role: Role) -> Self {
        self.settings.role = role;
        self
    }

    /// What a slave does without its master; [`DisconnectBehavior::OnTimeout`] by default.
    pub fn disconnect_behavior(mut self, behavior: DisconnectBehavior) -> Self {
        self.settings.behavior = behavior;
        self
    }

    /// Silence after which the remote is stale, as the segment's creator; 100 ms by default, which 0 stands for too.
    pub fn stale_threshold(mut self, time: Duration) -> Self {
        self.settings.stale_threshold_ms = milliseconds(time);
        self
    }

    /// How long a slave looks for a master; 5 s by default, zero = no limit.
    pub fn reconnect_wait(mut self, time: Duration) -> Self {
        self.settings.reconnect_wait_ms = milliseconds(time);
        self
    }

    /// Time between two attempts to find a master; 100 ms by default, zero = each millisecond.
    /// A read without [threads](Builder::threads) looks ten milliseconds apart then.
    pub fn reconnect_retry_interval(mut self, time: Duration) -> Self {
        self.settings.retry_interval_ms = milliseconds(time);
        self
    }

    /// Attempts to find a master; 50 by default, 0 = no limit, and then a `reconnect_wait` of 5 s is none either.
    pub fn max_reconnect_attempts(mut self, attempts: u32) -> Self {
        self.settings.max_attempts = attempts;
        self
    }

    /// Whether a master that ends removes the name; true by default.
    pub fn auto_cleanup(mut self, cleanup: bool) -> Self {
        self.settings.auto_cleanup = cleanup;
        self
    }

    /// Whether the process's service thread beats and checks for this endpoint (the default). Without it every call does,
    /// and [`Endpoint::update_heartbeat`] must be called about each millisecond.
    pub fn threads(mut self, threads: bool) -> Self {
        self.settings.threads = threads;
        self
    }

    /// Bytes of the largest message, in a segment this endpoint creates, from 1 to 1 GiB;
    /// [`MAX_DATA_SIZE`](crate::MAX_DATA_SIZE) by default. An existing segment keeps its own: [`Endpoint::capacity`] tells.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.settings.capacity = bytes;
        self
    }

    /// Whether a segment of another capacity will not do: a slave then refuses it, also as it reconnects, and a master
    /// replaces it. False by default.
    pub fn exact_capacity(mut self, exact: bool) -> Self {
        self.settings.exact_capacity = exact;
        self
    }

    /// Permission bits of the file of a segment this endpoint creates, up to `0o777`, whatever the umask; by default 0666 less
    /// the umask. Who may not both read and write it cannot attach.
    pub fn mode(mut self, mode: u32) -> Self {
        self.settings.mode = Some(mode);
        self
    }

    /// How long [`Builder::open`] waits for a slave's master, until one lives there; without limit from 49 days on. Zero by
    /// default: fails at once without a segment, and attaches to one whose master is dead.
    pub fn wait_for_master(mut self, time: Duration) -> Self {
        self.settings.wait_for_master_ms = u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        self
    }

    /// Whether the value that is current as this endpoint attaches is new to its first read. False by default: it was
    /// written for whoever was there then.
    pub fn first_value(mut self, wanted: bool) -> Self {
        self.settings.first_value = wanted;
        self
    }

    /// Asks the kernel for huge pages (`madvise(2)`). Where it gives none to shared memory nothing happens.
    pub fn huge_pages(mut self, wanted: bool) -> Self {
        self.settings.huge_pages = wanted;
        self
    }

    /// Whether all pages are mapped before [`Builder::open`] returns, so that no first message pays for it; some 0.1 ms a MiB.
    pub fn prefault(mut self, wanted: bool) -> Self {
        self.settings.prefault = wanted;
        self
    }

    /// As [`Endpoint::set_spin`], from the first read on.
    pub fn spin(mut self, time: Option<Duration>) -> Self {
        self.settings.spin_us = time.map(spin_us);
        self
    }

    /// How much the library says on stderr, in the whole process, from now on; by default what `ESHM_LOG` says, or
    /// [`LogLevel::Warn`].
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.settings.log_level = Some(level);
        self
    }

    /// Opens the endpoint.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a name that is not 1 to 249 bytes without NUL, a capacity of 0 or over 1 GiB, or a mode
    /// over `0o777`; [`Error::Create`] or [`Error::Attach`] with the reason.
    pub fn open(self) -> Result<Endpoint, Error> {
        Endpoint::open(&self.name, &self.settings).map_err(|error| error.of_channel(&quoted(&self.name)))
    }
}
