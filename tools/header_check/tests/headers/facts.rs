//! Numbers with a name, such as `offset of ESHMConfig.role`.

use std::collections::{BTreeMap, BTreeSet};

/// Sizes, offsets and values of one side.
pub type Facts = BTreeMap<String, i64>;

/// One message for each number that the sides do not share.
pub fn differences(rust: &Facts, header: &Facts) -> Vec<String> {
    let names: BTreeSet<_> = rust.keys().chain(header.keys()).collect();
    let show = |number: Option<&i64>| number.map_or("missing".to_owned(), i64::to_string);
    let differ =
        names.into_iter().map(|name| (name, rust.get(name), header.get(name))).filter(|(_, rust, header)| rust != header);
    differ.map(|(name, rust, header)| format!("{name}: {} in Rust, {} in the headers", show(rust), show(header))).collect()
}
