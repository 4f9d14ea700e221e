//! Messages that show whether they are whole: every byte depends on the number, the acknowledgement and the size.
//!
//! The number holds who wrote it ([`author`]) and how many that one wrote before; the acknowledgement is the number that the
//! author had read last. So one message tells a reader that both directions work.

/// Bytes of number, acknowledgement and checksum. Shorter messages carry none of them, only bytes that fit together.
pub(crate) const HEADER: usize = 24;

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Too short for a number.
    Short,
    /// With its number and what its author had read last.
    Long { number: u64, ack: u64 },
}

/// The number of an author's `count`-th message.
pub(crate) fn number(author: u64, count: u64) -> u64 {
    author << 36 | count
}

/// Who wrote the message of this number.
pub(crate) fn author(number: u64) -> u64 {
    number >> 36
}

fn mix(value: u64) -> u64 {
    let mixed = (value ^ (value >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

fn checksum(number: u64, ack: u64, size: usize) -> u64 {
    mix(mix(mix(number) ^ ack) ^ size as u64)
}

/// Writes a message over the whole of `bytes`.
pub(crate) fn fill(bytes: &mut [u8], number: u64, ack: u64) {
    let size = bytes.len();
    if size < HEADER {
        let first = number as u8;
        return bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = short_byte(first, size, at));
    }
    let mut word = checksum(number, ack, size);
    bytes[..8].copy_from_slice(&number.to_ne_bytes());
    bytes[8..16].copy_from_slice(&ack.to_ne_bytes());
    bytes[16..HEADER].copy_from_slice(&word.to_ne_bytes());
    for chunk in bytes[HEADER..].chunks_mut(8) {
        word = mix(word.wrapping_add(0x1234_5678_9ABC_DEF1));
        chunk.copy_from_slice(&word.to_ne_bytes()[..chunk.len()]);
    }
}

fn short_byte(first: u8, size: usize, at: usize) -> u8 {
    if at == 0 { first } else { first.wrapping_mul(31).wrapping_add((size * 7 + at) as u8) }
}

/// What the message is; `None` for a mixture.
pub(crate) fn check(bytes: &[u8]) -> Option<Frame> {
    let size = bytes.len();
    if size < HEADER {
        let whole = bytes.iter().enumerate().all(|(at, &byte)| byte == short_byte(bytes[0], size, at));
        return whole.then_some(Frame::Short);
    }
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let (number, ack) = (word(0), word(8));
    let mut expected = vec![0; size];
    fill(&mut expected, number, ack);
    (expected == bytes).then_some(Frame::Long { number, ack })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_is_whole_and_tells_its_number() {
        for size in (0..200).chain([4095, 4096]) {
            let mut bytes = vec![0; size];
            fill(&mut bytes, number(7, 5), 9);
            let expected = if size < HEADER { Frame::Short } else { Frame::Long { number: number(7, 5), ack: 9 } };
            assert_eq!(check(&bytes), Some(expected), "{size} bytes");
            assert_eq!(author(number(7, 5)), 7);
        }
    }

    #[test]
    fn a_mixture_of_two_messages_shows() {
        for size in [2, 20, 24, 32, 61, 4096] {
            let (mut one, mut two) = (vec![0; size], vec![0; size]);
            fill(&mut one, number(1, 1), 3);
            fill(&mut two, number(1, 2), 4);
            for cut in 1..size {
                let mixed = [&one[..cut], &two[cut..]].concat();
                let whole = mixed == one || mixed == two; // where the two do not differ
                assert_eq!(check(&mixed).is_some(), whole, "{size} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn a_message_of_another_size_shows() {
        let mut bytes = vec![0; 64];
        fill(&mut bytes, 1, 2);
        assert_eq!(check(&bytes[..56]), None);
        assert_eq!(check(&[&bytes[..], &[0; 8]].concat()), None);
    }
}
