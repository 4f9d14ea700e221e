//! Drawing.

use super::{
    app::{App, Order},
    board::{Peer, Row},
    columns::{self, ALL, Column},
    page,
};
use crate::numbers;
use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style},
    widgets::{Cell, Paragraph, Row as TableRow, Table, TableState},
};

/// Draws the screen.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    let beating = app.rows.iter().flat_map(|row| &row.sides).filter(|side| side.beating).count();
    let order = match app.order {
        Order::Name => "name",
        Order::Rate => "rate",
        Order::Missed => "missed",
        Order::Cpu => "cpu",
    };
    let room = usize::from(frame.area().width);
    let count = app.rows.len();
    let (mut hidden, mut which) = (0, String::new());
    match app.position().filter(|_| app.open) {
        Some(at) => frame.render_widget(
            Paragraph::new(page::page(&app.rows[at], room, body.height.into())),
            body,
        ),
        None if app.rows.is_empty() => frame.render_widget(Paragraph::new("no segments"), body),
        None => {
            let mut state = TableState::default().with_selected(app.position());
            let (table, left_out) = table(app, room);
            frame.render_stateful_widget(table, body, &mut state);
            hidden = left_out;
            let fit = usize::from(body.height).saturating_sub(1); // the heading
            if fit > 0 && fit < count {
                which = format!("{}-{} of ", state.offset() + 1, (state.offset() + fit).min(count));
            }
        }
    }
    let must = facts(app.frozen, hidden, &which, count, room);
    // By weight: what comes last goes first where there is no room.
    let others = match app.others {
        0 => String::new(),
        1 => "1 file is no segment: `eshmctl list`".to_owned(),
        many => format!("{many} files are no segments: `eshmctl list`"),
    };
    let may = [format!("by {order}"), numbers::count(beating as u64, "live end"), others];
    let parts: Vec<&str> = must.iter().chain(&may).map(String::as_str).collect();
    let told = must.iter().map(|fact| columns::width(fact) + 2).sum::<usize>();
    let start = "eshmctl top";
    let title = whole_parts(if start.len() + told <= room { start } else { "" }, &parts, room);
    frame.render_widget(
        Paragraph::new(title).style(Style::new().add_modifier(Modifier::BOLD)),
        head,
    );
    let keys: &[&str] = if app.open {
        &["esc back", "f freeze", "q quit"]
    } else {
        &[
            "q quit",
            "enter open",
            "up/down choose",
            "f freeze",
            "n name",
            "r rate",
            "m missed",
            "c cpu",
        ]
    };
    let keys = whole_parts("", keys, room);
    frame.render_widget(Paragraph::new(keys).style(Style::new().add_modifier(Modifier::DIM)), foot);
}

/// What one has to know to read the table right, in words as long as there is room for: that it
/// stands still, that columns are left out, that rows are.
fn facts(frozen: bool, hidden: usize, which: &str, count: usize, room: usize) -> Vec<String> {
    let segments = format!("{which}{}", numbers::count(count as u64, "segment"));
    let few = if which.is_empty() { segments.clone() } else { format!("{which}{count}") };
    let columns = match hidden {
        0 => [const { String::new() }; 3],
        1 => ["1 column does not fit".to_owned(), "+1 column".to_owned(), "+1".to_owned()],
        _ => [
            format!("{hidden} columns do not fit"),
            format!("+{hidden} columns"),
            format!("+{hidden}"),
        ],
    };
    let frozen = if frozen { "FROZEN" } else { "" };
    let forms = columns.into_iter().zip([segments.clone(), segments, few]);
    let mut forms = forms.map(|(columns, segments)| {
        [frozen.to_owned(), columns, segments]
            .into_iter()
            .filter(|fact| !fact.is_empty())
            .collect::<Vec<_>>()
    });
    let fits = |facts: &Vec<String>| {
        facts.iter().map(|fact| columns::width(fact) + 2).sum::<usize>() <= room + 2
    };
    let (longest, longer, shortest) = (forms.next(), forms.next(), forms.next());
    [longest, longer].into_iter().flatten().find(fits).or(shortest).unwrap_or_default()
}

/// A line of as many parts as fit whole, after a start that goes where not even the first one fits
/// beside it.
fn whole_parts(start: &str, parts: &[&str], room: usize) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    let first = parts.first().map_or(0, |part| columns::width(part));
    let mut line =
        if columns::width(start) + 2 + first <= room { start.to_owned() } else { String::new() };
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if columns::width(&line) + gap.len() + columns::width(part) <= room {
            line = line + gap + part;
        }
    }
    line
}

