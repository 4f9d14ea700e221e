//! Proof that the comparison can fail: each case spoils a copy of the headers, of the Rust sources or of the table in one
//! way, and must be reported as just that.

mod header_side;
mod rust_side;
mod segment_side;
mod table_side;

use crate::headers::Headers;
use crate::pairs::Row;
use crate::view::View;
use crate::{compare, rust, table};
use std::sync::OnceLock;

/// One text that is in a file exactly once, and what takes its place.
type Change = (&'static str, &'static str);

fn rust_view() -> &'static View {
    static VIEW: OnceLock<View> = OnceLock::new();
    VIEW.get_or_init(|| rust::view(&rust::sources()))
}

/// The differences without those that are there without any doctoring, which are another test's matter.
fn new_differences(headers: &Headers, rust: &View, rows: &[Row]) -> Vec<String> {
    static BEFORE: OnceLock<Vec<String>> = OnceLock::new();
    let real = || compare::differences(&Headers::copy(eshm::MAX_DATA_SIZE), rust_view(), table::ROWS);
    let before = BEFORE.get_or_init(real);
    let mut found = compare::differences(headers, rust, rows);
    found.retain(|difference| !before.contains(difference));
    found
}

fn doctored_headers(file: &str, changes: &[Change]) -> Headers {
    let headers = Headers::copy(eshm::MAX_DATA_SIZE);
    for (from, to) in changes {
        headers.folder().replace(file, from, to);
    }
    headers
}

#[track_caller]
fn check_said(found: &[String], words: &str) {
    assert!(found.iter().any(|difference| difference.contains(words)), "{words:?} is not said in {found:#?}");
}

/// The change is reported in all these words, and nothing is said about anything but its subject.
#[track_caller]
fn check(found: &[String], subject: &str, words: &[&str]) {
    words.iter().for_each(|words| check_said(found, words));
    assert!(found.iter().all(|difference| difference.contains(subject)), "more than {subject:?} in {found:#?}");
}
