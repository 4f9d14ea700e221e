//! The table of intended differences in use.

use std::collections::BTreeSet;

/// How the two sides differ.
#[derive(Clone)]
pub enum Kind {
    /// One type is written as another, behind the same number of `*`.
    Type {
        /// In the headers.
        header: &'static str,
        /// In Rust.
        rust: &'static str,
    },
    /// A struct that is incomplete in the headers.
    Opaque,
    /// A struct that only the headers have.
    HeaderOnly,
}

/// One intended difference.
#[derive(Clone)]
pub struct Row {
    /// What it is.
    pub kind: Kind,
    /// Everywhere it is.
    pub places: &'static [&'static str],
    /// Its reason.
    pub why: &'static str,
}

/// The rows, and which of their places were needed so far.
pub struct Pairs<'a> {
    rows: &'a [Row],
    needed: BTreeSet<&'static str>,
}

impl<'a> Pairs<'a> {
    /// None needed yet.
    pub fn new(rows: &'a [Row]) -> Self {
        Pairs { rows, needed: BTreeSet::new() }
    }

    /// What the headers must say at a place where Rust says `rust`.
    pub fn header_type(&mut self, place: &str, rust: &str) -> String {
        for row in self.rows {
            if let Kind::Type { header, rust: base } = row.kind
                && let Some(pointers) = rust.strip_prefix(base)
                && pointers.chars().all(|c| " *".contains(c))
                && let Some(place) = row.places.iter().find(|known| **known == place)
            {
                self.needed.insert(place);
                return format!("{header}{pointers}");
            }
        }
        rust.to_owned()
    }

    /// Whether the struct is to be incomplete in the headers.
    pub fn is_opaque(&mut self, name: &str) -> bool {
        self.has(name, |kind| matches!(kind, Kind::Opaque))
    }

    /// Whether the struct is to be in the headers alone.
    pub fn is_header_only(&mut self, name: &str) -> bool {
        self.has(name, |kind| matches!(kind, Kind::HeaderOnly))
    }

    fn has(&mut self, place: &str, kind: fn(&Kind) -> bool) -> bool {
        let mut places = self.rows.iter().filter(|row| kind(&row.kind)).flat_map(|row| row.places);
        let found = places.find(|known| **known == place);
        self.needed.extend(found);
        found.is_some()
    }

    /// One message for each place that was not needed.
    pub fn unused(&self) -> Vec<String> {
        let places = self.rows.iter().flat_map(|row| row.places.iter().map(move |place| (place, row.why)));
        let unused = places.filter(|(place, _)| !self.needed.contains(*place));
        unused.map(|(place, why)| format!("{place}: has a row in the table that it does not need ({why})")).collect()
    }
}
