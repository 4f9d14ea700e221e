//! What a handle can be asked to do.

use crate::log::Level;
use std::time::Duration;

include!(concat!(env!("OUT_DIR"), "/settings.rs"));

/// What an endpoint asks to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// Creates the segment, or takes over one whose master died.
    Master,
    /// Attaches to a master's segment.
    Slave,
    /// Slave of a live master, else master.
    #[default]
    Auto,
}

/// What a slave does when its master is stale.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DisconnectBehavior {
    /// Stops for good; reads return [`Error::MasterStale`](crate::Error::MasterStale).
    Immediately,
    /// Tries to reconnect until a limit is used up.
    #[default]
    OnTimeout,
    /// Tries for ever.
    Never,
}

/// How a read waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WakeupMode {
    /// Parked until the writer wakes it (where the writer can).
    #[default]
    Push,
    /// Looks about every 100 us.
    Poll,
}

/// One of the two sides of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// Creates the segment.
    Master = 0,
    /// Attaches to it.
    Slave = 1,
}

impl Side {
    /// The one across.
    pub fn other(self) -> Side {
        if self == Side::Master { Side::Slave } else { Side::Master }
    }

    /// `"master"` or `"slave"`.
    pub fn name(self) -> &'static str {
        if self == Side::Master { "master" } else { "slave" }
    }

    /// Which channel this side writes: 0 is master to slave.
    pub(crate) fn writes(self) -> usize {
        self as usize
    }

    /// Which channel this side reads.
    pub(crate) fn reads(self) -> usize {
        self.other() as usize
    }
}

/// Everything but the name, copied from the caller before use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) role: Role,
    pub(crate) behavior: DisconnectBehavior,
    pub(crate) stale_threshold_ms: u32,
    pub(crate) reconnect_wait_ms: u32,
    pub(crate) retry_interval_ms: u32,
    pub(crate) max_attempts: u32,
    pub(crate) auto_cleanup: bool,
    pub(crate) threads: bool,
    /// Of a segment that is created, or of whose creator nothing else is known.
    pub(crate) capacity: usize,
    /// An existing segment of another capacity will not do.
    pub(crate) exact_capacity: bool,
    /// Bits of the file that is created, whatever the umask; `None` = 0666 less the umask.
    pub(crate) mode: Option<u32>,
    /// How long opening a slave waits for a live master; `u32::MAX` = without limit.
    pub(crate) wait_for_master_ms: u32,
    /// The value that is current as the handle attaches is new to it.
    pub(crate) first_value: bool,
    pub(crate) huge_pages: bool,
    pub(crate) prefault: bool,
    /// Microseconds that a read spins; `None` = learnt, or of the environment.
    pub(crate) spin_us: Option<u32>,
    /// For the whole process; `None` = as it is.
    pub(crate) log_level: Option<Level>,
}

/// The time limit that stands for "none" beside an attempt limit of 0: the original's default, which its users never set.
const DEFAULT_WAIT_MS: u32 = 5000;

impl Default for Settings {
    fn default() -> Self {
        Settings {
            role: Role::Auto,
            behavior: DisconnectBehavior::OnTimeout,
            stale_threshold_ms: 100,
            reconnect_wait_ms: DEFAULT_WAIT_MS,
            retry_interval_ms: 100,
            max_attempts: 50,
            auto_cleanup: true,
            threads: true,
            capacity: MAX_DATA_SIZE,
            exact_capacity: false,
            mode: None,
            wait_for_master_ms: 0,
            first_value: false,
            huge_pages: false,
            prefault: false,
            spin_us: None,
            log_level: None,
        }
    }
}

impl Settings {
    /// Whether a segment of this capacity will do.
    pub(crate) fn accepts(&self, capacity: usize) -> bool {
        !self.exact_capacity || capacity == self.capacity
    }

    /// How long a slave may try to reconnect.
    pub(crate) fn reconnect_time(&self) -> Option<Duration> {
        let unlimited = self.behavior == DisconnectBehavior::Never
            || self.reconnect_wait_ms == 0
            || (self.max_attempts == 0 && self.reconnect_wait_ms == DEFAULT_WAIT_MS);
        (!unlimited).then(|| Duration::from_millis(self.reconnect_wait_ms.into()))
    }

    /// How often it may try.
    pub(crate) fn reconnect_attempts(&self) -> Option<u32> {
        (self.behavior != DisconnectBehavior::Never && self.max_attempts != 0).then_some(self.max_attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_zero_mean_none() {
        let with = |behavior, wait, attempts| {
            let s = Settings { behavior, reconnect_wait_ms: wait, max_attempts: attempts, ..Settings::default() };
            (s.reconnect_time().map(|t| t.as_millis()), s.reconnect_attempts())
        };
        use DisconnectBehavior::*;
        assert_eq!(with(OnTimeout, 5000, 50), (Some(5000), Some(50)));
        assert_eq!(with(OnTimeout, 5000, 0), (None, None));
        assert_eq!(with(OnTimeout, 300, 0), (Some(300), None));
        assert_eq!(with(OnTimeout, 0, 3), (None, Some(3)));
        assert_eq!(with(Never, 300, 3), (None, None));
    }
}
