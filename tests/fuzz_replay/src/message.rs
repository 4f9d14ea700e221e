//! Messages that can be told from any other bytes, and from each other.

use std::collections::HashSet;

/// Bytes a message needs to carry its number.
const NUMBERED: usize = 8;

fn byte(number: u32, at: usize) -> u8 {
    (number.wrapping_mul(0x9E37_79B9) >> 13) as u8 ^ (at.wrapping_mul(7) + at / 251) as u8
}

/// Fills `message` as the one with this number.
pub fn fill(message: &mut [u8], number: u32) {
    for (at, to) in message.iter_mut().enumerate() {
        *to = byte(number, at);
    }
    if message.len() >= NUMBERED {
        message[..4].copy_from_slice(&number.to_le_bytes());
        let size = message.len() as u32;
        message[4..NUMBERED].copy_from_slice(&size.to_le_bytes());
    }
}

/// What one reader has read so far.
#[derive(Debug, Default)]
pub struct Read(HashSet<u32>);

impl Read {
    /// Checks that `message` is whole, was written as it is, and is new to this reader.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(&mut self, message: &[u8], written: u32) {
        if message.len() < NUMBERED {
            return;
        }
        let number = u32::from_le_bytes(message[..4].try_into().expect("four bytes"));
        let mut expected = vec![0; message.len()];
        fill(&mut expected, number);
        assert!(number < written && message == expected, "message {number} of {} bytes is none", message.len());
        assert!(self.0.insert(number), "message {number} came twice");
    }
}
