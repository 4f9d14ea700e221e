//! What is known of a segment after watching it for a moment: the one form that every command
//! prints, as text or as JSON.

mod collect;
mod diagnose;

pub use collect::{collect, collect_all, collect_named, collect_these, judged};

use crate::{failure::Failure, name::Name, payload::Message};
use eshm::inspect;
use serde::Serialize;
use std::io;

/// The names of all segment files; an error if /dev/shm cannot be listed.
pub fn names() -> io::Result<Vec<Name>> {
    Ok(inspect::names()?.into_iter().map(Name::of_file).collect())
}

/// Says that they cannot be listed.
pub fn unlisted(error: io::Error) -> Failure {
    Failure::new(format!(
        "/dev/shm cannot be listed: {error}; `eshmctl doctor` says what is wrong with it"
    ))
}

/// What kind of file stands under a name.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A segment.
    Segment,
    /// A file being made, or never finished.
    HalfMade,
    /// No segment.
    Invalid,
    /// A segment of a later protocol.
    TooNew,
    /// A file that may not be read.
    Unreadable,
}

/// What an age counts from.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum AgeOf {
    /// The file's birth.
    Birth,
    /// Its last change by a system call: its file system keeps no births.
    Change,
}

/// Everything about one file.
#[derive(Clone, Serialize, Debug)]
pub struct Report {
    /// The segment's name, without `eshm_`; what is not printable or no UTF-8 is escaped.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of the file.
    pub size: u64,
    /// Permission bits, in octal.
    pub mode: String,
    /// Owner.
    pub uid: u32,
    /// Seconds since it was made, or last changed: `age_of` says which.
    pub age_s: u64,
    /// What `age_s` counts from.
    pub age_of: AgeOf,
    /// A segment whose both ends are proven dead or have left.
    pub orphan: bool,
    /// How it was watched: what removes it need not wait anew.
    #[serde(skip)]
    pub watched: Option<inspect::Watched>,
    /// The rest, of a segment.
    #[serde(flatten)]
    pub segment: Option<Segment>,
    /// What is wrong, in plain words, each with what to do.
    pub findings: Vec<Finding>,
}

/// What is wrong and what to do about it.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Finding {
    /// What it is about: `doctor` has a check of this subject, or makes one of it.
    #[serde(skip)]
    pub subject: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// The next step.
    pub advice: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// May be what is looked for.
    Warning,
    /// Keeps values from being exchanged.
    Problem,
}

/// A segment's own account.
#[derive(Clone, Serialize, Debug)]
pub struct Segment {
    /// 2 or 3.
    pub protocol: u32,
    /// Bytes of the largest message.
    pub capacity: usize,
    /// Milliseconds of silence that make a side stale.
    pub stale_threshold_ms: u32,
    /// Masters that have started on it.
    pub master_generation: u32,
    /// Bit 0: writers wake parked readers.
    pub features: u32,
    /// Bytes of the segment by its own account; 0 in protocol 2.
    pub layout_size: u32,
    /// Milliseconds that the rates below were measured over.
    pub window_ms: u64,
    /// The master.
    pub master: Side,
    /// The slave.
    pub slave: Side,
    /// From the master to the slave.
    pub master_to_slave: Channel,
    /// From the slave to the master.
    pub slave_to_master: Channel,
}

/// How a side is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Never attached, or left cleanly.
    Absent,
    /// It beats.
    Alive,
    /// Its process runs, its heartbeat stands still.
    Silent,
    /// Its process is gone, and it never left.
    Dead,
    /// Its heartbeat stands still, and nothing proves that its process is gone.
    Unknown,
}

impl From<eshm::inspect::Life> for Life {
    fn from(life: eshm::inspect::Life) -> Life {
        match life {
            eshm::inspect::Life::Absent => Life::Absent,
            eshm::inspect::Life::Alive => Life::Alive,
            eshm::inspect::Life::Silent => Life::Silent,
            eshm::inspect::Life::Dead => Life::Dead,
            eshm::inspect::Life::Unknown => Life::Unknown,
        }
    }
}

/// One side of a segment.
#[derive(Clone, Serialize, Debug)]
pub struct Side {
    /// How it is.
    pub life: Life,
    /// Its process, in its own pid namespace; `null` = never one.
    pub pid: Option<i32>,
    /// That process's command line, if it can be seen from here.
    pub command: Option<String>,
    /// `"ours"`, `"released"`, or `null` if nobody has the side.
    pub library: Option<&'static str>,
    /// The alive flag: set while attached, cleared by a clean exit.
    pub flag: bool,
    /// The master's generation or the slave's process, while it answers by a lock on the file; 0 =
    /// a released library.
    pub lock: u32,
    /// Heartbeats since it attached.
    pub heartbeat: u64,
    /// Heartbeats a second; about 1000 is right.
    pub beats_per_second: f64,
    /// Why nothing is known of its life.
    #[serde(skip)]
    pub doubt: Option<String>,
}

impl Report {
    /// Whether no end is known to live, but not both are proven dead or gone.
    pub fn is_doubtful(&self) -> bool {
        let gone = |side: &Side| matches!(side.life, Life::Absent | Life::Dead | Life::Unknown);
        !self.orphan && self.segment.as_ref().is_some_and(|s| gone(&s.master) && gone(&s.slave))
    }
}

/// One direction of a segment.
#[derive(Clone, Serialize, Debug)]
pub struct Channel {
    /// Odd while a write is in progress.
    pub sequence: u32,
    /// A write is in progress, and the same one as a moment before: it was never finished.
    pub stuck: bool,
    /// Bytes of the current message.
    pub message_size: u32,
    /// Messages written.
    pub writes: u64,
    /// Messages read.
    pub reads: u64,
    /// Messages that were overwritten before anyone read them.
    pub missed: u64,
    /// Messages written a second.
    pub writes_per_second: f64,
    /// Messages read a second.
    pub reads_per_second: f64,
    /// Signals given.
    pub wake_seq: u32,
    /// Readers parked.
    pub waiters: u32,
    /// A reader asks its writer for a quiet moment.
    pub reader_waiting: bool,
    /// The current message; only `show` takes it, and there is none in a channel that was never
    /// written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}
