//! REAL: the eight bytes of a double, and the older form of sign, exponent and mantissa.

use super::wire::signed;

/// The first byte of the form with a double's eight bytes.
pub(super) const DOUBLE: u8 = 0x03;

/// The value of an element's content.
pub(super) fn decode(content: &[u8]) -> Option<f64> {
    match *content {
        [] => Some(0.0),
        [DOUBLE, ref bits @ ..] => Some(f64::from_bits(u64::from_be_bytes(bits.try_into().ok()?))),
        [form, ref rest @ ..] if form & 0x80 != 0 => {
            let (exponent, mantissa) = rest.split_at_checked(usize::from(form & 3) + 1)?;
            let start = mantissa.iter().position(|&byte| byte != 0).unwrap_or(mantissa.len());
            let mantissa = &mantissa[start..];
            if mantissa.len() > 8 {
                return None;
            }
            let mantissa = mantissa.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
            let magnitude = scale(mantissa, signed(exponent)?);
            Some(if form & 0x40 == 0 { magnitude } else { -magnitude })
        }
        _ => None,
    }
}

/// `mantissa * 2^exponent`, rounded to the nearest, half to even; too large is infinite.
fn scale(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    // 64 bits with the highest set: the value is `top * 2^(place - 63)`.
    let zeros = mantissa.leading_zeros();
    let (top, place) = (mantissa << zeros, exponent + 63 - i64::from(zeros));
    if place > 1023 {
        return f64::INFINITY;
    }
    // A double keeps 53 of them, one less for each place that the value is below the smallest normal one.
    let dropped = 11 + (-1022 - place).max(0);
    if dropped > 64 {
        return 0.0;
    }
    let wide = u128::from(top) << 64 >> dropped; // the kept bits, then those dropped
    let (kept, rest) = ((wide >> 64) as u64, wide as u64);
    let half = 1 << 63;
    let rounded = kept + u64::from(rest > half || rest == half && kept & 1 == 1);
    // A carry out of the mantissa raises the exponent by itself, up to infinity and from below the normal ones too.
    let biased = (place + 1022).max(0) as u64; // without the one that the mantissa's top bit adds
    f64::from_bits((biased << 52) + rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form() {
        for (content, value) in [
            (&[0x80, 0, 1][..], 1.0),
            (&[0xC0, 0, 1], -1.0),
            (&[0x80, 0xFF, 47], 23.5),
            (&[0x81, 0x03, 0xFF, 1], 2f64.powi(1023)),
            (&[0x81, 0x04, 0x00, 1], f64::INFINITY),
            (&[0x82, 0xFF, 0xFB, 0xCE, 1], 5e-324),
            (&[0x82, 0xFF, 0xFB, 0xCD, 1], 0.0),    // half of the least is even at zero
            (&[0x82, 0xFF, 0xFB, 0xCD, 3], 1e-323), // one and a half of it, even at two
            (&[0x83, 0x80, 0, 0, 0, 1], 0.0),
            (&[0x83, 0x7F, 0xFF, 0xFF, 0xFF, 1], f64::INFINITY),
            (&[0x80, 0], 0.0),
            (&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], 5.0),
            (&[0x80, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 18446744073709551616.0),
        ] {
            assert_eq!(decode(content).map(f64::to_bits), Some(value.to_bits()), "{content:?}");
        }
        assert_eq!(decode(&[0xC0, 0]).map(f64::to_bits), Some((-0.0f64).to_bits()));
    }

    #[test]
    fn every_double_is_its_mantissa_and_exponent() {
        let mut seed = 1u64;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let bits = (seed ^ seed >> 29) & !(1 << 63);
            let (value, field) = (f64::from_bits(bits), (bits >> 52) as i64);
            if value.is_finite() {
                let (mantissa, exponent) = (bits & ((1 << 52) - 1) | u64::from(field != 0) << 52, field.max(1) - 1075);
                assert_eq!(scale(mantissa, exponent).to_bits(), bits);
                assert_eq!(scale(mantissa << 10, exponent - 10).to_bits(), bits);
            }
            // The processor rounds integers the same way.
            assert_eq!(scale(seed, 0), seed as f64);
        }
    }

    #[test]
    fn no_known_form() {
        let nine = [0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        for content in
            [&[0x03][..], &[0x03, 0, 0], &[0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0x40], &[0x00], &[0x80], &[0x83, 0, 0], &nine]
        {
            assert_eq!(decode(content), None, "{content:?}");
        }
    }
}