fn table(app: &App, room: usize) -> (Table<'static>, usize) {
    let cells: Vec<[Shown; 8]> =
        app.rows.iter().map(|row| ALL.map(|column| cell(row, column))).collect();
    let widths = ALL.map(|column| {
        let widest =
            cells.iter().map(|row| columns::width(&row[column as usize].text)).max().unwrap_or(0);
        widest.max(columns::width(column.heading())).max(if column.is_number() {
            NUMBER
        } else {
            0
        })
    });
    let shown = columns::fit(widths, room);
    let laid = |column: Column, width: usize, text: &str| match column.is_number() {
        true => format!("{text:>width$}"),
        false => columns::cut(text, width),
    };
    let heading =
        shown.iter().map(|&(column, width)| Cell::new(laid(column, width, column.heading())));
    let heading = TableRow::new(heading).style(Style::new().add_modifier(Modifier::REVERSED));
    let rows = cells.iter().map(|row| {
        TableRow::new(shown.iter().map(|&(column, width)| {
            let Shown { text, style } = &row[column as usize];
            Cell::new(laid(column, width, text)).style(*style)
        }))
    });
    let widths = shown.iter().map(|&(_, width)| Constraint::Length(width as u16));
    let table = Table::new(rows, widths)
        .header(heading)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    (table, ALL.len() - shown.len())
}

/// Columns that a number has at least, so that the table stands still while its digits come and go.
const NUMBER: usize = 7;

/// A cell before its column's width is known.
struct Shown {
    text: String,
    style: Style,
}

fn cell(row: &Row, column: Column) -> Shown {
    let plain = |text: String| Shown { text, style: Style::new() };
    match column {
        Column::Name => plain(row.name.clone()),
        Column::Master => who(&row.sides[0]),
        Column::Slave => who(&row.sides[1]),
        Column::FromMaster => plain(numbers::rate(row.rates[0])),
        Column::FromSlave => plain(numbers::rate(row.rates[1])),
        Column::Missed => plain(numbers::rate(row.missed[0] + row.missed[1])),
        Column::Beats => beats(row),
        Column::Cpu => plain(cpu(row)),
    }
}

fn who(side: &Peer) -> Shown {
    let of = |text: String, tone: Option<Color>| Shown {
        text,
        style: tone.map_or(Style::new(), |c| Style::new().fg(c)),
    };
    match (side.pid, side.beating, side.flag) {
        (0, ..) => of("-".to_owned(), None),
        (_, _, false) => of("left".to_owned(), Some(Color::DarkGray)),
        (pid, true, _) => of(pid.to_string(), Some(Color::Green)),
        (pid, ..) => of(format!("{pid} !"), Some(Color::Red)),
    }
}

/// The heartbeats of the side that beats less rightly.
fn beats(row: &Row) -> Shown {
    let beating = row.sides.iter().filter(|side| side.beating);
    let Some(worse) =
        beating.max_by(|a, b| (a.beats - 1000.0).abs().total_cmp(&(b.beats - 1000.0).abs()))
    else {
        return Shown { text: "-".to_owned(), style: Style::new() };
    };
    let style = if (worse.beats - 1000.0).abs() > 200.0 {
        Style::new().fg(Color::Yellow)
    } else {
        Style::new()
    };
    Shown { text: format!("{}~{}", numbers::rate(worse.beats), numbers::rate(worse.jitter)), style }
}

