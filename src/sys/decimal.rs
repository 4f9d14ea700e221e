//! A double as decimal text, by the C library: the standard library's way would add 20 KiB.

use libc::c_char;

/// Room for any double of 17 digits.
pub(crate) type Text = [u8; 40];

/// The text of a finite number in `text`, which reads back as the same number; with a point or an exponent.
pub(crate) fn write(value: f64, text: &mut Text) -> &[u8] {
    let mut length = 0;
    for digits in [15, 16, 17] {
        // SAFETY: room for 17 digits, sign, point and exponent; NUL-terminated by the first call for the second.
        let again = unsafe {
            let at = text.as_mut_ptr().cast::<c_char>();
            length = libc::snprintf(at, size_of::<Text>(), c"%.*g".as_ptr(), digits as libc::c_int, value) as usize;
            libc::strtod(at, std::ptr::null_mut())
        };
        if again.to_bits() == value.to_bits() {
            break;
        }
    }
    length = length.min(size_of::<Text>() - 3);
    // The program's locale may have another point, even of several bytes.
    let (mut end, mut is_real) = (0, false);
    for at in 0..length {
        let byte = text[at];
        if matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'e') {
            is_real |= byte == b'e';
            text[end] = byte;
            end += 1;
        } else if !is_real {
            is_real = true;
            text[end] = b'.';
            end += 1;
        }
    }
    if !is_real {
        text[end..end + 2].copy_from_slice(b".0");
        end += 2;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_as_the_same() {
        let mut seed = 3u64;
        for round in 0..20_000 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let value = if round % 2 == 0 { f64::from_bits(seed) } else { (seed >> 20) as f64 / 1000.0 };
            if value.is_finite() {
                let mut text = [0; 40];
                let text = std::str::from_utf8(write(value, &mut text)).expect("ASCII");
                assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()), "{text}");
                assert!(text.contains(['.', 'e']), "{text}");
            }
        }
        for (value, text) in [(0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (23.5, "23.5"), (0.1, "0.1"), (1e300, "1e+300")] {
            assert_eq!(write(value, &mut [0; 40]), text.as_bytes());
        }
    }
}
