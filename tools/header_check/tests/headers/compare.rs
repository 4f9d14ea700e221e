//! The comparison.

use crate::headers::Headers;
use crate::measure;
use crate::pairs::{Pairs, Row};
use crate::view::{Function, Struct, Variable, View};

/// One message for each difference between headers and Rust that the table does not name, and for each row of the table
/// that names none.
pub fn differences(headers: &Headers, rust: &View, table: &[Row]) -> Vec<String> {
    let header = match headers.view() {
        Ok(view) => view,
        Err(complaints) => return vec![complaints],
    };
    let mut pairs = Pairs::new(table);
    let mut found = Vec::new();
    for (side, view) in [("the headers declare", &header), ("Rust exports", rust)] {
        if view.functions.is_empty() {
            found.push(format!("{side} no function at all"));
        }
    }
    found.extend(one_sided("function", &header.functions, &rust.functions, |function| &function.name));
    found.extend(one_sided("declaration", &header.others, &rust.others, |other| other));
    for name in rust.constants.iter().filter(|name| !header.constants.contains(name)) {
        found.push(format!("constant {name}: not in the headers"));
    }
    for theirs in &header.functions {
        if let Some(ours) = rust.function(&theirs.name) {
            found.extend(function(theirs, ours, &mut pairs));
        }
    }
    let shared: Vec<_> = header.structs.iter().filter(|structure| !pairs.is_header_only(&structure.name)).cloned().collect();
    found.extend(one_sided("struct", &shared, &rust.structs, |structure| &structure.name));
    for theirs in &shared {
        if let Some(ours) = rust.structure(&theirs.name) {
            found.extend(structure(theirs, ours, &mut pairs));
        }
    }
    found.extend(measure::differences(headers, &header, rust, &mut pairs));
    found.extend(pairs.unused());
    found
}

fn one_sided<'a, T>(what: &str, header: &'a [T], rust: &'a [T], name: fn(&T) -> &String) -> Vec<String> {
    let missing = |from: &'a [T], all: &'a [T], side| {
        let names = all.iter().map(name).filter(move |wanted| !from.iter().any(|known| name(known) == *wanted));
        names.map(|name| format!("{what} {name}: not in {side}")).collect::<Vec<_>>()
    };
    [missing(header, rust, "the headers"), missing(rust, header, "Rust")].concat()
}

fn function(header: &Function, rust: &Function, pairs: &mut Pairs<'_>) -> Vec<String> {
    let name = &header.name;
    let mut found = Vec::new();
    if header.result != rust.result {
        found.push(format!("{name}: returns `{}` in the headers, `{}` in Rust", header.result, rust.result));
    }
    let place = |parameter: &Variable| format!("{name}({})", parameter.name);
    found.extend(variables(&format!("{name}: parameter"), &header.parameters, &rust.parameters, place, pairs));
    found
}

fn structure(header: &Struct, rust: &Struct, pairs: &mut Pairs<'_>) -> Vec<String> {
    let name = &header.name;
    match (&header.fields, &rust.fields) {
        (Some(theirs), Some(ours)) => {
            let place = |field: &Variable| format!("{name}.{}", field.name);
            variables(&format!("{name}: field"), theirs, ours, place, pairs)
        }
        (None, None) => Vec::new(),
        (None, Some(_)) if pairs.is_opaque(name) => Vec::new(),
        _ => vec![format!("{name}: incomplete on one side only")],
    }
}

/// Compares them one by one in order.
fn variables(
    what: &str,
    header: &[Variable],
    rust: &[Variable],
    place: impl Fn(&Variable) -> String,
    pairs: &mut Pairs<'_>,
) -> Vec<String> {
    let mut found = Vec::new();
    for index in 0..header.len().max(rust.len()) {
        let number = index + 1;
        match (header.get(index), rust.get(index)) {
            (Some(theirs), Some(ours)) => {
                if theirs.name != ours.name {
                    found.push(format!("{what} {number} is `{}` in the headers, `{}` in Rust", theirs.name, ours.name));
                }
                let expected = pairs.header_type(&place(ours), &ours.ty);
                if (&theirs.ty, &theirs.array) != (&expected, &ours.array) {
                    let (theirs_is, ours_is) =
                        (format!("{} {}", theirs.ty, theirs.array), format!("{expected} {}", ours.array));
                    let (theirs_is, ours_is) = (theirs_is.trim(), ours_is.trim());
                    found.push(format!(
                        "{what} {number} `{}` is of type `{theirs_is}` in the headers; after Rust it should be `{ours_is}`",
                        theirs.name
                    ));
                }
            }
            (Some(theirs), None) => found.push(format!("{what} {number} `{}` is not in Rust", theirs.name)),
            (None, Some(ours)) => found.push(format!("{what} {number} `{}` is not in the headers", ours.name)),
            (None, None) => {}
        }
    }
    found
}
