//! Learning which messages of a channel's writers are whole, by looks at sequence and count. The rules are [`parity`](super::parity)'s.

use super::{
    parity::{Parity, difference},
    signalling::Writer,
};
use crate::segment::view::Library;

/// Messages after which a `d` is believed though no odd sequence was seen. A writer that copies all the time is at odd in
/// every second look, one that does not is hardly ever at even.
const ENOUGH: u32 = 16;
/// Odd sequences that a `d` is believed after. One alone may be of the instant between the two additions.
const ODD: u32 = 2;

/// What was seen of a channel's writers.
#[derive(Debug)]
pub(crate) struct Doubt {
    writer: Writer,
    /// It was one of ours at the last look.
    ours: bool,
    /// The writer is sound.
    sound: bool,
    /// `d` of the newest whole message of a sound writer, while it is a mark of such.
    rest: Option<u32>,
    /// Whether 0 is.
    zero: bool,
    /// The pair at the last look.
    last: Option<(u32, u64)>,
    /// What one in doubt left there, as one of ours came: it may be half a message.
    left: Option<(u32, u64)>,
    /// Of a writer in doubt: the least `d`, and with that one: looks at odd sequences, and messages seen.
    least: Option<u32>,
    odd: u32,
    messages: u32,
}

impl Doubt {
    /// Begins with a channel of which nothing was seen.
    pub(crate) fn new(writer: Writer) -> Self {
        Doubt {
            writer,
            ours: false,
            sound: false,
            rest: None,
            zero: true,
            last: None,
            left: None,
            least: None,
            odd: 0,
            messages: 0,
        }
    }

    /// One look, at most one a tick, at a sequence and the count of writes while it stood.
    pub(crate) fn look(&mut self, writer: Writer, library: Library, pair: Option<(u32, u64)>) -> Parity {
        if writer != self.writer {
            // A death takes some ticks to prove, so what was there at the last look is what it left.
            let left = if self.sound { None } else { self.last };
            *self = Doubt { rest: self.rest, zero: self.zero, last: self.last, left, ..Doubt::new(writer) };
        }
        let ours = library == Library::Ours;
        self.ours = ours;
        let repairs = ours && (self.left.is_none() || pair.is_some() && pair != self.left);
        // At rest there it is held up in a copy, or dead: whoever comes next is in doubt, and may write before the next look.
        let stuck = pair.is_some_and(|(sequence, _)| sequence & 1 == 1) && self.last == pair;
        self.sound = (self.sound || repairs) && !stuck;
        if let Some((sequence, writes)) = pair {
            let d = difference(sequence, writes);
            let at_even = sequence & 1 == 0;
            if at_even {
                self.sound |= self.is_mark(d);
            } else if library != Library::Released && self.is_mark(d.wrapping_add(2)) {
                self.zero &= d.wrapping_add(2) != 0;
                self.rest = self.rest.filter(|rest| *rest != d.wrapping_add(2));
                self.sound &= ours; // one of ours is sound, but who comes in its place copies with this much
            }
            if self.sound && at_even {
                self.rest = Some(d);
                self.zero |= d == 0;
            } else if !self.sound {
                self.learn(d, at_even, self.last != pair);
            }
            self.last = pair;
        }
        self.verdict()
    }

    /// Whoever writes from now on is another, also if it has the same number.
    pub(crate) fn forget_writer(&mut self) {
        self.writer = (0, 0);
    }

    /// Whose messages they say it of.
    pub(crate) fn writer(&self) -> Writer {
        self.writer
    }

    /// What the looks so far say.
    pub(crate) fn verdict(&self) -> Parity {
        let learnt = self.least.filter(|_| self.odd >= ODD || self.messages >= ENOUGH);
        Parity { any: self.sound, zero: self.zero, stranger: self.zero && !self.ours, only: learnt.or(self.rest) }
    }

    /// Whether messages with this `d` are whole ones.
    fn is_mark(&self, d: u32) -> bool {
        self.zero && d == 0 || self.rest == Some(d)
    }

