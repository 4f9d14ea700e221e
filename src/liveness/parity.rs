//! Whether an even sequence of a released writer means a whole message.
//!
//! A released writer adds 1 blindly: after a predecessor that died mid-write its sequence is odd at rest and even while it
//! copies. The sequence alone cannot tell; together with `write_count` it can. Let `d` be the sequence, rounded down to
//! even, less twice the count. A sound writer has the same `d` at rest (even) and while it copies (odd); an inverted one has
//! `c` at rest (odd) and `c + 2` while it copies (even). Both show 2 more for the instant between the last addition to the
//! sequence and the one to the count. Nobody becomes inverted but by taking over from one that died mid-write.
//!
//! So a writer is sound for good once it is seen at even with the `d` that its sound predecessor had at rest, or with 0: on
//! a channel where nobody died mid-write that is what all have, and `c + 2` is hardly ever 0. Where neither is known, the `d`
//! of whole messages is learnt: the least one seen, once two odd sequences were among the looks, or so many messages that a
//! writer which copies at even would have been seen at odd between them: see [`doubt`](super::doubt).
//!
//! `c + 2` is 0, or what the predecessor had, after a writer of ours that died between its addition to the count, which it
//! makes before its last one to the sequence, and that last one: an odd sequence with 2 less shows it, be it that one's or of a
//! released one that came in its place. Then neither is a mark of whole messages, until one of ours, which repairs parity, was
//! seen at even. Before the first look at a writer it is believed with 0 only if it does not follow one of ours.

/// Which `d` whole messages have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Parity {
    /// Any: the writer is sound.
    pub(super) any: bool,
    /// 0.
    pub(super) zero: bool,
    /// 0, of a writer that was not looked at yet.
    pub(super) stranger: bool,
    /// This one.
    pub(super) only: Option<u32>,
}

/// Of the words below: there is something to check; 0 does not do; nor does it for a stranger.
const DOUBTED: u64 = 1 << 32;
const NO_ZERO: u64 = 1 << 33;
const NO_STRANGER: u64 = 1 << 34;
/// No message's `d`: those are even.
const NONE: u64 = 1;

impl Parity {
    /// As one word, for the readers.
    pub(crate) fn to_word(self) -> u64 {
        let stranger = if self.stranger { 0 } else { NO_STRANGER };
        if self.any {
            return stranger;
        }
        let zero = if self.zero { 0 } else { NO_ZERO };
        stranger | DOUBTED | zero | self.only.map_or(NONE, u64::from)
    }

    /// The word to go by for the messages of a writer that was not looked at yet, from the last one's.
    pub(crate) fn of_stranger(word: u64) -> u64 {
        if word & NO_STRANGER == 0 { DOUBTED | NONE } else { DOUBTED | NO_ZERO | NONE }
    }

    /// Whether a word of [`Parity::to_word`] leaves nothing to check.
    #[inline]
    pub(crate) fn is_any(word: u64) -> bool {
        word & DOUBTED == 0
    }

    /// Whether a message with this `d` is whole, for a word of [`Parity::to_word`].
    pub(crate) fn allows(word: u64, d: u32) -> bool {
        Parity::is_any(word) || d == word as u32 || d == 0 && word & NO_ZERO == 0
    }
}

/// `d` of a sequence and the count of writes read after it.
pub(crate) fn difference(sequence: u32, writes: u64) -> u32 {
    (sequence & !1).wrapping_sub((writes as u32).wrapping_mul(2))
}