fn cpu(row: &Row) -> String {
    let [master, slave] = [0, 1]
        .map(|i: usize| row.sides[i].cpu.map_or("-".to_owned(), |percent| format!("{percent:.0}")));
    format!("{master}/{slave}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{Terminal, backend::TestBackend};

    fn app() -> App {
        let side = |beating| Peer {
            pid: 4_194_304,
            beating,
            flag: true,
            beats: 1000.0,
            ..Peer::default()
        };
        let mut app = App::new();
        app.take(vec![Row {
            name: "demo".to_owned(),
            capacity: 4096,
            sides: [side(true), side(false)],
            rates: [0.0; 2],
            missed: [0.0; 2],
            waiters: [1, 2],
            written: [0; 2],
        }]);
        app
    }

    fn screen(app: &App, width: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, 24)).unwrap();
        terminal.draw(|frame| draw(frame, app)).unwrap();
        terminal.backend().to_string()
    }

    /// A pair that writes as fast as any, with pids and rates of as many digits as there can be.
    fn busy() -> App {
        let side = || Peer {
            pid: 4_194_304,
            beating: true,
            flag: true,
            beats: 1000.4,
            jitter: 123.0,
            cpu: Some(1600.0),
            command: Some("/usr/bin/controller --config /etc/robot/arm.toml".to_owned()),
        };
        let mut app = App::new();
        app.take(
            [
                [123_456.0, 98_765.0],
                [1_234_567.0, 999_999.4],
                [87_654_321.0, 4.2e9],
                [9_999.6, 0.4],
            ]
            .into_iter()
            .enumerate()
            .map(|(at, rates)| Row {
                name: format!("robot_arm_with_a_long_name_{at}"),
                capacity: 1 << 30,
                sides: [side(), side()],
                rates,
                missed: rates,
                waiters: [1, 2],
                written: [u64::MAX; 2],
            })
            .collect(),
        );
        app
    }

    fn screen_of(app: &App, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, app)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(row).collect()
    }

    #[test]
    fn no_digit_is_cut_whatever_the_width() {
        let app = busy();
        let whole: Vec<Vec<String>> =
            app.rows.iter().map(|row| ALL.map(|column| cell(row, column).text).to_vec()).collect();
        for width in 1..100 {
            let screen = screen_of(&app, width, 8);
            let shown = screen[1].split_whitespace().count(); // "CPU %" counts twice
            assert!(width < 40 || shown >= 2, "{width}: {screen:?}");
            for (line, whole) in screen[2..].iter().zip(&whole) {
                for word in line
                    .split_whitespace()
                    .filter(|word| !word.starts_with("robot") && !word.starts_with('\u{2026}'))
                {
                    let known =
                        whole[1..].iter().any(|cell| cell.split(' ').any(|part| part == word));
                    assert!(
                        known || whole[0].starts_with(word.trim_end_matches('\u{2026}')),
                        "{width}: {word} in {line}"
                    );
                }
            }
        }
    }

    #[test]
    fn that_columns_do_not_fit_is_said_whatever_the_width() {
        let mut app = busy();
        for frozen in [false, true] {
            app.frozen = frozen;
            for width in 8..100 {
                let screen = screen_of(&app, width, 8);
                let headings =
                    ALL.iter().filter(|column| screen[1].contains(column.heading())).count();
                let hidden = ALL.len() - headings;
                let said = [format!("+{hidden}"), format!("{hidden} column")];
                let told = said.iter().any(|words| screen[0].contains(words.as_str()));
                assert!(width < 12 || told == (hidden > 0), "{width}: {screen:?}");
                assert_eq!(screen[0].contains("FROZEN"), frozen, "{width}: {screen:?}");
                // Nor are rows left out in silence, where there is room for both.
                let few = screen_of(&app, width, 5);
                assert!(width < 24 || few[0].contains("1-2 of 4"), "{width}: {few:?}");
            }
        }
    }

    #[test]
    fn a_page_that_does_not_fit_says_how_much_is_left_out() {
        let mut app = busy();
        app.chosen = Some(app.rows[0].name.clone());
        app.open = true;
        for (width, height) in [(40, 10), (20, 8), (80, 6), (12, 4)] {
            let screen = screen_of(&app, width, height);
            let last = &screen[usize::from(height) - 2];
            assert!(
                last.starts_with('+') && last.contains(" line"),
                "{width}x{height}: {screen:?}"
            );
        }
        let whole = screen_of(&app, 100, 24);
        assert!(
            whole.iter().all(|line| !line.starts_with('+'))
                && whole.join("").contains("2 readers parked"),
            "{whole:?}"
        );
    }

    #[test]
    fn one_of_a_thing_is_not_several() {
        let mut app = app();
        let screens: Vec<String> = (20..200).map(|width| screen(&app, width)).collect();
        for said in ["1 column does not fit", "2 columns do not fit", "1 segment ", "1 live end "] {
            assert!(screens.iter().any(|screen| screen.replace('"', " ").contains(said)), "{said}");
        }
        app.open = true;
        app.chosen = Some("demo".to_owned());
        let open = screen(&app, 100);
        assert!(open.contains("1 reader parked") && open.contains("2 readers parked"), "{open}");
    }
}
