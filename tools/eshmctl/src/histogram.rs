//! Times and what is said of them: percentiles, and a histogram for the terminal. `chart` draws the
//! same as SVG.

use crate::{
    chart::{self, Bar},
    numbers,
};
use hdrhistogram::Histogram;
use std::fmt::Write;

/// Times in nanoseconds, each kept to three digits: a run of any length takes the same memory.
#[derive(Debug)]
pub struct Times {
    counts: Histogram<u64>,
    max: u64,
}

/// The percentiles that are printed.
pub const PERCENTILES: [(&str, f64); 4] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// The longest time that is told apart, an hour: `ping` gives up long before.
const LONGEST: u64 = 3_600_000_000_000;
/// Digits of a time.
const DIGITS: u8 = 3;
/// Edges of bars within a power of ten.
const STEPS: [u64; 4] = [1, 2, 3, 5];

impl Times {
    /// None yet.
    pub fn new() -> Times {
        let counts = Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("valid bounds");
        Times { counts, max: 0 }
    }

    /// Adds one.
    pub fn add(&mut self, nanoseconds: u64) {
        self.counts.saturating_record(nanoseconds);
        self.max = self.max.max(nanoseconds);
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.counts.len()
    }

    /// The time that this share of all stays within; 0 without any.
    pub fn percentile(&self, share: f64) -> u64 {
        self.counts.value_at_quantile(share).min(self.max)
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Counts between 1, 2, 3 and 5 times each power of ten, from the first bar that is not empty
    /// to the last.
    pub fn bars(&self) -> Vec<Bar> {
        let edges: Vec<u64> =
            (0..13).flat_map(|power| STEPS.map(|step| step * 10_u64.pow(power))).collect();
        let mut bars: Vec<Bar> =
            edges.windows(2).map(|edge| Bar { from: edge[0], to: edge[1], count: 0 }).collect();
        for value in self.counts.iter_recorded() {
            let at = bars.partition_point(|bar| bar.to <= value.value_iterated_to());
            let at = at.min(bars.len() - 1);
            bars[at].count += value.count_at_value();
        }
        let first = bars.iter().position(|bar| bar.count > 0).unwrap_or(0);
        let end = bars.iter().rposition(|bar| bar.count > 0).map_or(0, |last| last + 1);
        bars[first..end].to_vec()
    }

    /// A histogram of at most `width` columns, 20 or more; a narrow one shows the lower edges
    /// alone.
    pub fn for_terminal(&self, width: usize) -> String {
        let bars = self.bars();
        let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
        let is_narrow = width < 50;
        let room = width.saturating_sub(if is_narrow { 19 } else { 31 }).max(1) as u64;
        let mut text = String::new();
        for Bar { from, to, count } in bars {
            // Rounded up, so that a single one shows.
            let length = (count * room).div_ceil(most) as usize;
            let upper = if is_narrow { String::new() } else { format!(".. {:>8} ", time(to)) };
            let _ = writeln!(text, "{:>8} {upper}{count:>9} {}", time(from), "#".repeat(length));
        }
        text
    }

    /// The same as a picture.
    pub fn as_svg(&self, title: &str) -> String {
        let shown =
            PERCENTILES.map(|(name, share)| format!("{name} {}", time(self.percentile(share))));
        let summary = format!(
            "{}; {}; max {}",
            numbers::count(self.len(), "round trip"),
            shown.join(", "),
            time(self.max)
        );
        chart::svg(title, &summary, &self.bars())
    }
}

/// A time for people.
pub fn time(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} us", nanoseconds as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanoseconds as f64 / 1e6),
        _ => format!("{:.1} s", nanoseconds as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(of: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::new();
        of.into_iter().for_each(|time| times.add(time));
        times
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times = times((1..=1000).rev());
        assert_eq!([0.5, 0.99, 0.999].map(|share| times.percentile(share)), [500, 990, 999]);
        assert_eq!((times.percentile(1.0), times.max(), times.len()), (1000, 1000, 1000));
        assert_eq!((Times::new().percentile(0.5), Times::new().max()), (0, 0));
    }

    #[test]
    fn a_percentile_is_right_to_three_digits_and_never_above_the_longest() {
        let times = times([123_456_789, 123_456_790, 987_654_321_987]);
        assert!(times.percentile(0.5).abs_diff(123_456_789) < 123_457, "{}", times.percentile(0.5));
        assert_eq!((times.percentile(1.0), times.max()), (987_654_321_987, 987_654_321_987));
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times_to_three_digits() {
        for (seed, count) in [(1_u64, 1_usize), (2, 10), (3, 999), (4, 50_021)] {
            let mut state = seed;
            let mut raw: Vec<u64> = (0..count)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let share = (state >> 11) as f64 / (1_u64 << 53) as f64;
                    2_f64.powf(9.0 + share * 24.0) as u64 // 0.5 us to 8 s
                })
                .collect();
            let times = times(raw.iter().copied());
            raw.sort_unstable();
            for (name, share) in PERCENTILES {
                let rank = (share * count as f64).ceil() as usize;
                let (exact, kept) = (raw[rank.max(1) - 1], times.percentile(share));
                assert!(kept.abs_diff(exact) <= exact / 1000, "{name} of {count}: {kept}, {exact}");
            }
            assert_eq!(times.max(), raw[count - 1]);
        }
    }

    #[test]
    fn every_time_is_in_one_bar() {
        let times = times([0, 1, 999, 1000, 1001, 2999, 3000, 5_000_000, u64::MAX]);
        assert_eq!(times.bars().iter().map(|bar| bar.count).sum::<u64>(), times.len());
        for width in [20, 40, 49, 50, 60, 80, 200] {
            let shown = times.for_terminal(width);
            assert_eq!(shown.lines().count(), times.bars().len());
            assert!(shown.lines().all(|line| line.len() <= width), "{width}:\n{shown}");
            assert!(shown.lines().any(|line| line.len() == width), "{width} are used:\n{shown}");
        }
        assert!(Times::new().bars().is_empty() && Times::new().for_terminal(80).is_empty());
    }
}
