//! Listening in on a segment: each value that is caught, with the number missed before it, across restarts of either side.

use crate::{name::Name, report::Failure, stop::Limit};
use clap::ValueEnum;
use eshm::inspect::{self, Direction, Found, Segment};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Which messages to listen to.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Which {
    /// The master's and the slave's.
    Both,
    /// The master's.
    Master,
    /// The slave's.
    Slave,
}

impl Which {
    /// Their channels.
    fn directions(self) -> &'static [Direction] {
        match self {
            Which::Both => &[Direction::MasterToSlave, Direction::SlaveToMaster],
            Which::Master => &[Direction::MasterToSlave],
            Which::Slave => &[Direction::SlaveToMaster],
        }
    }
}

/// A value that passed by.
#[derive(Debug)]
pub struct Caught<'a> {
    /// Whose it is.
    pub direction: Direction,
    /// When it was caught.
    pub at: Instant,
    /// Messages written since the one caught before it, that were not caught.
    pub missed: u32,
    /// Its bytes.
    pub message: &'a [u8],
}

/// The one who wrote it.
pub fn writer(direction: Direction) -> &'static str {
    if direction == Direction::MasterToSlave { "master" } else { "slave" }
}

/// Between two looks whether the name leads to another file.
const RENAMED: Duration = Duration::from_millis(100);

/// Listens until `limit`, or until `caught` returns false. What stands there at the beginning is no news; what is written to
/// a segment that appears later is. Returns whether there ever was a segment.
pub fn listen(
    name: &Name,
    which: Which,
    every: Duration,
    limit: Limit,
    mut caught: impl FnMut(Caught<'_>) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let (mut ever, mut fresh, mut bytes) = (false, false, Vec::new());
    while !limit.is_over() {
        let Found::Segment(segment) = inspect::look(name)?.found else {
            fresh = true;
            thread::sleep(RENAMED);
            continue;
        };
        ever = true;
        if !follow(&segment, which, every, limit, fresh, &mut bytes, &mut caught)? {
            return Ok(true);
        }
        fresh = true;
    }
    Ok(ever)
}

/// Listens to one segment until it is replaced; false if that was all.
fn follow(
    segment: &Segment,
    which: Which,
    every: Duration,
    limit: Limit,
    fresh: bool,
    bytes: &mut Vec<u8>,
    caught: &mut impl FnMut(Caught<'_>) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let mut seen = [0, 1].map(|which| {
        let direction = if which == 0 { Direction::MasterToSlave } else { Direction::SlaveToMaster };
        if fresh { 0 } else { segment.sequence(direction) & !1 }
    });
    let mut named = Instant::now();
    while !limit.is_over() {
        for &direction in which.directions() {
            let last = &mut seen[direction as usize];
            if segment.sequence(direction) == *last {
                continue;
            }
            let Some(sequence) = segment.message(direction, Some(*last), bytes) else { continue };
            // Each message adds 2; one that mends an unfinished one 2 more, which no count of missed ones is worth telling apart.
            let missed = (sequence.wrapping_sub(*last) / 2).saturating_sub(1);
            *last = sequence;
            if !caught(Caught { direction, at: Instant::now(), missed, message: bytes })? {
                return Ok(false);
            }
        }
        if named.elapsed() >= RENAMED {
            named = Instant::now();
            if !segment.is_named() {
                return Ok(true);
            }
        }
        thread::sleep(every);
    }
    Ok(false)
}
