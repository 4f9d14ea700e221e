//! Listening in on a segment: each value that is caught, with the number missed before it, across
//! restarts of either side.

use crate::{failure::Failure, name::Name, side, stop::Limit, waiting::Notice};
use clap::ValueEnum;
use eshm::inspect::{self, Direction, Found, Segment};
use std::time::{Duration, Instant};

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

/// How long to wait from one look to the next.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Always the same.
    Steady(Duration),
    /// `QUICK`, but `SLOW` while values pass by so fast that most are missed anyway: then each look
    /// costs the pair something, and more of them show nothing that matters.
    Easy,
}

/// Catches every value of a loop of 1 kHz.
const QUICK: Duration = Duration::from_millis(1);
/// A terminal shows no more.
const SLOW: Duration = Duration::from_millis(10);
/// Values a second from which on `Easy` is slow.
const FAST: f64 = 10_000.0;

impl Pace {
    /// `every` so many microseconds, if that was asked for.
    pub fn of(every: Option<Duration>) -> Pace {
        every.map_or(Pace::Easy, Pace::Steady)
    }

    /// The pause after a look that came `elapsed` after the one before and found that `passed`
    /// values had passed by.
    fn pause(self, passed: u64, elapsed: Duration) -> Duration {
        match self {
            Pace::Steady(pause) => pause,
            Pace::Easy if passed as f64 >= FAST * elapsed.max(QUICK).as_secs_f64() => SLOW,
            Pace::Easy => QUICK,
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

/// Messages written from one sequence to the next. Each adds 2; one that mends an unfinished one 2
/// more, which no count of missed ones is worth telling apart. A sequence that went back is that of
/// a file that was filled anew.
fn written(before: u32, now: u32) -> u32 {
    match now.wrapping_sub(before) {
        back if back > u32::MAX / 2 => now / 2,
        passed => passed / 2,
    }
}

/// The one who wrote it.
pub fn writer(direction: Direction) -> &'static str {
    if direction == Direction::MasterToSlave { "master" } else { "slave" }
}

/// Between two looks whether the name leads to another file.
const RENAMED: Duration = Duration::from_millis(100);
/// Attempts to copy a message that its writer overwrites meanwhile.
const TRIES: u32 = 10;

/// Listens until `limit`, or until `caught` returns false. What stands there at the beginning is no
/// news, unless the segment is `fresh`; what is written to a segment that appears later is. Returns
/// whether there ever was a segment.
pub fn listen(
    name: &Name,
    which: Which,
    pace: Pace,
    limit: Limit,
    fresh: bool,
    mut caught: impl FnMut(Caught<'_>) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let mut ever = false;
    let mut run = Run { which, pace, limit, fresh, bytes: Vec::new(), silence: Notice::new() };
    while let Some((segment, waited)) = await_segment(name, limit, ever)? {
        run.fresh |= waited;
        ever = true;
        if !run.follow(name, &segment, &mut caught)? {
            break;
        }
        run.fresh = true;
    }
    Ok(ever)
}

/// Waits until there is a segment, and says so if that takes a while; also whether it was not there
/// at first. `None` if `limit` comes first. `again` where it was there before.
pub fn await_segment(
    name: &Name,
    limit: Limit,
    again: bool,
) -> Result<Option<(Segment, bool)>, Failure> {
    let (mut notice, mut waited) = (Notice::new(), false);
    while !limit.is_over() {
        let why = match inspect::look(name).map_err(|error| side::in_the_way(name, &error))?.found {
            Found::Segment(segment) => return Ok(Some((segment, waited))),
            Found::Invalid(why) => {
                format!("what has the name '{name}' is no segment: {why}; waiting for one")
            }
            Found::TooNew(version) => {
                format!(
                    "the segment '{name}' is of a later release (protocol {version}); waiting for another one"
                )
            }
            Found::Making => {
                format!("the segment '{name}' is half made; waiting until it is whole, or replaced")
            }
            Found::Missing if again => {
                format!("the segment '{name}' is gone; waiting for the next one")
            }
            Found::Missing => format!("there is no segment '{name}' yet; waiting for it"),
        };
        match again {
            true => notice.tell_if_long(|| why),
            false => notice.tell(|| why),
        }
        waited = true;
        limit.sleep(RENAMED);
    }
    Ok(None)
}

/// What stays the same from one segment under a name to the next.
struct Run {
    which: Which,
    pace: Pace,
    limit: Limit,
    fresh: bool,
    bytes: Vec<u8>,
    silence: Notice,
}

impl Run {
    /// Listens to one segment until it is replaced; false if that was all.
    fn follow(
        &mut self,
        name: &Name,
        segment: &Segment,
        caught: &mut impl FnMut(Caught<'_>) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let Run { which, pace, limit, fresh, ref mut bytes, ref mut silence } = *self;
        let start = [Direction::MasterToSlave, Direction::SlaveToMaster]
            .map(|d| if fresh { 0 } else { segment.sequence(d) & !1 });
        // The sequences of the last message caught, and those of the last look.
        let (mut seen, mut looked) = (start, start);
        let (mut named, mut last) = (Instant::now(), Instant::now());
        loop {
            let over = limit.is_over(); // before the look: what was written by the end is caught
            let mut passed = 0;
            for &direction in which.directions() {
                let now = segment.sequence(direction);
                let seen = &mut seen[direction as usize];
                let before = std::mem::replace(&mut looked[direction as usize], now);
                passed += u64::from(written(before, now));
                if now == 0 {
                    *seen = 0; // emptied: whoever fills it anew begins anew
                }
                if now == *seen {
                    continue;
                }
                let Some(sequence) =
                    (0..TRIES).find_map(|_| segment.message(direction, Some(*seen), bytes))
                else {
                    continue;
                };
                let missed = written(*seen, sequence).saturating_sub(1);
                *seen = sequence;
                silence.over();
                if !caught(Caught { direction, at: Instant::now(), missed, message: bytes })? {
                    return Ok(false);
                }
            }
            if over {
                return Ok(false);
            }
            let elapsed = last.elapsed();
            last += elapsed;
            if named.elapsed() >= RENAMED {
                named = last;
                if !segment.is_named() || !segment.is_whole() {
                    return Ok(true);
                }
            }
            silence.tell_if_long(|| {
                format!(
                    "{name}: no value since this began; waiting for the next, `eshmctl show {}` has the current ones",
                    name.typed()
                )
            });
            limit.sleep(pace.pause(passed, elapsed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_that_goes_back_begins_anew() {
        assert_eq!((written(2, 2), written(2, 3), written(2, 10)), (0, 0, 4));
        assert_eq!(written(u32::MAX - 1, 2), 2, "it is a circle");
        assert_eq!((written(2, 0), written(100, 6), written(100, 99)), (0, 3, 49));
    }

    #[test]
    fn the_pace_eases_off_only_where_most_are_missed() {
        let pause =
            |passed, elapsed_ms| Pace::Easy.pause(passed, Duration::from_millis(elapsed_ms));
        assert_eq!(pause(1, 1), QUICK, "1 kHz");
        assert_eq!(pause(5, 1), QUICK, "5 kHz");
        assert_eq!(pause(20, 1), SLOW, "20 kHz");
        assert_eq!(pause(200, 10), SLOW, "20 kHz, seen slowly");
        assert_eq!(pause(50, 10), QUICK, "5 kHz again");
        assert_eq!(
            Pace::of(Some(Duration::from_micros(300))).pause(1000, QUICK),
            Duration::from_micros(300)
        );
    }
}
