//! `top` on a pseudo-terminal of 80 columns and 24 lines, its screen captured; and what others show
//! on one.

mod common;

use common::{ctl, scratch, start, terminal::Terminal};
use eshm::Role;
use eshm_processes::{Name, open, until};
use std::{
    fs,
    sync::{Arc, Mutex},
    thread,
};

/// The line of a segment.
fn line<'a>(screen: &'a str, name: &str) -> Option<&'a str> {
    let shown = &name[..name.len().min(14)];
    screen.lines().find(|line| line.starts_with(shown))
}

#[test]
fn it_shows_rates_freezes_and_opens_one() {
    // Sorts first, whatever else is there.
    let name = Name::from(format!("00top_{}", std::process::id())); // before "0list" of a test beside
    let master = open(&name, Role::Master);
    let slave = start(&["recv", name.as_str(), "--as", "slave"]);
    let mut top = Terminal::start(&["top", "--every", "100"], &[]);
    let (stop, writer) = (Arc::new(Mutex::new(false)), master);
    let stopped = stop.clone();
    let writing = thread::spawn(move || {
        while !*stopped.lock().expect("a flag") {
            let _ = writer.write(b"value");
            thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    top.shows("the heading", |screen| screen.contains("MASTER") && screen.contains("MISSED/s"));
    top.shows("both pids and a rate", |screen| {
        line(screen, name.as_str()).is_some_and(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1) == Some(&std::process::id().to_string().as_str())
                && fields.get(2) == Some(&slave.pid().to_string().as_str())
                && fields.get(3).and_then(|rate| rate.parse::<u32>().ok()) > Some(0)
        })
    });
    assert!(top.text().lines().all(|line| line.chars().count() <= 80));
    top.press("f");
    top.shows("it is frozen", |screen| screen.contains("FROZEN"));
    top.press("f");
    top.shows("it moves again", |screen| !screen.contains("FROZEN"));
    top.press("r");
    top.shows("another order", |screen| screen.contains("by rate"));
    top.press("n");
    top.shows("by name", |screen| screen.contains("by name"));
    top.press("k\r");
    top.shows("one is open", |screen| {
        screen.contains("master to slave") && screen.contains("heartbeats a second")
    });
    top.shows("the right one", |screen| screen.contains(name.as_str()) && screen.contains("recv"));
    top.press("q");
    assert_eq!(top.code(), Some(0));
    *stop.lock().expect("a flag") = true;
    writing.join().expect("the writer");
}

#[test]
fn without_a_terminal_it_says_so_and_draws_a_picture_if_asked() {
    let done = ctl(&["top"]);
    assert!(done.code == Some(1) && done.err.contains("needs a terminal"), "{}", done.err);
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let file = scratch(&name, "svg");
    assert_eq!(
        ctl(&["top", "--svg", file.to_str().expect("text"), "--every", "100"]).code,
        Some(0)
    );
    let svg = fs::read_to_string(&file).expect("the picture");
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    fs::remove_file(&file).expect("remove it");
}

#[test]
fn colours_come_on_a_terminal_and_go_with_no_color() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    for (args, variables, coloured) in [
        (&["show", name.as_str()][..], &[][..], true),
        (&["show", name.as_str()], &[("NO_COLOR", "1")], false),
        (&["show", name.as_str(), "--color", "never"], &[], false),
        (&["show", name.as_str(), "--color", "always"], &[("NO_COLOR", "1")], true),
        (&["top", "--every", "100"], &[], true),
        (&["top", "--every", "100"], &[("NO_COLOR", "1")], false),
        (&["top", "--every", "100", "--color", "never"], &[], false),
    ] {
        let mut terminal = Terminal::start(args, variables);
        terminal.shows("the pid", |screen| screen.contains(&std::process::id().to_string()));
        if args[0] == "top" {
            terminal.press("q");
        }
        terminal.code();
        assert_eq!(terminal.has_coloured(), coloured, "{args:?} {variables:?}");
    }
}

#[test]
fn long_work_shows_how_far_it_is() {
    let name = Name::new();
    let mut ping =
        Terminal::start(&["ping", name.as_str(), "--every", "2000", "--count", "1000000"], &[]);
    until("the segment is there", || name.exists());
    let _echo = start(&["echo", name.as_str()]);
    ping.shows("how far it is", |screen| screen.contains(" of 1000000"));
    ping.press("\u{3}"); // Ctrl-C: the terminal makes it a signal
    assert_eq!(ping.code(), Some(0));
    assert!(
        ping.text().contains("round trips of 32 bytes") && !ping.text().contains(" of 1000000"),
        "{}",
        ping.text()
    );
    for columns in [80, 20] {
        let mut bench = Terminal::start_with_columns(columns, &["bench", "--for", "2"], &[]);
        assert_eq!(bench.code(), Some(0));
        assert!(bench.has_written("2 of 4: round trip"), "for half a second");
        assert!(
            !bench.text().contains(" of 4"),
            "{columns} columns: a line too long is not taken away: {}",
            bench.text()
        );
    }
}

