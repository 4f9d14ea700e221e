//! Whether what was sent was read: by the reader's own count, in the segment.

use crate::{fault, name::Name};
use eshm::{
    Role,
    inspect::{self, Direction, Found, Life, Segment, Side},
};
use std::time::Duration;

/// The last value that was sent. Its segment stays open: a reader that ends may take the name
/// with it.
pub struct Delivery {
    name: Name,
    role: Role,
    segment: Option<Segment>,
    /// Reads before the value was written.
    before: u64,
}

impl Delivery {
    /// Of nothing yet, by the side that has this role.
    pub fn new(name: &Name, role: Role) -> Self {
        Delivery { name: name.clone(), role, segment: None, before: 0 }
    }

    /// To be called before each attempt to write.
    pub fn begin(&mut self) {
        if self.segment.as_ref().is_none_or(|segment| !segment.is_named()) {
            self.segment = match inspect::look(&self.name) {
                Ok(inspect::Sight { found: Found::Segment(segment), .. }) => Some(segment),
                _ => None,
            };
        }
        self.before = self.reads();
    }

    /// Whether it was read since. A read of the value before it that is counted late passes for one
    /// of this.
    pub fn was_read(&self) -> bool {
        self.reads() > self.before
    }

    fn reads(&self) -> u64 {
        let direction = if self.role == Role::Master {
            Direction::MasterToSlave
        } else {
            Direction::SlaveToMaster
        };
        self.segment.as_ref().map_or(0, |segment| segment.channel(direction).read_count)
    }

    /// What is said of the last of `sent` values that was not read within this time; `cure` is what
    /// this command can do.
    pub fn unread(&self, sent: u64, time: Duration, cure: &str) -> String {
        let Delivery { name, role, .. } = self;
        let what = if sent == 1 { "it" } else { "the last value" };
        let (side, label) =
            if *role == Role::Master { (Side::Slave, "slave") } else { (Side::Master, "master") };
        let reader = self.segment.as_ref().and_then(|segment| {
            match fault::looking(|| segment.judge(side)) {
                Life::Alive | Life::Silent | Life::Unknown => {
                    Some(segment.header().pids[side as usize])
                }
                Life::Absent | Life::Dead => None,
            }
        });
        let why = match reader {
            Some(pid) => {
                format!("the {label}, process {pid}, has not within {} s", time.as_secs_f64())
            }
            None => format!(
                "no {label} is there; start the reader first, `eshmctl recv {}` is one",
                name.typed()
            ),
        };
        let fate = match role {
            Role::Slave if reader.is_some() => "it stays until it is read or overwritten; ",
            _ => "",
        };
        format!("{name}: nobody read {what}: {why}; {fate}{cure}")
    }
}
