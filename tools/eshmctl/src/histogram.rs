//! Times and what is said of them: percentiles, a histogram for the terminal, and one as SVG.

use std::fmt::Write;

/// Times in nanoseconds.
#[derive(Debug, Default)]
pub struct Times(Vec<u64>);

/// The percentiles that are printed.
pub const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// One bar: from, to (nanoseconds), how many.
type Bar = (u64, u64, usize);

/// Bars to a power of ten.
const STEPS: [f64; 4] = [1.0, 2.0, 3.0, 5.0];

impl Times {
    /// Takes measured times.
    pub fn of(mut times: Vec<u64>) -> Times {
        times.sort_unstable();
        Times(times)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of all stays within (nearest rank); 0 without any.
    pub fn percentile(&self, share: f64) -> u64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or(0)
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }

    /// Counts between 1, 2, 3 and 5 times each power of ten, from the first bar that is not empty to the last.
    fn bars(&self) -> Vec<Bar> {
        let edges: Vec<u64> = (0..11).flat_map(|power| STEPS.map(|step| (step * 10_f64.powi(power)) as u64)).collect();
        let at = |edge: u64| self.0.partition_point(|&time| time < edge);
        let bars = edges.windows(2).map(|edge| (edge[0], edge[1], at(edge[1]) - at(edge[0])));
        let bars: Vec<Bar> = bars.collect();
        let first = bars.iter().position(|bar| bar.2 > 0).unwrap_or(0);
        let last = bars.iter().rposition(|bar| bar.2 > 0).map_or(0, |last| last + 1);
        bars[first..last.max(first)].to_vec()
    }

    /// A histogram of at most `width` columns.
    pub fn for_terminal(&self, width: usize) -> String {
        let bars = self.bars();
        let most = bars.iter().map(|bar| bar.2).max().unwrap_or(1).max(1);
        let room = width.saturating_sub(32).max(8);
        let mut text = String::new();
        for (from, to, count) in bars {
            // Rounded up, so that a single one shows.
            let length = (count * room).div_ceil(most);
            let _ = writeln!(text, "{:>8} .. {:>8} {count:>9} {}", time(from), time(to), "#".repeat(length));
        }
        text
    }

    /// The same as a picture of its own, 640 by 400 units.
    pub fn as_svg(&self, title: &str) -> String {
        let bars = self.bars();
        let most = bars.iter().map(|bar| bar.2).max().unwrap_or(1).max(1) as f64;
        let step = 560.0 / bars.len().max(1) as f64;
        let mut svg = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"640\" height=\"400\" fill=\"white\"/>\n",
        );
        let title: String = title.chars().map(|c| if matches!(c, '<' | '>' | '&') { '_' } else { c }).collect();
        let _ = writeln!(svg, "<text x=\"40\" y=\"24\" font-size=\"14\">{title}</text>");
        for (i, (from, to, count)) in bars.iter().enumerate() {
            // Counts span decades too.
            let height = 280.0 * (1.0 + *count as f64).ln() / (1.0 + most).ln();
            let (x, y) = (40.0 + step * i as f64, 340.0 - height);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"#4878a8\">\
                 <title>{} to {}: {count}</title></rect>",
                step * 0.9,
                time(*from),
                time(*to),
            );
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"356\">{}</text>", time(*from));
        }
        let line: Vec<String> =
            PERCENTILES.iter().map(|(name, share)| format!("{name} {}", time(self.percentile(*share)))).collect();
        let _ = writeln!(
            svg,
            "<text x=\"40\" y=\"385\">{} round trips; {}; max {}</text>",
            self.len(),
            line.join(", "),
            time(self.max())
        );
        svg.push_str("</svg>\n");
        svg
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

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times = Times::of((1..=1000).rev().collect());
        assert_eq!([0.5, 0.99, 0.999].map(|share| times.percentile(share)), [500, 990, 999]);
        assert_eq!((times.percentile(1.0), times.max(), times.len()), (1000, 1000, 1000));
        assert_eq!((Times::default().percentile(0.5), Times::default().max()), (0, 0));
    }

    #[test]
    fn every_time_is_in_one_bar() {
        let times = Times::of(vec![1, 999, 1000, 1001, 2999, 3000, 5_000_000]);
        assert_eq!(times.bars().iter().map(|bar| bar.2).sum::<usize>(), times.len());
        assert!(times.for_terminal(80).lines().all(|line| line.len() <= 80));
        assert_eq!(times.as_svg("a<b").matches("<rect x").count(), times.bars().len());
        assert!(times.as_svg("a<b").contains("a_b"));
    }
}
