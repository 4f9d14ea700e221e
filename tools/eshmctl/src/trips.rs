//! Round trips to an echo.

use crate::{
    failure::Failure,
    histogram::Times,
    name::Name,
    side,
    stop::{self, Limit},
    waiting::{self, Notice},
};
use eshm::{Endpoint, Error};
use std::{
    thread,
    time::{Duration, Instant},
};

/// What came of a run.
#[derive(Debug)]
pub struct Trips {
    /// The trips' times.
    pub times: Times,
    /// Messages never answered within the patience.
    pub lost: u64,
    /// It ended because nobody had answered, or was there to be asked, for `gone`.
    pub deserted: bool,
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// From one attempt to write to the next, while the other side is away.
const AWAY: Duration = Duration::from_millis(10);

/// What is asked of a run.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Bytes of a message.
    pub size: usize,
    /// Round trips.
    pub count: u64,
    /// From the beginning of one to that of the next.
    pub pause: Duration,
    /// Silence after which the echo counts as gone.
    pub gone: Duration,
    /// When it ends at the latest.
    pub limit: Limit,
}

/// Refuses a size that no ping in this segment can have.
pub fn check_size(endpoint: &Endpoint, size: usize) -> Result<(), Failure> {
    let capacity = endpoint.capacity()?;
    if size < 8 || size > capacity {
        return Err(Failure::new(format!(
            "a size of {size}: a ping has 8 to {capacity} bytes in this segment"
        )));
    }
    Ok(())
}

/// Sends numbered messages and waits for each to come back; says so once none does for a while.
pub fn run(
    endpoint: &Endpoint,
    name: &Name,
    wanted: Wanted,
    mut progress: impl FnMut(u64),
) -> Result<Trips, Failure> {
    let Wanted { size, count, pause, gone, limit } = wanted;
    check_size(endpoint, size)?;
    let (mut message, mut answer) = (vec![0_u8; size], side::buffer(endpoint, name)?);
    let mut trips = Trips { times: Times::new(), lost: 0, deserted: false };
    let (mut silent_since, mut notice) = (None, Notice::new());
    for number in 1..=count {
        message[..8].copy_from_slice(&number.to_le_bytes());
        let start = loop {
            let start = Instant::now();
            trips.deserted = start - *silent_since.get_or_insert(start) >= gone;
            if !trips.deserted && start - silent_since.unwrap_or(start) >= waiting::SOON {
                notice.tell(|| format!("{name}: no answer; waiting for the echo to be back"));
            }
            if trips.deserted || limit.is_over() {
                return Ok(trips);
            }
            match endpoint.write(&message) {
                Ok(()) => break start,
                // Its master has gone: nothing was sent, so nothing is lost.
                Err(Error::Timeout) => thread::sleep(AWAY),
                Err(error) => return Err(error.into()),
            }
        };
        let mut answered = false;
        while !answered && start.elapsed() < PATIENCE && !limit.is_over() {
            match endpoint.read_timeout(&mut answer, PATIENCE / 10) {
                // Late answers to earlier ones are not this one's.
                Ok(got) => answered = answer[..got] == message[..],
                Err(Error::Timeout) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let time = start.elapsed();
        match answered {
            true => {
                trips.times.add(time.as_nanos() as u64);
                silent_since = None;
            }
            false if limit.is_over() => break,
            false => trips.lost += 1,
        }
        progress(number);
        limit.sleep(pause.saturating_sub(time));
    }
    Ok(trips)
}

/// Waits until an echo answers, and says so if that takes a while; false if none does within
/// `patience`.
pub fn await_echo(
    endpoint: &Endpoint,
    name: &Name,
    size: usize,
    patience: Duration,
) -> Result<bool, Failure> {
    let (end, mut notice) = (Instant::now() + patience, Notice::new());
    let mut answer = side::buffer(endpoint, name)?;
    let message = vec![0_u8; size];
    while Instant::now() < end && !stop::asked() {
        notice.tell_if_long(|| waiting::for_an_echo(endpoint, name));
        match endpoint.write(&message) {
            Ok(()) | Err(Error::Timeout) => {}
            Err(error) => return Err(error.into()),
        }
        match endpoint.read_timeout(&mut answer, Duration::from_millis(20)) {
            Ok(size) if answer[..size] == message[..] => return Ok(true),
            Ok(_) | Err(Error::Timeout) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
