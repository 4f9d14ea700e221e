//! A table of intended differences that is not the right one.

use super::{check, doctored_headers, new_differences, rust_view};
use crate::pairs::{Kind, Row};
use crate::table;

#[test]
fn a_row_of_the_table_that_nothing_needs() {
    let headers = doctored_headers("eshm.h", &[]);
    for (kind, place) in [
        (Kind::Type { header: "int", rust: "int32_t" }, "eshm_write(size)"),
        (Kind::Type { header: "bool", rust: "uint8_t" }, "eshm_forgotten(flag)"),
        (Kind::Opaque, "ESHMConfig"),
        (Kind::HeaderOnly, "struct ESHMForgotten"),
    ] {
        let places: &'static [&'static str] = Vec::leak(vec![place]);
        let mut rows = table::ROWS.to_vec();
        rows.push(Row { kind, places, why: "none" });
        check(&new_differences(&headers, rust_view(), &rows), place, &["does not need"]);
    }
}

#[test]
fn a_row_of_the_table_that_is_missing() {
    let headers = doctored_headers("eshm.h", &[]);
    for missing in 0..table::ROWS.len() {
        let mut rows = table::ROWS.to_vec();
        let row = rows.remove(missing);
        let found = new_differences(&headers, rust_view(), &rows);
        for place in row.places {
            let item = place.split(['.', '(']).next().unwrap_or(place);
            assert!(found.iter().any(|difference| difference.contains(item)), "{place} without its row: {found:#?}");
        }
    }
}
