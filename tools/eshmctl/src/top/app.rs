//! What the keys have asked for.

use super::board::Row;

/// What the rows are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// By name.
    Name,
    /// Most messages first.
    Rate,
    /// Most missed ones first.
    Missed,
    /// Most processor time first.
    Cpu,
}

/// The state of the screen.
#[derive(Debug)]
pub struct App {
    /// The rows shown.
    pub rows: Vec<Row>,
    /// Files that have a segment's name and are none.
    pub others: usize,
    /// The order of the rows.
    pub order: Order,
    /// Nothing moves.
    pub frozen: bool,
    /// The row chosen, by name: it stays chosen while others come and go.
    pub chosen: Option<String>,
    /// The chosen one fills the screen.
    pub open: bool,
    /// The end.
    pub done: bool,
}

/// A key, as far as one means something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// The next row.
    Down,
    /// The row before.
    Up,
    /// Open the chosen one.
    Enter,
    /// Back, or the end.
    Back,
    /// A letter.
    Letter(char),
}

impl App {
    /// Begins with no rows, in this order of rows.
    pub fn new() -> App {
        App {
            rows: Vec::new(),
            others: 0,
            order: Order::Name,
            frozen: false,
            chosen: None,
            open: false,
            done: false,
        }
    }

    /// New rows; a frozen screen keeps its own.
    pub fn take(&mut self, rows: Vec<Row>) {
        if self.frozen {
            return;
        }
        self.rows = rows;
        self.sort();
    }

    fn sort(&mut self) {
        let sum = |two: [f64; 2]| two[0] + two[1];
        let cpu = |row: &Row| row.sides.iter().filter_map(|side| side.cpu).sum::<f64>();
        self.rows.sort_by(|a, b| a.name.cmp(&b.name));
        match self.order {
            Order::Name => {}
            Order::Rate => self.rows.sort_by(|a, b| sum(b.rates).total_cmp(&sum(a.rates))),
            Order::Missed => self.rows.sort_by(|a, b| sum(b.missed).total_cmp(&sum(a.missed))),
            Order::Cpu => self.rows.sort_by(|a, b| cpu(b).total_cmp(&cpu(a))),
        }
    }

    /// Where the chosen row is.
    pub fn position(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        self.rows.iter().position(|row| row.name == *chosen)
    }

    /// A key was pressed.
    pub fn press(&mut self, key: Key) {
        match key {
            Key::Letter('q') => self.done = true,
            Key::Back if self.open => self.open = false,
            Key::Back => self.done = true,
            Key::Letter('f' | ' ') => self.frozen = !self.frozen,
            Key::Letter('n') => self.reorder(Order::Name),
            Key::Letter('r') => self.reorder(Order::Rate),
            Key::Letter('m') => self.reorder(Order::Missed),
            Key::Letter('c') => self.reorder(Order::Cpu),
            Key::Down | Key::Letter('j') => self.step(1),
            Key::Up | Key::Letter('k') => self.step(-1),
            Key::Enter => {
                if self.position().is_none() {
                    self.step(1);
                }
                self.open = self.chosen.is_some();
            }
            Key::Letter(_) => {}
        }
    }

    fn reorder(&mut self, order: Order) {
        self.order = order;
        self.sort();
    }

    fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        let to = match self.position() {
            Some(at) => at.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.chosen = self.rows.get(to).map(|row| row.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, rate: f64) -> Row {
        Row {
            name: name.to_owned(),
            capacity: 4096,
            sides: Default::default(),
            rates: [rate, 0.0],
            missed: [0.0; 2],
            waiters: [0; 2],
            written: [0; 2],
        }
    }

    fn names(app: &App) -> Vec<&str> {
        app.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn rows_are_ordered_and_the_chosen_one_stays_chosen() {
        let mut app = App::new();
        app.take(vec![row("b", 1.0), row("a", 2.0), row("c", 3.0)]);
        assert_eq!(names(&app), ["a", "b", "c"]);
        app.press(Key::Down);
        app.press(Key::Down);
        assert_eq!(app.chosen.as_deref(), Some("b"));
        app.press(Key::Letter('r'));
        assert_eq!(names(&app), ["c", "a", "b"]);
        assert_eq!(app.position(), Some(2));
        app.press(Key::Down);
        assert_eq!(app.position(), Some(2), "the last");
    }

    #[test]
    fn a_frozen_screen_keeps_its_rows() {
        let mut app = App::new();
        app.take(vec![row("a", 1.0)]);
        app.press(Key::Letter('f'));
        app.take(vec![row("b", 1.0)]);
        assert_eq!(names(&app), ["a"]);
        app.press(Key::Letter('f'));
        app.take(vec![row("b", 1.0)]);
        assert_eq!(names(&app), ["b"]);
    }

    #[test]
    fn back_closes_what_is_open_before_it_ends() {
        let mut app = App::new();
        app.press(Key::Enter);
        assert!(!app.open, "nothing to open");
        app.take(vec![row("a", 1.0)]);
        app.press(Key::Enter);
        assert!(app.open);
        app.press(Key::Back);
        assert!(!app.open && !app.done);
        app.press(Key::Back);
        assert!(app.done);
    }
}