#[test]
fn a_histogram_fits_the_terminal() {
    for columns in [20, 40, 60, 120] {
        let name = Name::new();
        let mut ping =
            Terminal::start_with_columns(columns, &["ping", name.as_str(), "--count", "200"], &[]);
        until("the segment is there", || name.exists());
        let echo = start(&["echo", name.as_str()]);
        assert_eq!(ping.code(), Some(0));
        drop(echo);
        let text = ping.text();
        let bars: Vec<&str> = text.lines().filter(|line| line.contains('#')).collect();
        assert!(
            !bars.is_empty() && bars.iter().all(|line| line.contains("s ")),
            "a bar goes on in a next line: {text}"
        );
        assert!(bars.iter().any(|line| line.len() == usize::from(columns)), "{columns}: {text}");
    }
}

#[test]
fn on_a_narrow_terminal_columns_go_and_no_digit_does() {
    let pid = std::process::id();
    let name = Name::from(format!("0narrow_name_that_is_rather_long_{pid}"));
    let _master = open(&name, Role::Master);
    for columns in [200, 80, 60, 40, 24] {
        let mut top = Terminal::start_with_columns(columns, &["top", "--every", "100"], &[]);
        // A rate that its writer keeps: whole, or not shown.
        let raw = name.raw();
        let row = |screen: &str| {
            screen.lines().find(|line| line.starts_with("0narrow")).unwrap_or_default().to_owned()
        };
        until("a rate of seven digits and more, whole", || {
            raw.add("m2s.write_count", 4_200_000_000);
            let row = row(&top.text());
            row.split_whitespace().any(|cell| cell.ends_with('M') && cell.len() > 6)
        });
        let (screen, row) = (top.text(), row(&top.text()));
        assert_eq!(row.contains(name.as_str()), columns == 200, "{columns}: {row}");
        assert_eq!(row.contains('\u{2026}'), columns != 200, "{columns}: {row}");
        assert!(columns != 60 || screen.contains("columns do not fit"), "{screen}");
        assert!(columns < 60 || row.contains(&pid.to_string()), "{columns}: {row}");
        top.press("q");
        assert_eq!(top.code(), Some(0));
    }
}

#[test]
fn a_list_on_a_narrow_terminal_leaves_out_columns_and_no_digit() {
    let pid = std::process::id();
    let name = Name::from(format!("0list_{pid}"));
    let _master = open(&name, Role::Master);
    let mut seen = Vec::new();
    for columns in [200, 100, 80, 60, 48, 30] {
        let mut list =
            Terminal::start_with_columns(columns, &["list", "--over", "20"], &[("NO_COLOR", "1")]);
        list.code(); // other segments may be orphans
        let text = list.written();
        let of = |start: &str| {
            text.lines().find(|line| line.starts_with(start)).expect("a line").to_owned()
        };
        let (heading, row) = (of("NAME"), of(name.as_str()));
        for line in [&heading, &row] {
            assert!(line.chars().count() <= columns.into(), "{columns}: {text}");
        }
        assert_eq!(
            heading.contains("MASTER"),
            row.contains(&format!(" {pid} ")),
            "{columns}: {text}"
        );
        assert_eq!(heading.contains("CAPACITY"), row.contains(" 4096"), "{columns}: {text}");
        assert_eq!(heading.contains("SIZE"), row.contains(" 8576"), "{columns}: {text}");
        assert!(columns < 80 || heading.contains("MASTER"), "{columns}: {text}");
        let shown = heading.split_whitespace().count();
        let said = match 9 - shown {
            0 => None,
            1 => Some("without 1 column;".to_owned()),
            hidden => Some(format!("without {hidden} columns;")),
        };
        assert_eq!(text.contains("without "), said.is_some(), "{columns}: {text}");
        assert!(said.is_none_or(|said| text.contains(&said)), "{columns}: {text}");
        seen.push(shown);
    }
    assert!(
        seen.is_sorted_by(|wider, narrower| wider >= narrower) && seen[0] == 9 && seen[5] < 5,
        "{seen:?}"
    );
    let piped = ctl(&["list"]).out;
    assert_eq!(
        piped.lines().next().map(|heading| heading.split_whitespace().count()),
        Some(9),
        "{piped}"
    );
}
