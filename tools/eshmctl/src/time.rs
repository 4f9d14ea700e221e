//! Times on the command line: one form for every option that takes one.

use std::{ops::RangeInclusive, time::Duration};

/// What help says of the form; the option itself says which unit a bare number has.
pub const FORM: &str =
    "TIME: 3s, 300ms, 200us, 5min or 1h; a bare number has the unit that the option names.";
/// The name of such a value in help.
pub const VALUE: &str = "TIME";
const UNITS: [(&str, f64); 7] =
    [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("min", 60.0), ("h", 3600.0), ("s", 1.0), ("", 0.0)];
const YEAR: u64 = 31_536_000;

/// A time of which a bare number is seconds; at most a year.
pub fn seconds(text: &str) -> Result<Duration, String> {
    parse(text, 1.0, "seconds", &(Duration::from_micros(1)..=Duration::from_secs(YEAR)))
}

/// A time within so many milliseconds, which a bare number is.
pub fn milliseconds(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    let range = Duration::from_millis(*range.start())..=Duration::from_millis(*range.end());
    move |text| parse(text, 1e-3, "milliseconds", &range)
}

/// A time within so many microseconds, which a bare number is.
pub fn microseconds(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    let range = Duration::from_micros(*range.start())..=Duration::from_micros(*range.end());
    move |text| parse(text, 1e-6, "microseconds", &range)
}

fn parse(
    text: &str,
    bare: f64,
    unit: &str,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, String> {
    let (number, (_, factor)) = UNITS
        .iter()
        .find_map(|known| Some((text.strip_suffix(known.0)?, known)))
        .expect("every text ends in nothing");
    let number: f64 = number
        .trim_end()
        .parse()
        .map_err(|_| format!("not a time, such as 3s, 300ms or 200us; a bare number is {unit}"))?;
    let seconds = number * if *factor == 0.0 { bare } else { *factor };
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| range.contains(time));
    time.ok_or_else(|| format!("not between {} and {}", show(*range.start()), show(*range.end())))
}

/// It in the largest unit of which it has a whole number.
fn show(time: Duration) -> String {
    match time.as_micros() {
        _ if time.as_secs() == YEAR => "a year".to_owned(),
        micros if micros % 1_000_000 == 0 => format!("{}s", micros / 1_000_000),
        micros if micros % 1000 == 0 => format!("{}ms", micros / 1000),
        micros => format!("{micros}us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_and_none() {
        let whole = |text| milliseconds(0..=u64::from(u32::MAX))(text).map(|time| time.as_micros());
        for (text, micros) in [
            ("3", 3000),
            ("3s", 3_000_000),
            ("300ms", 300_000),
            ("0.5ms", 500),
            ("200us", 200),
            ("200 µs", 200),
            ("2min", 120_000_000),
            ("1h", 3_600_000_000),
        ] {
            assert_eq!(whole(text), Ok(micros), "{text}");
        }
        assert_eq!(seconds("0.3"), Ok(Duration::from_millis(300)));
        assert_eq!(seconds("31536000"), Ok(Duration::from_secs(YEAR)));
        assert_eq!(microseconds(1..=9)("7"), Ok(Duration::from_micros(7)));
    }

    #[test]
    fn what_is_none_is_told_the_form() {
        for text in ["", "s", "ms", "x", "3 seconds", "3m", "3ss", "1,5s", "s3"] {
            assert!(
                seconds(text).is_err_and(|why| why.contains("300ms") && why.contains("seconds")),
                "{text}"
            );
            assert!(
                microseconds(1..=9)(text).is_err_and(|why| why.contains("microseconds")),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        for text in ["0", "-1", "-1ms", "nan", "inf", "1e300", "1e300h", "31536001", "0.1us"] {
            assert_eq!(seconds(text), Err("not between 1us and a year".to_owned()), "{text}");
        }
        let within = milliseconds(50..=60_000);
        assert_eq!(
            (within("50"), within("1min")),
            (Ok(Duration::from_millis(50)), Ok(Duration::from_secs(60)))
        );
        for text in ["49", "60001", "49ms", "61s"] {
            assert_eq!(within(text), Err("not between 50ms and 60s".to_owned()), "{text}");
        }
    }
}
