//! What encoding and decoding a record of ten fields costs in Rust, in nanoseconds a call: without allocation, and as an owned
//! [`Record`]. Prints `NAME ENCODE DECODE` for each.
//!
//! usage: `record_codec CALLS`

use eshm::records::{
    Items, Record,
    ValueRef::{Boolean, Integer, Real, String},
    encode_into,
};
use std::{env, hint::black_box, time::Instant};

/// Nanoseconds a call.
fn time(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn main() {
    let calls = env::args().nth(1).map_or(100_000, |text| text.parse().expect("a number of calls"));
    let fields = [
        ("x", Real(0.25)),
        ("y", Real(-1.5)),
        ("z", Real(3.0625)),
        ("temperature", Real(23.5)),
        ("step", Integer(42)),
        ("time_ns", Integer(1_790_000_000_000_000_000)),
        ("faults", Integer(-7)),
        ("enabled", Boolean(true)),
        ("status", String("OK")),
        ("mode", String("following the path")),
    ];
    let mut bytes = [0; 512];
    let mut size = 0;
    let encode = time(calls, || size = encode_into(black_box(&fields), &mut bytes).expect("it fits"));
    let message = &bytes[..size];
    let decode = time(calls, || {
        let items = Items::new(black_box(message)).expect("a record");
        let mut count = 0;
        for item in items {
            black_box(item.expect("an item"));
            count += 1;
        }
        assert_eq!(count, fields.len());
    });
    println!("borrowed {encode:.1} {decode:.1}");
    let record = Record::decode(message).expect("a record");
    let encode = time(calls, || drop(black_box(black_box(&record).encode().expect("bytes"))));
    let decode = time(calls, || drop(black_box(Record::decode(black_box(message)).expect("a record"))));
    println!("owned {encode:.1} {decode:.1}");
}
