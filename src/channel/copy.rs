//! The copy kernel: bytes between a caller's buffer and the shared bytes of a message.
//!
//! Shared bytes may change under a reader's copy; the sequence lock then throws the copy away. Word by word with relaxed
//! atomics that is a data race nowhere; it is what miri runs, and what other processors than x86-64 do.
//!
//! On x86-64 the same accesses are made by assembly, which the compiler cannot see into: a sequence of relaxed accesses to
//! bytes, in pieces of at most 16, each byte at least once and no byte outside. The hardware orders them as any other loads
//! and stores, and the stores of a string instruction, though out of order among themselves, come before a store that
//! follows it (Intel SDM vol. 3, "Fast-String Operation and Out-of-Order Stores").

use crate::sync::AtomicU64;
#[cfg(any(test, not(target_arch = "x86_64"), miri, loom))]
use crate::sync::Ordering::Relaxed;
use std::mem::MaybeUninit;

/// Copies `source` into the words. The caller holds the sequence lock.
///
/// # Safety
/// `source` is no longer than the words.
#[inline(always)]
pub(crate) unsafe fn into_shared(source: &[MaybeUninit<u8>], words: &[AtomicU64]) {
    debug_assert!(source.len() <= words.len() * 8);
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    // SAFETY: the caller's promise about the length; the ranges do not overlap, as the words lie in a mapping of the
    // library's own. They are atomic memory, which may be written through a shared reference.
    unsafe {
        x86_64::copy(source.as_ptr().cast(), words.as_ptr().cast_mut().cast(), source.len())
    };
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
    words_in(source, words);
}

/// Copies the first `target.len()` bytes of the words out. What arrives is sound only if the sequence did not move.
///
/// # Safety
/// `target` is no longer than the words.
#[inline(always)]
pub(crate) unsafe fn out_of_shared(words: &[AtomicU64], target: &mut [MaybeUninit<u8>]) {
    debug_assert!(target.len() <= words.len() * 8);
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    // SAFETY: as in into_shared, the other way round.
    unsafe {
        x86_64::copy(words.as_ptr().cast(), target.as_mut_ptr().cast(), target.len())
    };
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
    words_out(words, target);
}

