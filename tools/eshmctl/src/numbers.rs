//! Numbers on the command line.

/// The limit of a capacity, 1 GiB.
const LARGEST: usize = 1 << 30;

/// So many things, as people write it: `1 segment`, `2 segments`.
pub fn count(number: impl Into<u64>, thing: &str) -> String {
    match number.into() {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

/// So many a second, in few digits: `9999`, `123k`, `1.23M`.
pub fn rate(rate: f64) -> String {
    match rate {
        rate if rate >= 999_500.0 => format!("{:.2}M", rate / 1e6),
        rate if rate >= 9_999.5 => format!("{:.0}k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}

/// A rate or factor: positive, and neither so small nor so large that times beyond all clocks come
/// of it.
pub fn factor(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number")?;
    if (1e-6..=1e6).contains(&value) {
        Ok(value)
    } else {
        Err("not between 0.000001 and 1000000".to_owned())
    }
}

/// Bytes of the largest message.
pub fn capacity(text: &str) -> Result<usize, String> {
    let wrong = || format!("not a number of bytes between 1 and {LARGEST}");
    text.parse().ok().filter(|bytes| (1..=LARGEST).contains(bytes)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_several() {
        assert_eq!(
            [0_u64, 1, 2].map(|number| count(number, "trip")),
            ["0 trips", "1 trip", "2 trips"]
        );
    }

    #[test]
    fn a_rate_has_no_digit_more_by_rounding() {
        let rates = [0.4, 9_999.4, 9_999.6, 123_456.0, 999_499.0, 999_999.4, 1_234_567.0, 4.2e9];
        assert_eq!(
            rates.map(rate),
            ["0", "9999", "10k", "123k", "999k", "1.00M", "1.23M", "4200.00M"]
        );
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_the_range() {
        assert_eq!((factor("1000"), capacity("1073741824")), (Ok(1000.0), Ok(1 << 30)));
        for text in ["0", "-1", "nan", "inf", "1e300", "x"] {
            assert!(factor(text).is_err() && capacity(text).is_err());
        }
        assert!(capacity("1073741825").is_err_and(|why| why.contains("between 1 and 1073741824")));
        assert!(factor("1e-7").is_err_and(|why| why.contains("between 0.000001 and 1000000")));
    }
}
