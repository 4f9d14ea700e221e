//! Drawing.

use super::{
    app::{App, Order},
    board::{Peer, Row},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Cell, Paragraph, Row as TableRow, Table, TableState},
};

/// Draws the screen.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
    let beating = app.rows.iter().flat_map(|row| &row.sides).filter(|side| side.beating).count();
    let order = match app.order {
        Order::Name => "name",
        Order::Rate => "rate",
        Order::Missed => "missed",
        Order::Cpu => "cpu",
    };
    let frozen = if app.frozen { "  FROZEN" } else { "" };
    let title = format!("eshmctl top  {} segments, {beating} live ends  by {order}{frozen}", app.rows.len());
    frame.render_widget(Paragraph::new(title).style(Style::new().add_modifier(Modifier::BOLD)), head);
    match app.position().filter(|_| app.open) {
        Some(at) => frame.render_widget(Paragraph::new(details(&app.rows[at])), body),
        None if app.rows.is_empty() => frame.render_widget(Paragraph::new("no segments"), body),
        None => {
            let mut state = TableState::default().with_selected(app.position());
            frame.render_stateful_widget(table(app), body, &mut state);
        }
    }
    let keys = if app.open {
        "esc back  f freeze  q quit"
    } else {
        "up/down choose  enter open  n name  r rate  m missed  c cpu  f freeze  q quit"
    };
    frame.render_widget(Paragraph::new(keys).style(Style::new().add_modifier(Modifier::DIM)), foot);
}

fn table(app: &App) -> Table<'static> {
    let heading = ["NAME", "MASTER", "SLAVE", "   M>S/s", "   S>M/s", "MISSED/s", "BEATS", "CPU %"];
    let widths = [14, 10, 10, 8, 8, 8, 8, 7].map(Constraint::Length);
    let rows: Vec<TableRow<'static>> = app
        .rows
        .iter()
        .map(|row| {
            TableRow::new([
                Cell::new(row.name.clone()),
                who(&row.sides[0]),
                who(&row.sides[1]),
                number(row.rates[0]),
                number(row.rates[1]),
                number(row.missed[0] + row.missed[1]),
                beats(row),
                Cell::new(cpu(row)),
            ])
        })
        .collect();
    Table::new(rows, widths)
        .header(TableRow::new(heading).style(Style::new().add_modifier(Modifier::REVERSED)))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
}

fn who(side: &Peer) -> Cell<'static> {
    match (side.pid, side.beating, side.flag) {
        (0, ..) => Cell::new("-"),
        (_, _, false) => Cell::new("left").style(Style::new().fg(Color::DarkGray)),
        (pid, true, _) => Cell::new(pid.to_string()).style(Style::new().fg(Color::Green)),
        (pid, ..) => Cell::new(format!("{pid} !")).style(Style::new().fg(Color::Red)),
    }
}

/// A rate in eight columns, on the right.
fn number(rate: f64) -> Cell<'static> {
    Cell::new(format!("{:>8}", short(rate)))
}

fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.2}M", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0}k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}

/// The heartbeats of the side that beats less rightly.
fn beats(row: &Row) -> Cell<'static> {
    let beating = row.sides.iter().filter(|side| side.beating);
    let Some(worse) = beating.max_by(|a, b| (a.beats - 1000.0).abs().total_cmp(&(b.beats - 1000.0).abs())) else {
        return Cell::new("-");
    };
    let tone = if (worse.beats - 1000.0).abs() > 200.0 { Style::new().fg(Color::Yellow) } else { Style::new() };
    Cell::new(format!("{}~{}", short(worse.beats), short(worse.jitter))).style(tone)
}

fn cpu(row: &Row) -> String {
    let [master, slave] = [0, 1].map(|i: usize| row.sides[i].cpu.map_or("-".to_owned(), |percent| format!("{percent:.0}")));
    format!("{master}/{slave}")
}

fn details(row: &Row) -> Vec<Line<'static>> {
    let bold = |text: String| Line::from(Span::styled(text, Style::new().add_modifier(Modifier::BOLD)));
    let mut lines = vec![bold(row.name.clone()), Line::from(format!("capacity {} bytes", row.capacity)), Line::default()];
    for (label, side) in [("master", &row.sides[0]), ("slave", &row.sides[1])] {
        let state = match (side.pid, side.beating, side.flag) {
            (0, ..) => "never there".to_owned(),
            (pid, _, false) => format!("process {pid} has left"),
            (pid, true, _) => format!("process {pid} beats"),
            (pid, ..) => format!("process {pid} does not beat"),
        };
        lines.push(bold(format!("{label}: {state}")));
        if let Some(command) = &side.command {
            lines.push(Line::from(format!("  {}", command.escape_debug())));
        }
        let cpu = side.cpu.map_or("unknown".to_owned(), |percent| format!("{percent:.1} %"));
        lines.push(Line::from(format!("  {:.0} heartbeats a second, strayed {:.1} ms, cpu {cpu}", side.beats, side.jitter)));
    }
    lines.push(Line::default());
    for (i, label) in ["master to slave", "slave to master"].into_iter().enumerate() {
        lines.push(bold(label.to_owned()));
        lines.push(Line::from(format!(
            "  {} a second, {} of them never read; {} in all; {} readers parked",
            short(row.rates[i]),
            short(row.missed[i]),
            row.written[i],
            row.waiters[i]
        )));
    }
    lines
}
