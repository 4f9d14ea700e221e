//! Which columns fit the terminal: whole ones are left out, no number is ever cut.

use ratatui::text::Span;

/// What a column shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// The segment's name; the only one that may be cut, with an ellipsis.
    Name,
    /// The master's process.
    Master,
    /// The slave's process.
    Slave,
    /// Messages a second from the master.
    FromMaster,
    /// Messages a second from the slave.
    FromSlave,
    /// Messages a second that nobody read.
    Missed,
    /// Heartbeats a second, and how far they strayed.
    Beats,
    /// Percent of a processor of both.
    Cpu,
}

use Column::{Beats, Cpu, FromMaster, FromSlave, Master, Missed, Name, Slave};

/// All of them, from left to right.
pub const ALL: [Column; 8] = [Name, Master, Slave, FromMaster, FromSlave, Missed, Beats, Cpu];
/// The first to go where there is no room, and so on.
const LEAST: [Column; 7] = [Cpu, Beats, Missed, Slave, Master, FromSlave, FromMaster];
/// Below this a name tells nothing: a column goes first.
const SHORTEST: usize = 12;

impl Column {
    /// Its heading.
    pub fn heading(self) -> &'static str {
        match self {
            Name => "NAME",
            Master => "MASTER",
            Slave => "SLAVE",
            FromMaster => "M>S/s",
            FromSlave => "S>M/s",
            Missed => "MISSED/s",
            Beats => "BEATS",
            Cpu => "CPU %",
        }
    }

    /// Whether it stands on the right of its column.
    pub fn is_number(self) -> bool {
        matches!(self, FromMaster | FromSlave | Missed)
    }
}

/// The columns that fit into `room` with one space in between, each with its width. `widths` says
/// how wide the widest cell of each of `ALL` is, heading included. Names get what the others leave.
pub fn fit(widths: [usize; 8], room: usize) -> Vec<(Column, usize)> {
    let name = widths[Name as usize];
    let mut least = widths;
    least[Name as usize] = name.min(SHORTEST);
    let shown: Vec<Column> =
        kept(&least, &LEAST.map(|column| column as usize), 1, room).map(|at| ALL[at]).collect();
    let others: usize = shown
        .iter()
        .filter(|&&column| column != Name)
        .map(|&column| widths[column as usize] + 1)
        .sum();
    let name = name.min(room.saturating_sub(others)).max(1);
    shown
        .into_iter()
        .map(|column| (column, if column == Name { name } else { widths[column as usize] }))
        .collect()
}

/// Which columns of these widths fit into `room` with so much in between: those of `least` are left
/// out first, in that order; what is not among them stays.
pub fn kept(
    widths: &[usize],
    least: &[usize],
    gap: usize,
    room: usize,
) -> impl Iterator<Item = usize> + use<> {
    let mut shown: Vec<usize> = (0..widths.len()).collect();
    for out in least {
        if shown.iter().map(|&at| widths[at] + gap).sum::<usize>() <= room + gap {
            break;
        }
        shown.retain(|at| at != out);
    }
    shown.into_iter()
}

/// Columns of a terminal that a text takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text in lines of at most `room` columns; a word goes on in the next line only where it is
/// longer than a whole one.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let last = lines.last_mut().expect("one");
        if !last.trim().is_empty() && width(last) + width(word.trim_end()) > room {
            lines.push(String::new());
        }
        for c in word.chars() {
            let last = lines.last_mut().expect("one");
            if !last.is_empty() && width(last) + width(c.encode_utf8(&mut [0; 4])) > room {
                lines.push(String::new());
            }
            lines.last_mut().expect("one").push(c);
        }
    }
    lines
}

/// A text in at most `room` columns; an ellipsis shows that some of it is left out.
pub fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) + 1 > room {
            kept.pop();
            break;
        }
    }
    kept + "\u{2026}"
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: [usize; 8] = [30, 7, 7, 5, 5, 8, 9, 7];

    #[test]
    fn what_is_shown_fits_and_is_whole() {
        for room in 1..200 {
            let shown = fit(WIDTHS, room);
            let taken: usize = shown.iter().map(|(_, width)| width + 1).sum::<usize>() - 1;
            assert!(taken <= room, "{room}: {shown:?}");
            for (column, width) in shown {
                assert!(column == Name || width == WIDTHS[column as usize], "{room}: {column:?}");
            }
        }
        assert_eq!(fit(WIDTHS, 200).len(), ALL.len());
        assert_eq!(fit(WIDTHS, 60).iter().map(|shown| shown.0).collect::<Vec<_>>(), ALL[..7]);
        assert_eq!(fit(WIDTHS, 10), [(Name, 10)]);
    }

    #[test]
    fn a_line_is_wrapped_between_words_and_loses_nothing() {
        assert_eq!(wrap("  one two  three", 7), ["  one ", "two  ", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
        let text = "  1000 heartbeats a second, cpu 12.5 % of_a_very_long_word_without_any_space";
        for room in 1..100 {
            let lines = wrap(text, room);
            assert_eq!(lines.concat(), text);
            assert!(lines.iter().all(|line| width(line.trim_end()) <= room), "{room}: {lines:?}");
        }
    }

    #[test]
    fn a_cut_name_ends_in_an_ellipsis() {
        assert_eq!(
            (cut("abcdef", 6), cut("abcdef", 4)),
            ("abcdef".to_owned(), "abc\u{2026}".to_owned())
        );
        assert_eq!(cut("\u{5b57}\u{5b57}\u{5b57}", 4), "\u{5b57}\u{2026}", "wide characters");
    }
}