/// Tells the processor that these words are about to be written, so that it fetches their cache lines.
pub(crate) fn fetch_for_writing(words: &[AtomicU64]) {
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    for line in words.chunks(8) {
        // SAFETY: a hint that changes nothing; processors without it take it for a no-op (Intel SDM vol. 2, PREFETCHW).
        unsafe { std::arch::asm!("prefetchw [{}]", in(reg) line.as_ptr(), options(nostack, preserves_flags)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
    let _ = words;
}

/// [`into_shared`] word by word; the last word is padded with zeroes.
#[cfg(any(test, not(target_arch = "x86_64"), miri, loom))]
fn words_in(source: &[MaybeUninit<u8>], words: &[AtomicU64]) {
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

/// [`out_of_shared`] word by word.
#[cfg(any(test, not(target_arch = "x86_64"), miri, loom))]
fn words_out(words: &[AtomicU64], target: &mut [MaybeUninit<u8>]) {
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

#[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
mod x86_64 {
    use std::arch::asm;

    /// From here on the string instruction beats the loop of 16-byte moves; its start costs about this much copying.
    const STRING_FROM: usize = 1400;
    /// From here on it pays to align the stores: the message lies 8 bytes into its cache line, and every fourth store of 16
    /// bytes would touch two lines.
    const ALIGN_FROM: usize = 128;

    /// Copies `length` bytes.
    ///
    /// # Safety
    /// Both ranges are valid for `length` bytes and do not overlap.
    #[inline(always)]
    pub(super) unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
        // SAFETY: the caller's promise, for each piece below: it lies within `length` bytes.
        unsafe {
            if length >= STRING_FROM {
                string(from, to, length);
            } else if length >= 16 {
                // Whole pieces, and one that ends with the last byte.
                pieces(from, to, length);
            } else {
                short(from, to, length);
            }
        }
    }

    /// # Safety
    /// As for [`copy`].
    #[inline(always)]
    unsafe fn string(from: *const u8, to: *mut u8, length: usize) {
        // SAFETY: the caller's promise; the direction flag is clear by the ABI.
        unsafe {
            asm!("rep movsb", inout("rcx") length => _, inout("rsi") from => _, inout("rdi") to => _,
                options(nostack, preserves_flags));
        }
    }

    /// # Safety
    /// As for [`copy`], and `length` is at least 16.
    #[inline(always)]
    unsafe fn pieces(from: *const u8, to: *mut u8, length: usize) {
        let mut at = 0;
        // SAFETY: `at + 16 <= length` for each piece; SSE2 is part of x86-64.
        unsafe {
            if length >= ALIGN_FROM {
                piece(from, to, 0);
                at = 16 - to as usize % 16;
            }
            while at + 64 <= length {
                asm!(
                    "movups {a}, [{from} + {at}]",
                    "movups {b}, [{from} + {at} + 16]",
                    "movups {c}, [{from} + {at} + 32]",
                    "movups {d}, [{from} + {at} + 48]",
                    "movups [{to} + {at}], {a}",
                    "movups [{to} + {at} + 16], {b}",
                    "movups [{to} + {at} + 32], {c}",
                    "movups [{to} + {at} + 48], {d}",
                    from = in(reg) from, to = in(reg) to, at = in(reg) at,
                    a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                    options(nostack, preserves_flags)
                );
                at += 64;
            }
            while at + 16 <= length {
                piece(from, to, at);
                at += 16;
            }
            if at < length {
                piece(from, to, length - 16);
            }
        }
    }

    /// # Safety
    /// Both ranges are valid for the 16 bytes from `at` on.
    #[inline(always)]
    unsafe fn piece(from: *const u8, to: *mut u8, at: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            asm!("movups {a}, [{from} + {at}]", "movups [{to} + {at}], {a}",
                from = in(reg) from, to = in(reg) to, at = in(reg) at, a = out(xmm_reg) _,
                options(nostack, preserves_flags));
        }
    }

    /// # Safety
    /// As for [`copy`], and `length` is less than 16.
    #[inline(always)]
    unsafe fn short(from: *const u8, to: *mut u8, length: usize) {
        /// Two moves of half the size or more, which overlap in the middle.
        macro_rules! ends {
            ($bytes:literal, $register:ident, $form:literal, $size:literal) => {
                asm!(
                    concat!("mov {a:", $form, "}, ", $size, " ptr [{from}]"),
                    concat!("mov {b:", $form, "}, ", $size, " ptr [{from} + {length} - ", $bytes, "]"),
                    concat!("mov ", $size, " ptr [{to}], {a:", $form, "}"),
                    concat!("mov ", $size, " ptr [{to} + {length} - ", $bytes, "], {b:", $form, "}"),
                    from = in(reg) from, to = in(reg) to, length = in(reg) length,
                    a = out($register) _, b = out($register) _,
                    options(nostack, preserves_flags)
                )
            };
        }
        // SAFETY: the caller's promise: each form is used for lengths of its own size at least.
        unsafe {
            match length {
                8.. => ends!("8", reg, "r", "qword"),
                4.. => ends!("4", reg, "e", "dword"),
                2.. => ends!("2", reg, "x", "word"),
                1 => asm!("mov {a}, byte ptr [{from}]", "mov byte ptr [{to}], {a}",
                    from = in(reg) from, to = in(reg) to, a = out(reg_byte) _, options(nostack, preserves_flags)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = if cfg!(miri) { 40 } else { 4096 };

    fn byte(i: usize) -> u8 {
        (i * 7 + i / 251 + 1) as u8
    }

    /// Every length up to a page, at every alignment of the caller's buffer, against the word loop.
    #[test]
    fn every_length_and_alignment_is_as_the_word_loop_does_it() {
        let words: Vec<AtomicU64> = (0..PAGE / 8 + 2).map(|_| AtomicU64::new(0)).collect();
        let plain: Vec<AtomicU64> = (0..PAGE / 8 + 2).map(|_| AtomicU64::new(0)).collect();
        let source: Vec<_> = (0..PAGE + 64).map(|i| MaybeUninit::new(byte(i))).collect();
        let (mut back, mut as_words) = (vec![MaybeUninit::new(0xEE_u8); PAGE + 80], vec![MaybeUninit::new(0_u8); PAGE]);
        let shifts = if cfg!(miri) { 0..8 } else { 0..17 };
        for length in 0..=PAGE {
            for shift in shifts.clone() {
                let message = &source[shift..shift + length];
                let last = length / 8;
                words[last].store(u64::MAX, Relaxed);
                words[last + 1].store(u64::MAX, Relaxed);
                // SAFETY: the words are longer than a page.
                unsafe { into_shared(message, &words) };
                words_in(message, &plain);
                let shown = |words: &[AtomicU64], i: usize| words[i / 8].load(Relaxed).to_ne_bytes()[i % 8];
                for i in (0..length).step_by(if length > 300 { 61 } else { 1 }).chain(length.checked_sub(1)) {
                    assert_eq!(shown(&words, i), shown(&plain, i), "length {length} shift {shift} at {i}");
                }
                assert_eq!(words[last + 1].load(Relaxed), u64::MAX, "length {length}: wrote past the last word");

                // SAFETY: as above.
                unsafe { out_of_shared(&words, &mut back[shift..shift + length]) };
                words_out(&words, &mut as_words[..length]);
                // SAFETY: all of both were initialised.
                unsafe {
                    assert_eq!(back[shift..shift + length].assume_init_ref(), as_words[..length].assume_init_ref());
                    assert_eq!(back[shift..shift + length].assume_init_ref(), message.assume_init_ref());
                    for outside in back[..shift].iter().chain(&back[shift + length..shift + length + 20]) {
                        assert_eq!(outside.assume_init(), 0xEE, "length {length} shift {shift}: wrote outside");
                    }
                }
                back[shift..shift + length].fill(MaybeUninit::new(0xEE));
            }
        }
    }
}
