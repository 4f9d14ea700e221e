//! Messages whose every byte depends on their number, so that a mixture of two shows.

/// The word at `index` of message `number`.
fn word(number: u64, index: usize) -> u64 {
    let mixed = (number ^ ((index as u64) << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

/// Bytes of message `number`, between 16 and `largest`, different from one message to the next.
pub fn size(number: u64, largest: usize) -> usize {
    16 + (word(number, 1) as usize) % (largest - 15)
}

/// Fills `bytes` (at least 16) with message `number`: the number, then its size, then words made of both.
pub fn fill(bytes: &mut [u8], number: u64) {
    let size = bytes.len() as u64;
    bytes[..8].copy_from_slice(&number.to_ne_bytes());
    bytes[8..16].copy_from_slice(&size.to_ne_bytes());
    for (index, chunk) in bytes[16..].chunks_mut(8).enumerate() {
        let word = word(number ^ (size << 48), index).to_ne_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}

/// The number of an unharmed message; `None` for anything else.
pub fn number(bytes: &[u8]) -> Option<u64> {
    let number = u64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?);
    let mut expected = vec![0; bytes.len().max(16)];
    fill(&mut expected, number);
    (expected == bytes).then_some(number)
}

/// What a flat-out reader saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages read.
    pub reads: u64,
    /// Of these, mixtures.
    pub torn: u64,
    /// Of these, such as came again or in the wrong order.
    pub repeated: u64,
    last: Option<u64>,
}

impl Tally {
    /// Counts one message.
    pub fn add(&mut self, bytes: &[u8]) {
        self.reads += 1;
        match number(bytes) {
            None => self.torn += 1,
            Some(number) if self.last.is_some_and(|last| number <= last) => self.repeated += 1,
            Some(number) => self.last = Some(number),
        }
    }
}
