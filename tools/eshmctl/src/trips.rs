//! Round trips to an echo.

use crate::{failure::Failure, stop::Limit};
use eshm::{Endpoint, Error};
use std::time::{Duration, Instant};

/// What came of a run.
#[derive(Debug, Default)]
pub struct Trips {
    /// Each trip's time in nanoseconds.
    pub times: Vec<u64>,
    /// Messages never answered within the patience.
    pub lost: u64,
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends numbered messages of `size` bytes and waits for each to come back, `pause` apart, until `limit` or `count`. The first
/// is sent again and again until the echo is there, up to `patience`.
pub fn run(
    endpoint: &Endpoint,
    size: usize,
    count: u64,
    pause: Duration,
    limit: Limit,
    mut progress: impl FnMut(u64),
) -> Result<Trips, Failure> {
    let capacity = endpoint.capacity()?;
    if size < 8 || size > capacity {
        return Err(Failure::new(format!("a size of {size}: a ping has 8 to {capacity} bytes in this segment")));
    }
    let (mut message, mut answer) = (vec![0_u8; size], vec![0_u8; capacity]);
    let mut trips = Trips::default();
    for number in 1..=count {
        if limit.is_over() {
            break;
        }
        message[..8].copy_from_slice(&number.to_le_bytes());
        let start = Instant::now();
        match endpoint.write(&message) {
            Ok(()) => {}
            Err(Error::Timeout) => {
                trips.lost += 1; // detached: its master has gone
                continue;
            }
            Err(error) => return Err(error.into()),
        }
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
            true => trips.times.push(time.as_nanos() as u64),
            false if limit.is_over() => break,
            false => trips.lost += 1,
        }
        progress(number);
        if !pause.is_zero() {
            std::thread::sleep(pause.saturating_sub(time));
        }
    }
    Ok(trips)
}

/// Waits until an echo answers; false if none does within `patience`.
pub fn await_echo(endpoint: &Endpoint, size: usize, patience: Duration) -> Result<bool, Failure> {
    let end = Instant::now() + patience;
    let mut answer = vec![0_u8; endpoint.capacity()?];
    let message = vec![0_u8; size];
    while Instant::now() < end && !crate::stop::asked() {
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
