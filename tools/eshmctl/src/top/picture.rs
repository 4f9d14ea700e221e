//! A screen as SVG.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};
use std::fmt::Write;

/// Width and height of a character, in units of the picture.
const CELL: (u16, u16) = (8, 17);

/// Draws a buffer, dark as a terminal.
pub fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (area.width * CELL.0 + 16, area.height * CELL.1 + 16);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"monospace\" font-size=\"13\">\n<rect width=\"{width}\" height=\"{height}\" \
         rx=\"6\" fill=\"#1c1f24\"/>\n"
    );
    for y in 0..area.height {
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            let reversed = cell.modifier.contains(Modifier::REVERSED);
            let (left, top) = (8 + x * CELL.0, 8 + y * CELL.1);
            if reversed {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"#d0d4da\"/>",
                    CELL.0, CELL.1
                );
            }
            let symbol = match cell.symbol() {
                " " | "" => continue,
                "<" => "&lt;",
                ">" => "&gt;",
                "&" => "&amp;",
                other => other,
            };
            let fill = match cell.fg {
                _ if reversed => "#1c1f24",
                Color::Green => "#7ec77e",
                Color::Red => "#e07070",
                Color::Yellow => "#d8b45c",
                Color::DarkGray => "#808890",
                _ if cell.modifier.contains(Modifier::DIM) => "#9098a0",
                _ => "#d0d4da",
            };
            let weight =
                if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                svg,
                "<text x=\"{left}\" y=\"{}\" fill=\"{fill}\"{weight}>{symbol}</text>",
                top + 13
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
