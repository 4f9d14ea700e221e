//! The segment structs of the headers, which describe what the library lays out by computation.

use crate::facts::{self, Facts};
use crate::headers::Headers;
use crate::program::Program;

/// Bytes of a channel.
pub fn channel(capacity: i64) -> i64 {
    round_up(72 + capacity, 64)
}

/// Offset of what follows the message in a channel.
pub fn tail(capacity: i64) -> i64 {
    round_up(8 + capacity, 8)
}

fn round_up(value: i64, unit: i64) -> i64 {
    (value + unit - 1) / unit * unit
}

/// Name, type (of an array the element's), offset and size.
type Field = (&'static str, &'static str, i64, i64);

const U8: &str = "uint8_t";
/// Of what stays as it is; programs copy it.
const FIXED: &str = "uint32_t";
const U32: &str = "volatile uint32_t";
const I32: &str = "volatile int32_t";
const U64: &str = "volatile uint64_t";

/// The protocol's words, for one capacity: name of a struct, its size, its alignment, its fields in order.
fn expected(capacity: i64) -> Vec<(&'static str, i64, i64, Vec<Field>)> {
    let (channel, tail) = (channel(capacity), tail(capacity));
    let header = vec![
        ("magic", FIXED, 0, 4),
        ("version", FIXED, 4, 4),
        ("master_heartbeat", U64, 8, 8),
        ("slave_heartbeat", U64, 16, 8),
        ("master_pid", I32, 24, 4),
        ("slave_pid", I32, 28, 4),
        ("master_alive", U32, 32, 4),
        ("slave_alive", U32, 36, 4),
        ("stale_threshold", U32, 40, 4),
        ("master_generation", U32, 44, 4),
        ("features", U32, 48, 4),
        ("layout_size", U32, 52, 4),
        ("master_lock", U32, 56, 4),
        ("slave_lock", U32, 60, 4),
        ("capacity", U32, 64, 4),
        ("padding", U8, 68, 60),
    ];
    let one_way = vec![
        ("seqlock", "struct ESHMSeqLock", 0, 4),
        ("data_size", U32, 4, 4),
        ("data", U8, 8, capacity),
        ("write_count", U64, tail, 8),
        ("read_count", U64, tail + 8, 8),
        ("wake_seq", U32, tail + 16, 4),
        ("waiters", U32, tail + 20, 4),
        ("reader_waiting", U32, tail + 24, 4),
        ("padding", U8, tail + 28, channel - tail - 28),
    ];
    let data = vec![
        ("header", "struct ESHMHeader", 0, 128),
        ("master_to_slave", "struct ESHMChannel", 128, channel),
        ("slave_to_master", "struct ESHMChannel", 128 + channel, channel),
    ];
    vec![
        ("struct ESHMSeqLock", 4, 4, vec![("sequence", U32, 0, 4)]),
        ("struct ESHMChannel", channel, 64, one_way),
        ("struct ESHMHeader", 128, 64, header),
        ("struct ESHMData", 128 + 2 * channel, 64, data),
    ]
}

/// One message for each word of the segment that is elsewhere, or of another type, in headers made for this capacity.
pub fn differences(headers: &Headers, capacity: i64) -> Vec<String> {
    let header = match headers.view() {
        Ok(view) => view,
        Err(complaints) => return vec![complaints],
    };
    let (mut found, mut facts, mut program) = (Vec::new(), Facts::new(), Program::default());
    for (name, size, alignment, fields) in expected(capacity) {
        let Some(structure) = header.structure(name) else {
            found.push(format!("{name}: not in the headers"));
            continue;
        };
        program.layout(structure);
        facts.insert(format!("size of {name}"), size);
        facts.insert(format!("alignment of {name}"), alignment);
        for (field, ty, offset, size) in fields {
            facts.insert(format!("offset of {name}.{field}"), offset);
            facts.insert(format!("size of {name}.{field}"), size);
            if let Some(theirs) = structure.field(field).filter(|theirs| theirs.ty != ty) {
                found.push(format!("{name}.{field}: is `{}` in the headers instead of `{ty}`", theirs.ty));
            }
        }
    }
    match program.run(headers) {
        Ok(measured) => found.extend(facts::differences(&facts, &measured)),
        Err(complaints) => found.push(complaints),
    }
    found
}

#[test]
fn segment_structs_follow_the_protocol() {
    for capacity in [4096, 1000, 8192, 1, 56, 57] {
        let found = differences(&Headers::copy(capacity as usize), capacity);
        assert!(found.is_empty(), "capacity {capacity}:\n  {}", found.join("\n  "));
    }
}

#[test]
fn the_released_capacity_gives_the_released_layout() {
    assert_eq!((tail(4096), channel(4096), 128 + 2 * channel(4096)), (4104, 4224, 8576));
}