    fn learn(&mut self, d: u32, at_even: bool, moved: bool) {
        if self.least.is_none_or(|least| (d.wrapping_sub(least) as i32) < 0) {
            (self.least, self.odd, self.messages) = (Some(d), 0, 0);
        }
        if moved && self.least == Some(d) {
            let seen = if at_even { &mut self.messages } else { &mut self.odd };
            *seen = seen.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASED: Writer = (1, 1);
    const OURS: Library = Library::Ours;
    const OLD: Library = Library::Released;
    const AFTER_OURS: Library = Library::ReleasedAfterOurs;

    const ANY: Parity = Parity { any: true, zero: true, stranger: true, only: None };

    fn any(parity: Parity) -> bool {
        Parity::is_any(parity.to_word())
    }

    fn allows(parity: Parity, sequence: u32, writes: u64) -> bool {
        Parity::allows(parity.to_word(), difference(sequence, writes))
    }

    #[test]
    fn who_follows_a_writer_of_ours_that_died_at_odd_is_in_doubt_before_it_is_seen() {
        let mut doubt = Doubt::new((1, 1));
        assert!(any(doubt.look((1, 1), OURS, Some((10, 5)))));
        assert!(any(doubt.look((1, 1), OURS, Some((11, 5)))), "it copies");
        let parity = doubt.look((1, 1), OURS, Some((11, 5)));
        assert!(!allows(parity, 12, 5), "a released successor copies");
        assert!(allows(parity, 12, 6), "the writer was only held up");
        assert!(any(doubt.look((2, 1), OURS, Some((14, 6)))), "one of ours has repaired it");
    }

    #[test]
    fn who_follows_with_the_number_of_the_dead_is_another() {
        let mut doubt = of_ours();
        doubt.forget_writer();
        assert!(!allows(doubt.look((1, 1), AFTER_OURS, Some((12, 5))), 12, 5), "it copies after a death at odd");
        let mut doubt = of_ours();
        doubt.forget_writer();
        assert!(any(doubt.look((1, 1), AFTER_OURS, Some((12, 6)))), "its first whole message");
    }

    #[test]
    fn a_channel_without_history_is_believed_at_once() {
        let parity = Doubt::new(RELEASED).verdict();
        assert!(allows(parity, 10, 5) && allows(parity, 2, 1));
        assert!(!allows(parity, 12, 5), "the count follows in an instant");
        assert!(allows(parity, 0, 1 << 31), "both wrap");
        assert!(any(Doubt::new(RELEASED).look(RELEASED, OLD, Some((8, 4)))));
    }

    #[test]
    fn an_inverted_writer_is_never_believed() {
        for known in [true, false] {
            for odd_first in [true, false] {
                let mut doubt = Doubt::new(RELEASED);
                if known {
                    assert!(any(doubt.look(RELEASED, OLD, Some((8, 4)))));
                    doubt.look(RELEASED, OLD, Some((9, 4)));
                }
                // Died in its fifth write; the successor rests at 9 + 2i with 4 + i writes, and copies at 10 + 2i.
                for i in 0..200 {
                    let (even, writes) = (10 + 2 * i, 4 + u64::from(i));
                    let now = if odd_first == (i % 3 == 0) { even - 1 } else { even };
                    let parity = doubt.look((2, 2), OLD, Some((now, writes)));
                    assert!(!allows(parity, even, writes), "{known} {odd_first} {i}");
                }
            }
        }
    }

    #[test]
    fn a_copy_that_is_held_up_for_long_is_no_message() {
        let mut doubt = Doubt::new(RELEASED);
        for _ in 0..1000 {
            assert!(!allows(doubt.look(RELEASED, OLD, Some((2, 0))), 2, 0));
        }
        assert!(!allows(doubt.look(RELEASED, OLD, Some((4, 1))), 4, 1));
    }

    #[test]
    fn a_sound_writer_after_a_repair_is_learnt() {
        let mut doubt = Doubt::new(RELEASED);
        let looks = (0..100).position(|i| allows(doubt.look(RELEASED, OLD, Some((12 + 2 * i, 5 + u64::from(i)))), 14, 6));
        assert_eq!(looks, Some(ENOUGH as usize - 1), "by its messages");
        let mut doubt = Doubt::new(RELEASED);
        assert!(
            !allows(doubt.look(RELEASED, OLD, Some((13, 5))), 14, 6),
            "it may be the instant before an inverted one counts"
        );
        assert!(!allows(doubt.look(RELEASED, OLD, Some((13, 5))), 14, 6), "the same one, held up there");
        assert!(allows(doubt.look(RELEASED, OLD, Some((15, 6))), 16, 7), "by two odd sequences");
    }

    #[test]
    fn the_successor_of_one_that_died_before_it_counted_is_believed_at_once() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, OLD, Some((2, 1)));
        doubt.look(RELEASED, OLD, Some((4, 1)));
        assert!(any(doubt.look((2, 1), OLD, Some((6, 2)))));
    }

