//! What a handle tells about itself and its segment.

use super::core::{Core, State};
use super::event::News;
use crate::config::WakeupMode;
use crate::error::Error;
use crate::liveness::service;
use crate::sync::{self, Ordering};
use crate::sys::clock;

/// The counters of a segment, as they were at one moment each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Heartbeats of the master since it attached; about one a millisecond.
    pub master_heartbeat: u64,
    /// Heartbeats of the slave since it attached.
    pub slave_heartbeat: u64,
    /// Process of the master, in its own pid namespace; 0 = never one.
    pub master_pid: i32,
    /// Process of the slave.
    pub slave_pid: i32,
    /// The master's alive flag: stays set when it is killed.
    pub master_alive: bool,
    /// The slave's alive flag.
    pub slave_alive: bool,
    /// Milliseconds of silence after which a side is stale.
    pub stale_threshold_ms: u32,
    /// Heartbeats of the master since this endpoint's previous statistics.
    pub master_heartbeat_delta: u64,
    /// Heartbeats of the slave since then.
    pub slave_heartbeat_delta: u64,
    /// Messages written by the master.
    pub m2s_write_count: u64,
    /// Messages read by the slave.
    pub m2s_read_count: u64,
    /// Messages written by the slave.
    pub s2m_write_count: u64,
    /// Messages read by the master.
    pub s2m_read_count: u64,
}

impl Core {
    /// Runs the tick of a handle without threads, and refuses a forked child.
    fn prepare(&self) -> Result<(), Error> {
        if self.is_inherited() {
            return Err(Error::Inherited);
        }
        if !self.threads {
            self.tick_inline();
        }
        Ok(())
    }

    pub(crate) fn stats(&self) -> Result<Stats, Error> {
        self.prepare()?;
        // One that stopped for good still tells what its last segment says: programs print it at their end.
        if !matches!(self.state(), State::Attached | State::Moving | State::Ousted | State::Stopped) {
            return Err(Error::NotInitialized);
        }
        if self.threads {
            self.catch_up(clock::now()); // what is asked now should not depend on when the service thread last ran
        }
        service::for_each(Core::bring_reads); // of both sides, where this process has both
        self.bring_reads();
        let (view, mut last) = (self.view(), sync::hold(&self.last_stats));
        let header = view.header();
        // Relaxed throughout: a snapshot of counters that move on their own.
        let beats = [0, 1].map(|side: usize| header.heartbeat[side].load(Ordering::Relaxed));
        let [m2s, s2m] = [0, 1].map(|which| view.channel(which).tail);
        let stats = Stats {
            master_heartbeat: beats[0],
            slave_heartbeat: beats[1],
            master_pid: header.pid[0].load(Ordering::Relaxed),
            slave_pid: header.pid[1].load(Ordering::Relaxed),
            master_alive: header.alive[0].load(Ordering::Relaxed) != 0,
            slave_alive: header.alive[1].load(Ordering::Relaxed) != 0,
            stale_threshold_ms: header.stale_threshold.load(Ordering::Relaxed),
            master_heartbeat_delta: beats[0].wrapping_sub(last[0]),
            slave_heartbeat_delta: beats[1].wrapping_sub(last[1]),
            m2s_write_count: m2s.write_count.load(Ordering::Relaxed),
            m2s_read_count: m2s.read_count.load(Ordering::Relaxed),
            s2m_write_count: s2m.write_count.load(Ordering::Relaxed),
            s2m_read_count: s2m.read_count.load(Ordering::Relaxed),
        };
        *last = beats;
        Ok(stats)
    }

    pub(crate) fn remote_alive(&self) -> Result<bool, Error> {
        self.prepare()?;
        // A stale remote is only looked at now and then; it may have come since.
        if !self.remote_alive.load(Ordering::Acquire) && matches!(self.state(), State::Attached | State::Ousted) {
            self.look_again(); // pairs, as below, with the tick's stores
        }
        self.settle(News::Asked); // before the answer: a change between the two is told twice, and not missed
        Ok(self.remote_alive.load(Ordering::Acquire))
    }

    pub(crate) fn update_heartbeat(&self) -> Result<(), Error> {
        self.prepare()?;
        match self.state() {
            State::Attached | State::Moving if self.threads => self.beat(1),
            State::Attached | State::Moving => {} // beaten by prepare
            State::Ousted => return Err(Error::RoleMismatch),
            _ => return Err(Error::NotInitialized),
        }
        Ok(())
    }

    pub(crate) fn wakeup_mode(&self) -> WakeupMode {
        if self.mode.load(Ordering::Relaxed) == WakeupMode::Poll as u32 { WakeupMode::Poll } else { WakeupMode::Push }
    }

    /// Changes how reads wait.
    pub(crate) fn set_wakeup_mode(&self, mode: WakeupMode) {
        self.mode.store(mode as u32, Ordering::Relaxed); // a setting, ordered with nothing
    }
}
