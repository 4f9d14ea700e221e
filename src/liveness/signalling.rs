//! Does the peer wake parked readers? Learnt from the counters it leaves: one that signals adds 1 to `wake_seq` for each
//! write.

/// What is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Signals {
    Unknown = 0,
    Yes = 1,
    No = 2,
}

/// Who writes: a new pid or generation may be another release.
pub(crate) type Writer = (i32, u32);

/// The counters when the comparison began.
#[derive(Debug)]
pub(crate) struct Signalling {
    writer: Writer,
    writes: u64,
    wakes: u32,
    verdict: Signals,
}

impl Signalling {
    /// Begins with the counters as they are.
    pub(crate) fn new(writer: Writer, writes: u64, wakes: u32) -> Self {
        Signalling { writer, writes, wakes, verdict: Signals::Unknown }
    }

    /// One look at the counters, `writes` read before `wakes`. Two writes are compared at least; one wake-up may still be
    /// on its way.
    pub(crate) fn look(&mut self, writer: Writer, writes: u64, wakes: u32) -> Signals {
        let written = writes.wrapping_sub(self.writes);
        if writer != self.writer || written > u64::MAX / 2 {
            *self = Signalling::new(writer, writes, wakes); // another writer, or a count that ran backwards
        } else if written >= 2 {
            let woken = u64::from(wakes.wrapping_sub(self.wakes));
            // Modulo 2^32: `wake_seq` is a word, and a flat-out writer is seen every four thousand writes.
            let verdict = if woken + 1 >= written & u64::from(u32::MAX) { Signals::Yes } else { Signals::No };
            *self = Signalling { writer, writes, wakes, verdict };
        }
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_adds_to_wake_seq_signals() {
        let mut s = Signalling::new((1, 1), 10, 3);
        assert_eq!(s.look((1, 1), 11, 4), Signals::Unknown);
        assert_eq!(s.look((1, 1), 12, 4), Signals::Yes, "one wake-up may lag");
        assert_eq!(s.look((1, 1), 4000, 3992), Signals::Yes);
    }

    #[test]
    fn a_writer_that_does_not_is_polled() {
        let mut s = Signalling::new((1, 1), 0, 0);
        assert_eq!(s.look((1, 1), 1, 0), Signals::Unknown);
        assert_eq!(s.look((1, 1), 2, 0), Signals::No);
        assert_eq!(s.look((1, 1), 3, 0), Signals::No);
    }

    #[test]
    fn a_new_writer_is_judged_anew() {
        let mut s = Signalling::new((1, 1), 0, 0);
        assert_eq!(s.look((1, 1), 5, 0), Signals::No);
        assert_eq!(s.look((2, 1), 5, 0), Signals::Unknown);
        assert_eq!(s.look((2, 1), 7, 2), Signals::Yes);
        assert_eq!(s.look((2, 2), 9, 2), Signals::Unknown);
        assert_eq!(s.look((2, 2), 0, 0), Signals::Unknown, "a count that ran backwards");
    }
}