    #[test]
    fn counters_that_somebody_changes_do_not_matter_once_a_writer_is_known() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, OLD, Some((2, 1)));
        for garbage in [0, 5, u64::MAX] {
            assert!(any(doubt.look(RELEASED, OLD, Some((4, garbage)))));
        }
    }

    #[test]
    fn a_writer_that_is_held_up_in_a_copy_is_believed_again_when_it_goes_on() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, OLD, Some((6, 2)));
        doubt.look(RELEASED, OURS, Some((8, 3))); // 2 at rest
        for _ in 0..5 {
            doubt.look(RELEASED, OLD, Some((9, 3)));
        }
        let parity = doubt.look(RELEASED, OLD, Some((9, 3)));
        assert!(!any(parity) && allows(parity, 10, 4));
        assert!(any(doubt.look(RELEASED, OLD, Some((10, 4)))));
    }

    #[test]
    fn what_a_writer_in_doubt_left_is_not_believed_as_one_of_ours_comes() {
        let mut doubt = Doubt::new((1, 1));
        doubt.look((1, 1), OURS, Some((10, 5)));
        doubt.look((1, 1), OURS, Some((11, 5))); // died in its sixth
        assert!(!allows(doubt.look((2, 2), OLD, Some((12, 5))), 12, 5), "a released successor died as it copied");
        for _ in 0..3 {
            assert!(!allows(doubt.look((3, 3), OURS, Some((12, 5))), 12, 5), "one of ours is there and has not written");
        }
        assert!(any(doubt.look((3, 3), OURS, Some((14, 6)))), "now it has");
    }

    #[test]
    fn ours_needs_no_learning() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, OLD, Some((13, 5)));
        assert!(any(doubt.look((2, 1), OURS, Some((12, 5)))));
    }

    /// Of ours, seen at rest with five writes.
    fn of_ours() -> Doubt {
        let mut doubt = Doubt::new((1, 1));
        assert!(any(doubt.look((1, 1), OURS, Some((10, 5)))));
        doubt
    }

    #[test]
    fn who_follows_one_of_ours_that_died_after_it_counted_is_not_believed_by_zero() {
        for seen in [true, false] {
            let mut doubt = of_ours();
            if seen {
                doubt.look((1, 1), OURS, Some((11, 6)));
                assert!(!allows(doubt.look((1, 1), OURS, Some((11, 6))), 12, 6), "a released successor copies");
            }
            let unseen = Parity::of_stranger(doubt.verdict().to_word());
            assert!(!Parity::allows(unseen, difference(12, 6)), "likewise, before the first look at it");
            for i in 0..100 {
                let (odd, writes) = (13 + 2 * i, 7 + u64::from(i));
                let parity =
                    doubt.look((7, 7), AFTER_OURS, Some(if i % 2 == 1 { (odd + 1, writes) } else { (odd, writes) }));
                assert!(!allows(parity, odd + 1, writes), "{seen} {i}");
                let unseen = Parity::of_stranger(parity.to_word());
                assert!(!Parity::allows(unseen, difference(odd + 1, writes)), "its own successor dies in a copy");
            }
            // It died in a copy, at 0: the next is sound, and 0 is what it has.
            assert!(!allows(doubt.look((3, 3), AFTER_OURS, Some((212, 106))), 212, 106), "half a message");
            doubt.look((3, 3), AFTER_OURS, Some((213, 106)));
            assert!(allows(doubt.look((3, 3), AFTER_OURS, Some((215, 107))), 216, 108), "learnt");
            // One of ours repairs what is left, and 0 is a mark again.
            doubt.look((4, 4), OURS, Some((215, 107)));
            assert!(any(doubt.look((4, 4), OURS, Some((218, 109)))));
            assert!(any(doubt.look((5, 5), AFTER_OURS, Some((220, 110)))));
        }
    }

    #[test]
    fn a_successor_of_ours_that_died_after_a_repair_copies_with_what_was_a_mark() {
        let mut doubt = of_ours();
        doubt.look((2, 2), OURS, Some((14, 6))); // 2 at rest
        doubt.look((2, 2), OURS, Some((15, 7))); // dead there, having counted
        assert!(!allows(doubt.look((2, 2), OURS, Some((15, 7))), 16, 7), "a released successor copies");
        assert!(!allows(doubt.look((7, 7), AFTER_OURS, Some((17, 8))), 18, 8));
    }

    #[test]
    fn one_of_ours_seen_between_two_stores_is_believed_and_so_is_its_successor() {
        let mut doubt = of_ours();
        assert!(any(doubt.look((1, 1), OURS, Some((11, 6)))));
        assert!(any(doubt.look((1, 1), OURS, Some((12, 6)))));
        assert!(any(doubt.look((7, 7), AFTER_OURS, Some((14, 7)))), "at the first look");
    }

    #[test]
    fn one_of_ours_without_a_lock_is_seen_between_two_stores_for_long_and_believed_as_it_goes_on() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, OLD, Some((10, 5)));
        for _ in 0..3 {
            doubt.look(RELEASED, OLD, Some((11, 6)));
        }
        assert!(any(doubt.look(RELEASED, OLD, Some((12, 6)))));
    }

    #[test]
    fn who_was_believed_by_a_copy_is_doubted_at_its_next_rest() {
        let mut doubt = of_ours(); // and then it died in its sixth, having counted
        doubt.look((7, 7), AFTER_OURS, Some((12, 6)));
        assert!(!allows(doubt.look((7, 7), AFTER_OURS, Some((13, 7))), 14, 7));
    }

    #[test]
    fn a_stranger_is_believed_by_zero_but_not_after_ours() {
        let word = Doubt::new(RELEASED).verdict().to_word();
        assert!(Parity::allows(Parity::of_stranger(word), 0) && !Parity::allows(Parity::of_stranger(word), 2));
        assert!(Parity::allows(Parity::of_stranger(ANY.to_word()), 0));
        assert!(!Parity::allows(Parity::of_stranger(of_ours().verdict().to_word()), 0));
    }
}
