//! A histogram of times as SVG. Both axes are logarithmic: times span decades, and so do counts.

use crate::histogram::time;
use plotters::{
    chart::ChartBuilder,
    coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged},
    drawing::{DrawingAreaErrorKind, IntoDrawingArea},
    element::Rectangle,
    prelude::SVGBackend,
    style::{Color, IntoTextStyle, RGBColor, WHITE},
};
use std::ops::Range;

/// So many times from `from` nanoseconds up to `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    /// Its left edge.
    pub from: u64,
    /// Its right edge.
    pub to: u64,
    /// Its height.
    pub count: u64,
}

/// Units of the picture.
const SIZE: (u32, u32) = (800, 480);
/// More labels along the time axis would touch each other.
const LABELS: usize = 12;
/// The height at which a bar begins, below a count of one: on a logarithmic axis there is no zero.
const FLOOR: f64 = 0.5;
const BLUE: RGBColor = RGBColor(0x48, 0x78, 0xA8);

/// Draws bars, side by side and ordered, under a title and above a line that sums them up.
pub fn svg(title: &str, summary: &str, bars: &[Bar]) -> String {
    let mut svg = String::new();
    draw(&mut svg, title, summary, bars).expect("text takes all that is drawn");
    svg
}

type Problem = DrawingAreaErrorKind<std::io::Error>;

fn draw(svg: &mut String, title: &str, summary: &str, bars: &[Bar]) -> Result<(), Problem> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (from, to) =
        (bars.first().map_or(1, |bar| bar.from.max(1)), bars.last().map_or(10, |bar| bar.to));
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1);
    let across = (from as f64).log10()..(to as f64).log10();
    let up = FLOOR.log10()..(most as f64 * 1.5).max(2.0).log10();
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .margin_right(32)
        .margin_bottom(36)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(52)
        .y_label_area_size(72)
        .build_cartesian_2d(Decades(across), Decades(up))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE.mix(0.0))
        .x_desc("round trip (logarithmic)")
        .y_desc("round trips (logarithmic)")
        .label_style(("sans-serif", 12))
        .axis_desc_style(("sans-serif", 13))
        .x_label_formatter(&|&x| mark_of_time(10_f64.powf(x)))
        .y_label_formatter(&|&y| short(10_f64.powf(y)))
        .draw()?;
    chart.draw_series(bars.iter().filter(|bar| bar.count > 0).map(|bar| {
        let (left, right) = ((bar.from.max(1) as f64).log10(), (bar.to as f64).log10());
        let mut shape = Rectangle::new(
            [(left, FLOOR.log10()), (right, (bar.count as f64).log10())],
            BLUE.filled(),
        );
        // A gap between bars where there is room for one.
        let gap = if bars.len() <= 60 { 2 } else { 0 };
        shape.set_margin(0, 0, 0, gap);
        shape
    }))?;
    let style = ("sans-serif", 13).into_text_style(&area);
    area.draw_text(summary, &style, (88, SIZE.1 as i32 - 28))?;
    area.present()
}

/// An axis of decimal logarithms, marked at round values.
struct Decades(Range<f64>);

impl Ranged for Decades {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.0.start) / (self.0.end - self.0.start);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        marks(&self.0)
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

/// Logarithms of round values in a range: 1, 2 and 5 times each power of ten, or fewer where there
/// are many.
fn marks(range: &Range<f64>) -> Vec<f64> {
    const SLACK: f64 = 1e-9; // an end may be a round value itself
    let steps: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let of = |steps: &[f64]| -> Vec<f64> {
        let powers = range.start.floor() as i32..=range.end.ceil() as i32;
        let powers = powers.filter(|&power| power >= 0); // neither a time nor a count is a fraction
        let all = powers
            .flat_map(|power| steps.iter().map(move |step| (step * 10_f64.powi(power)).log10()));
        all.filter(|mark| (range.start - SLACK..=range.end + SLACK).contains(mark)).collect()
    };
    let fits = steps.iter().map(|steps| of(steps)).find(|marks| marks.len() <= LABELS);
    fits.unwrap_or_else(|| of(&[1.0]))
}

/// A round time, without a decimal that says nothing.
fn mark_of_time(nanoseconds: f64) -> String {
    time(nanoseconds.round() as u64).replace(".0 ", " ")
}

/// A round count.
fn short(count: f64) -> String {
    match count.round() {
        count if count >= 1e9 => format!("{}G", count / 1e9),
        count if count >= 1e6 => format!("{}M", count / 1e6),
        count if count >= 1e3 => format!("{}k", count / 1e3),
        count => format!("{count}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bars side by side, from 100 ns to 1 s.
    fn bars(count: u64) -> Vec<Bar> {
        let edge = |i: u64| (100.0 * 10_f64.powf(7.0 * i as f64 / count as f64)).round() as u64;
        (0..count)
            .map(|i| Bar { from: edge(i), to: edge(i + 1), count: 1 + i * i % 9973 })
            .collect()
    }

    /// What is written in a picture, in order.
    fn texts(svg: &str) -> Vec<&str> {
        svg.split("<text")
            .skip(1)
            .filter_map(|text| text.split_once('>')?.1.split('<').next())
            .map(str::trim)
            .collect()
    }

    #[test]
    fn both_axes_have_names_units_and_a_few_labels_at_any_number_of_bars() {
        for count in [1, 2, 20, 1000] {
            let svg = svg("Round trips of 32 bytes on a<b", "5 round trips", &bars(count));
            if let Some(folder) = std::env::var_os("CHART_FOLDER") {
                let file = std::path::Path::new(&folder).join(format!("{count}.svg"));
                std::fs::write(file, &svg).expect("write the picture");
            }
            let texts = texts(&svg);
            let times = texts.iter().filter(|text| {
                ["ns", "us", "ms", "s"].iter().any(|u| text.ends_with(&format!(" {u}")))
            });
            let times = times.filter(|text| text.starts_with(|c: char| c.is_ascii_digit())).count();
            assert!((2..=LABELS).contains(&times), "{count} bars: {texts:?}");
            let counts = texts
                .iter()
                .filter(|text| text.trim_end_matches('k').parse::<u32>().is_ok())
                .count();
            assert!((1..=LABELS).contains(&counts), "{count} bars: {texts:?}");
            for text in ["round trip (logarithmic)", "round trips (logarithmic)", "5 round trips"] {
                assert!(texts.contains(&text), "{texts:?}");
            }
            let whole: std::collections::HashSet<_> = texts.iter().collect();
            assert_eq!(whole.len(), texts.len(), "a label comes twice: {texts:?}");
            assert!(texts.contains(&"Round trips of 32 bytes on a&lt;b"), "{texts:?}");
            assert_eq!(svg.matches("fill=\"#4878A8\"").count() as u64, count);
            assert!(svg.ends_with("</svg>\n"));
        }
    }

    #[test]
    fn no_bars_are_a_picture_too() {
        assert!(svg("none", "0 round trips", &[]).ends_with("</svg>\n"));
    }
}
