//! When a slave without a master tries again, and when it gives up.

use crate::config::Settings;
use crate::sys::clock::MS;

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Wait,
    Attempt,
    GiveUp,
}

/// The attempts since the master was lost.
#[derive(Debug)]
pub(crate) struct Reconnect {
    since: u64,
    next: u64,
    pub(crate) attempts: u32,
}

impl Reconnect {
    /// Begins at `now`; the first attempt is due at once.
    pub(crate) fn new(now: u64) -> Self {
        Reconnect { since: now, next: now, attempts: 0 }
    }

    /// Something happened to the name: the next attempt is due at once.
    pub(crate) fn hurry(&mut self) {
        self.next = 0;
    }

    /// Decides for `now` (nanoseconds) and counts the attempt it asks for. The last attempt has its interval too.
    pub(crate) fn step(&mut self, now: u64, settings: &Settings) -> Step {
        let late = settings.reconnect_time().is_some_and(|limit| now.saturating_sub(self.since) >= limit.as_nanos() as u64);
        if late {
            return Step::GiveUp;
        }
        if now < self.next {
            return Step::Wait;
        }
        if settings.reconnect_attempts().is_some_and(|limit| self.attempts >= limit) {
            return Step::GiveUp;
        }
        self.attempts = self.attempts.saturating_add(1);
        self.next = now + u64::from(settings.retry_interval_ms) * MS;
        Step::Attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DisconnectBehavior;

    /// Milliseconds of the attempts, and of giving up, over ten seconds of ticks.
    fn run(settings: &Settings) -> (Vec<u64>, Option<u64>) {
        let (start, mut attempts) = (5_000 * MS, Vec::new());
        let mut reconnect = Reconnect::new(start);
        for ms in 0..10_000 {
            match reconnect.step(start + ms * MS, settings) {
                Step::Wait => {}
                Step::Attempt => attempts.push(ms),
                Step::GiveUp => return (attempts, Some(ms)),
            }
        }
        (attempts, None)
    }

    #[test]
    fn attempts_come_at_once_and_then_each_interval_until_they_are_used_up() {
        let settings = Settings { max_attempts: 3, retry_interval_ms: 50, ..Settings::default() };
        assert_eq!(run(&settings), (vec![0, 50, 100], Some(150)));
    }

    #[test]
    fn the_time_limit_ends_it_too() {
        let settings = Settings { reconnect_wait_ms: 120, retry_interval_ms: 50, ..Settings::default() };
        assert_eq!(run(&settings), (vec![0, 50, 100], Some(120)));
    }

    #[test]
    fn without_limits_it_goes_on() {
        let settings = Settings { max_attempts: 0, retry_interval_ms: 1000, ..Settings::default() };
        assert_eq!(run(&settings), ((0..10).map(|s| s * 1000).collect(), None));
        let never = Settings { behavior: DisconnectBehavior::Never, max_attempts: 1, reconnect_wait_ms: 1, ..settings };
        assert_eq!(run(&never).1, None);
    }

    #[test]
    fn an_interval_of_zero_is_each_tick() {
        let settings = Settings { max_attempts: 4, retry_interval_ms: 0, ..Settings::default() };
        assert_eq!(run(&settings), (vec![0, 1, 2, 3], Some(4)));
    }
}
