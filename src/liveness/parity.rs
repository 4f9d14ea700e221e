//! Whether an even sequence of a released writer means a whole message.
//!
//! A released writer adds 1 blindly: after a predecessor that died mid-write its sequence is odd at rest and even while it
//! copies. The sequence alone cannot tell; together with `write_count` it can. Let `d` be the sequence, rounded down to
//! even, less twice the count. A sound writer has the same `d` at rest (even) and while it copies (odd); an inverted one has
//! `c` at rest (odd) and `c + 2` while it copies (even). Both show 2 more for the instant between the last addition to the
//! sequence and the one to the count. Nobody becomes inverted but by taking over from one that died mid-write.
//!
//! So a writer is sound for good once it is seen at even with the `d` that its sound predecessor had at rest, or with 0: on
//! a channel where nobody died mid-write that is what all have, and `c + 2` is never 0. Where neither is known, the `d` of
//! whole messages is learnt: the least one seen, once an odd sequence was among the looks, or so many messages that a writer
//! which copies at even would have been seen at odd between them.

use super::signalling::Writer;

/// Messages after which a `d` is believed though no odd sequence was seen. A writer that copies all the time is at odd in
/// every second look, one that does not is hardly ever at even.
const ENOUGH: u32 = 16;

/// Which `d` whole messages have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parity {
    /// Any: the writer is sound.
    Any,
    /// 0, until more is known.
    Zero,
    /// This one, or 0.
    Only(u32),
}

impl Parity {
    /// As one word, for the readers.
    pub(crate) fn to_word(self) -> u64 {
        match self {
            Parity::Any => 0,
            Parity::Zero => 1 << 32,
            Parity::Only(d) => 1 << 32 | u64::from(d),
        }
    }

    /// The word to go by for the messages of a writer that was not looked at yet.
    pub(crate) const STRANGER: u64 = 1 << 32;

    /// Whether a word of [`Parity::to_word`] leaves nothing to check.
    #[inline]
    pub(crate) fn is_any(word: u64) -> bool {
        word == 0
    }

    /// Whether a message with this `d` is whole, for a word of [`Parity::to_word`].
    pub(crate) fn allows(word: u64, d: u32) -> bool {
        Parity::is_any(word) || d == 0 || d == word as u32
    }
}

/// `d` of a sequence and the count of writes read after it.
pub(crate) fn difference(sequence: u32, writes: u64) -> u32 {
    (sequence & !1).wrapping_sub((writes as u32).wrapping_mul(2))
}

/// What was seen of a channel's writers.
#[derive(Debug)]
pub(crate) struct Doubt {
    writer: Writer,
    /// The writer is sound.
    sound: bool,
    /// `d` of the newest whole message of a sound writer.
    rest: Option<u32>,
    /// The pair at the last look.
    last: Option<(u32, u64)>,
    /// What one in doubt left there, as one of ours came: it may be half a message.
    left: Option<(u32, u64)>,
    /// Of a writer in doubt: the least `d`, whether it was seen at odd, and messages seen with that `d`.
    least: Option<u32>,
    odd: bool,
    messages: u32,
}

impl Doubt {
    /// Begins with a channel of which nothing was seen.
    pub(crate) fn new(writer: Writer) -> Self {
        Doubt { writer, sound: false, rest: None, last: None, left: None, least: None, odd: false, messages: 0 }
    }

    /// One look, at most one a tick, at a sequence and the count of writes while it stood.
    pub(crate) fn look(&mut self, writer: Writer, ours: bool, pair: Option<(u32, u64)>) -> Parity {
        if writer != self.writer {
            // A death takes some ticks to prove, so what was there at the last look is what it left.
            let left = if self.sound { None } else { self.last };
            *self = Doubt { rest: self.rest, last: self.last, left, ..Doubt::new(writer) };
        }
        let ours = ours && (self.left.is_none() || pair.is_some() && pair != self.left);
        self.sound |= ours; // writers of ours repair parity
        // At rest there it is held up in a copy, or dead: whoever comes next is in doubt, and may write before the next look.
        let stuck = pair.is_some_and(|(sequence, _)| sequence & 1 == 1) && self.last == pair;
        if let Some((sequence, writes)) = pair {
            let d = difference(sequence, writes);
            if sequence & 1 == 1 {
                self.sound &= !stuck;
                self.odd = true;
            } else {
                self.sound |= d == 0 || self.rest == Some(d);
            }
            if self.sound && sequence & 1 == 0 {
                self.rest = Some(d);
            } else if !self.sound {
                self.learn(d, sequence & 1 == 0 && self.last != pair);
            }
            self.last = pair;
        }
        self.sound |= ours && !stuck;
        self.verdict()
    }

    /// Whose messages they say it of.
    pub(crate) fn writer(&self) -> Writer {
        self.writer
    }

    /// What the looks so far say.
    pub(crate) fn verdict(&self) -> Parity {
        match (self.sound, self.rest, self.least) {
            (true, _, _) => Parity::Any,
            (false, _, Some(least)) if self.odd || self.messages >= ENOUGH => Parity::Only(least),
            (false, Some(rest), _) => Parity::Only(rest),
            _ => Parity::Zero,
        }
    }

