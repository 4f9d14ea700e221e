//! Saying what is waited for, once, on standard error: a command that only waits looks like one that hangs.

use crate::name::Name;
use eshm::{Endpoint, Role};
use std::time::{Duration, Instant};

/// So long a wait needs no words.
const SOON: Duration = Duration::from_secs(1);

/// One thing to say, if it is still to be said.
pub struct Notice {
    begun: Instant,
    said: bool,
}

impl Notice {
    /// The wait begins now.
    pub fn new() -> Notice {
        Notice { begun: Instant::now(), said: false }
    }

    /// Says it now, the first time.
    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        if !self.said {
            self.said = true;
            eprintln!("eshmctl: {}", text());
        }
    }

    /// Says it once the wait has become long.
    pub fn tell_if_long(&mut self, text: impl FnOnce() -> String) {
        if self.begun.elapsed() >= SOON {
            self.tell(text);
        }
    }

    /// What was waited for has come: there is nothing to say any more.
    pub fn over(&mut self) {
        self.said = true;
    }
}

/// What a side that has read nothing yet waits for.
pub fn for_a_value(endpoint: &Endpoint, name: &Name) -> String {
    let is_master = endpoint.role() == Role::Master;
    let (own, other) = if is_master { ("master", "slave") } else { ("slave", "master") };
    let stats = endpoint.stats().ok();
    let there = stats.and_then(|stats| match is_master {
        true => Some(stats.slave_pid).filter(|_| stats.slave_alive),
        false => Some(stats.master_pid).filter(|_| stats.master_alive),
    });
    match there.filter(|&pid| pid != 0) {
        Some(pid) => format!("{name}: this is the {own}; waiting for the {other}, process {pid}, to write a value"),
        None => format!("{name}: this is the {own}; waiting for a {other}, none is there yet"),
    }
}

/// What a side whose write is not taken waits for.
pub fn to_write(endpoint: &Endpoint, name: &Name) -> String {
    match endpoint.role() {
        Role::Slave => format!("{name}: the master has gone; waiting for the next one"),
        _ => format!("{name}: another writer is in the midst of a value; waiting for it to end"),
    }
}
