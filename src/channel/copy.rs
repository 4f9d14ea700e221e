//! The copy kernel: bytes between a caller's buffer and the shared words of a message.
//!
//! Shared bytes may change under a reader's copy; the sequence lock then throws the copy away. Word by word with relaxed
//! atomics that is a data race nowhere. For larger messages on x86-64 the same accesses are made by one string
//! instruction, which the compiler cannot see into: a sequence of relaxed byte accesses. Its stores may become visible out
//! of order among themselves, but not after a store that follows (Intel SDM vol. 3, "Fast-String Operation and
//! Out-of-Order Stores").

use crate::sync::{AtomicU64, Ordering::Relaxed};
use std::mem::MaybeUninit;

/// From here on the string instruction beats the word loop; its start-up costs about this much copying.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const STRING_FROM: usize = 1024;

/// Copies `source` into the words; the last word is padded with zeroes. The caller holds the sequence lock.
#[inline]
pub(crate) fn into_shared(source: &[MaybeUninit<u8>], words: &[AtomicU64]) {
    assert!(source.len() <= words.len() * 8);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if source.len() >= STRING_FROM {
        // SAFETY: both ranges are `source.len()` bytes long (asserted) and do not overlap: the words lie in a mapping of
        // the library's own. The destination is atomic memory, which may be written through a shared reference.
        unsafe { string_copy(source.as_ptr().cast(), words.as_ptr().cast_mut().cast(), source.len()) };
        return;
    }
    let (chunks, rest) = source.as_chunks::<8>();
    for (word, chunk) in words.iter().zip(chunks) {
        // SAFETY: the caller says these bytes are the message; a C caller's padding is opaque to the compiler here.
        word.store(u64::from_ne_bytes(unsafe { std::mem::transmute::<[MaybeUninit<u8>; 8], [u8; 8]>(*chunk) }), Relaxed);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            // SAFETY: as above.
            *to = unsafe { from.assume_init() };
        }
        words[chunks.len()].store(u64::from_ne_bytes(last), Relaxed);
    }
}

/// Copies the first `target.len()` bytes of the words out. What arrives is sound only if the sequence did not move.
#[inline]
pub(crate) fn out_of_shared(words: &[AtomicU64], target: &mut [MaybeUninit<u8>]) {
    assert!(target.len() <= words.len() * 8);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if target.len() >= STRING_FROM {
        // SAFETY: as in into_shared, the other way round.
        unsafe { string_copy(words.as_ptr().cast(), target.as_mut_ptr().cast(), target.len()) };
        return;
    }
    let (chunks, rest) = target.as_chunks_mut::<8>();
    let whole = chunks.len();
    for (chunk, word) in chunks.iter_mut().zip(words) {
        *chunk = word.load(Relaxed).to_ne_bytes().map(MaybeUninit::new);
    }
    if !rest.is_empty() {
        let last = words[whole].load(Relaxed).to_ne_bytes();
        for (to, from) in rest.iter_mut().zip(last) {
            to.write(from);
        }
    }
}

/// `rep movsb`.
///
/// # Safety
/// Both ranges are valid for `length` bytes and do not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn string_copy(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: the caller's promise; the direction flag is clear by the ABI.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") length => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_alignment_comes_back_whole() {
        let longest = if cfg!(miri) { 40 } else { 1200 };
        let words: Vec<AtomicU64> = (0..160).map(|_| AtomicU64::new(0)).collect();
        let source: Vec<_> = (0..longest + 8).map(|i| MaybeUninit::new((i * 7 + 1) as u8)).collect();
        for length in 0..=longest {
            for shift in 0..8 {
                for word in &words {
                    word.store(u64::MAX, Relaxed);
                }
                let message = &source[shift..shift + length];
                into_shared(message, &words);
                assert_eq!(words[length.div_ceil(8)].load(Relaxed), u64::MAX, "wrote past the last word");
                let mut back = vec![MaybeUninit::new(0xEE_u8); longest + 16];
                out_of_shared(&words, &mut back[shift..shift + length]);
                for (i, byte) in back.iter().enumerate() {
                    let want = if (shift..shift + length).contains(&i) { (i * 7 + 1) as u8 } else { 0xEE };
                    // SAFETY: initialised above.
                    assert_eq!(unsafe { byte.assume_init() }, want, "length {length} shift {shift} at {i}");
                }
            }
        }
    }
}
