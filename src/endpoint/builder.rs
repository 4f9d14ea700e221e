//! What an endpoint is opened with.

use super::Endpoint;
use crate::config::{DisconnectBehavior, Role, Settings};
use crate::error::Error;
use std::time::Duration;

/// What an [`Endpoint`] is opened with. The defaults are the C library's.
#[derive(Clone, Debug)]
pub struct Builder {
    name: Vec<u8>,
    settings: Settings,
}

/// A duration in whole milliseconds, rounded up, at most about 49 days.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX - 1).min(u32::MAX - 1)
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

    /// Bytes of the largest message, in a segment this endpoint creates;
    /// [`MAX_DATA_SIZE`](crate::MAX_DATA_SIZE) by default. An existing segment keeps its own.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.settings.capacity = bytes;
        self
    }

    /// Opens the endpoint.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a name that is not 1 to 249 bytes without NUL, or a capacity of 0 or over 1 GiB;
    /// [`Error::Create`] or [`Error::Attach`] with the reason.
    pub fn open(self) -> Result<Endpoint, Error> {
        Endpoint::open(&self.name, self.settings)
    }
}