    fn learn(&mut self, d: u32, message: bool) {
        if self.least.is_none_or(|least| (d.wrapping_sub(least) as i32) < 0) {
            self.least = Some(d);
            self.messages = 0;
        }
        self.messages = self.messages.saturating_add(u32::from(message && self.least == Some(d)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASED: Writer = (1, 1);

    fn allows(parity: Parity, sequence: u32, writes: u64) -> bool {
        Parity::allows(parity.to_word(), difference(sequence, writes))
    }

    #[test]
    fn who_follows_a_writer_of_ours_that_died_at_odd_is_in_doubt_before_it_is_seen() {
        let mut doubt = Doubt::new((1, 1));
        assert_eq!(doubt.look((1, 1), true, Some((10, 5))), Parity::Any);
        assert_eq!(doubt.look((1, 1), true, Some((11, 5))), Parity::Any, "it copies");
        let parity = doubt.look((1, 1), true, Some((11, 5)));
        assert!(!allows(parity, 12, 5), "a released successor copies");
        assert!(allows(parity, 12, 6), "the writer was only held up");
        assert_eq!(doubt.look((2, 1), true, Some((14, 6))), Parity::Any, "one of ours has repaired it");
    }

    #[test]
    fn a_channel_without_history_is_believed_at_once() {
        let parity = Doubt::new(RELEASED).verdict();
        assert!(allows(parity, 10, 5) && allows(parity, 2, 1));
        assert!(!allows(parity, 12, 5), "the count follows in an instant");
        assert!(allows(parity, 0, 1 << 31), "both wrap");
        assert_eq!(Doubt::new(RELEASED).look(RELEASED, false, Some((8, 4))), Parity::Any);
    }

    #[test]
    fn an_inverted_writer_is_never_believed() {
        for known in [true, false] {
            for odd_first in [true, false] {
                let mut doubt = Doubt::new(RELEASED);
                if known {
                    assert_eq!(doubt.look(RELEASED, false, Some((8, 4))), Parity::Any);
                    doubt.look(RELEASED, false, Some((9, 4)));
                }
                // Died in its fifth write; the successor rests at 9 + 2i with 4 + i writes, and copies at 10 + 2i.
                for i in 0..200 {
                    let (even, writes) = (10 + 2 * i, 4 + u64::from(i));
                    let now = if odd_first == (i % 3 == 0) { even - 1 } else { even };
                    let parity = doubt.look((2, 2), false, Some((now, writes)));
                    assert!(!allows(parity, even, writes), "{known} {odd_first} {i}");
                }
            }
        }
    }

    #[test]
    fn a_copy_that_is_held_up_for_long_is_no_message() {
        let mut doubt = Doubt::new(RELEASED);
        for _ in 0..1000 {
            assert_eq!(doubt.look(RELEASED, false, Some((2, 0))), Parity::Zero);
        }
        assert!(!allows(doubt.look(RELEASED, false, Some((4, 1))), 4, 1));
    }

    #[test]
    fn a_sound_writer_after_a_repair_is_learnt() {
        let mut doubt = Doubt::new(RELEASED);
        let looks = (0..100).position(|i| allows(doubt.look(RELEASED, false, Some((12 + 2 * i, 5 + u64::from(i)))), 14, 6));
        assert_eq!(looks, Some(ENOUGH as usize - 1), "by its messages");
        let mut doubt = Doubt::new(RELEASED);
        assert!(allows(doubt.look(RELEASED, false, Some((13, 5))), 14, 6), "by an odd sequence");
    }

    #[test]
    fn the_successor_of_one_that_died_before_it_counted_is_believed_at_once() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, false, Some((2, 1)));
        doubt.look(RELEASED, false, Some((4, 1)));
        assert_eq!(doubt.look((2, 1), false, Some((6, 2))), Parity::Any);
    }

    #[test]
    fn counters_that_somebody_changes_do_not_matter_once_a_writer_is_known() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, false, Some((2, 1)));
        for garbage in [0, 5, u64::MAX] {
            assert_eq!(doubt.look(RELEASED, false, Some((4, garbage))), Parity::Any);
        }
    }

    #[test]
    fn a_writer_that_is_held_up_in_a_copy_is_believed_again_when_it_goes_on() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, false, Some((6, 2)));
        doubt.look(RELEASED, true, Some((8, 3))); // 2 at rest
        for _ in 0..5 {
            doubt.look(RELEASED, false, Some((9, 3)));
        }
        assert_eq!(doubt.look(RELEASED, false, Some((9, 3))), Parity::Only(2));
        assert_eq!(doubt.look(RELEASED, false, Some((10, 4))), Parity::Any);
    }

    #[test]
    fn what_a_writer_in_doubt_left_is_not_believed_as_one_of_ours_comes() {
        let mut doubt = Doubt::new((1, 1));
        doubt.look((1, 1), true, Some((10, 5)));
        doubt.look((1, 1), true, Some((11, 5))); // died in its sixth
        assert!(!allows(doubt.look((2, 2), false, Some((12, 5))), 12, 5), "a released successor died as it copied");
        for _ in 0..3 {
            assert!(!allows(doubt.look((3, 3), true, Some((12, 5))), 12, 5), "one of ours is there and has not written");
        }
        assert_eq!(doubt.look((3, 3), true, Some((14, 6))), Parity::Any, "now it has");
    }

    #[test]
    fn ours_needs_no_learning() {
        let mut doubt = Doubt::new(RELEASED);
        doubt.look(RELEASED, false, Some((13, 5)));
        assert_eq!(doubt.look((2, 1), true, Some((12, 5))), Parity::Any);
    }
}
