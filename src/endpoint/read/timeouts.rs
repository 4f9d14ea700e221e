//! How long reads wait, as numbers.

use super::*;
use std::time::Duration;

#[test]
fn what_callers_say_is_taken_as_it_is_meant() {
    assert_eq!([0, 1, u32::MAX].map(Timeout::of_ms), [Timeout::None, Timeout::For(MS), Timeout::Infinite]);
    assert_eq!(Timeout::of_ms(u32::MAX - 1), Timeout::For(u64::from(u32::MAX - 1) * MS));
    assert_eq!(Timeout::of(Duration::ZERO), Timeout::None);
    assert_eq!(Timeout::of(Duration::from_nanos(1)), Timeout::For(1));
    assert_eq!(Timeout::of(Duration::from_nanos(u64::MAX)), Timeout::For(u64::MAX));
    assert_eq!(Timeout::of(Duration::MAX), Timeout::Infinite);
}

#[test]
fn only_what_never_passes_is_endless() {
    let endless = [Timeout::Infinite, Timeout::Piece(1), Timeout::Signal(u64::MAX)];
    assert!(endless.into_iter().all(Timeout::is_endless), "a piece is one of a wait without limit");
    let limited = [Timeout::None, Timeout::For(u64::MAX), Timeout::Spin(u64::MAX), Timeout::Signal(1)];
    assert!(!limited.into_iter().any(Timeout::is_endless));
}

#[test]
fn a_wait_ends_counted_from_its_first_look_at_the_clock() {
    for (timeout, end) in [
        (Timeout::None, 100),
        (Timeout::For(5), 105),
        (Timeout::Piece(6), 106),
        (Timeout::Spin(7), 107),
        (Timeout::Signal(8), 108),
        (Timeout::For(u64::MAX), u64::MAX),
        (Timeout::Infinite, u64::MAX),
    ] {
        let mut deadline = Deadline::new(timeout);
        assert_eq!([deadline.end(100), deadline.end(200)], [end, end], "{timeout:?}");
    }
}
