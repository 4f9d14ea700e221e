//! The page of one segment.

use super::{board::Row, columns};
use crate::{numbers, text};
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

/// It in lines of `room` columns; where it does not fit, its last line says how much is left out.
pub fn page(row: &Row, room: usize, height: usize) -> Vec<Line<'static>> {
    let wrapped = |line: Line<'static>| {
        let style = line.spans.first().map_or(Style::new(), |span| span.style);
        let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        columns::wrap(&text, room)
            .into_iter()
            .map(move |part| Line::from(Span::styled(part, style)))
    };
    let mut lines: Vec<Line<'static>> = details(row).into_iter().flat_map(wrapped).collect();
    if lines.len() > height && height > 0 {
        let left_out = lines.len() - (height - 1);
        lines.truncate(height - 1);
        let short = format!("+{}", numbers::count(left_out as u64, "line"));
        let long = format!("{short}: they need a larger terminal");
        let said = if columns::width(&long) <= room { long } else { short };
        lines.push(Line::from(Span::styled(said, Style::new().add_modifier(Modifier::REVERSED))));
    }
    lines
}

fn details(row: &Row) -> Vec<Line<'static>> {
    let bold =
        |text: String| Line::from(Span::styled(text, Style::new().add_modifier(Modifier::BOLD)));
    let mut lines = vec![
        bold(row.name.clone()),
        Line::from(format!("capacity {} bytes", row.capacity)),
        Line::default(),
    ];
    for (label, side) in [("master", &row.sides[0]), ("slave", &row.sides[1])] {
        let state = match (side.pid, side.beating, side.flag) {
            (0, ..) => "never there".to_owned(),
            (pid, _, false) => format!("process {pid} has left"),
            (pid, true, _) => format!("process {pid} beats"),
            (pid, ..) => format!("process {pid} does not beat"),
        };
        lines.push(bold(format!("{label}: {state}")));
        if let Some(command) = &side.command {
            lines.push(Line::from(format!("  {}", text::shown(command))));
        }
        let cpu = side.cpu.map_or("unknown".to_owned(), |percent| format!("{percent:.1} %"));
        lines.push(Line::from(format!(
            "  {:.0} heartbeats a second, strayed {:.1} ms, cpu {cpu}",
            side.beats, side.jitter
        )));
    }
    lines.push(Line::default());
    for (i, label) in ["master to slave", "slave to master"].into_iter().enumerate() {
        lines.push(bold(label.to_owned()));
        lines.push(Line::from(format!(
            "  {} a second, {} of them never read; {} in all; {} parked",
            numbers::rate(row.rates[i]),
            numbers::rate(row.missed[i]),
            row.written[i],
            numbers::count(row.waiters[i], "reader")
        )));
    }
    lines
}
