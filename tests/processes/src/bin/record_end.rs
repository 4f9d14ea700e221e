//! The Rust end of `scripts/test_records.py`: exchanges one record of all five scalar types each way.
//!
//!     record_end master|slave NAME
//!
//! Says `open`; the master then waits for a line on standard input. Ends with `ok` and where the peer's record came from.

use eshm::records::{Record, Value};
use eshm::{Endpoint, Role};
use std::{env, io, time::Duration};

/// What each end writes but for the last item, which says who.
fn values() -> [(&'static str, Value); 8] {
    [
        ("i", (-129i64).into()),
        ("least", i64::MIN.into()),
        ("b", true.into()),
        ("c", false.into()),
        ("r", (-0.0f64).into()),
        ("e", 1e-300.into()),
        ("s", "héllo ✓".into()),
        ("x", (&[0u8, 1, 255][..]).into()),
    ]
}

fn check(record: &Record) -> String {
    let mut items = record.iter();
    for (key, value) in values() {
        let (their_key, theirs) = items.next().expect("an item more");
        assert_eq!(their_key, key);
        match (theirs, &value) {
            (Value::Real(theirs), Value::Real(ours)) => assert_eq!(theirs.to_bits(), ours.to_bits(), "{key}"),
            _ => assert_eq!(theirs, &value, "{key}"),
        }
    }
    let Some(("from", Value::String(from))) = items.next() else { panic!("no origin in {record:?}") };
    assert!(items.next().is_none());
    from.clone()
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [role, name] = arguments.as_slice() else { panic!("usage: record_end master|slave NAME") };
    let is_master = role == "master";
    let role = if is_master { Role::Master } else { Role::Slave };
    let endpoint = Endpoint::builder(name).role(role).open().expect("a channel");
    println!("open");

    let mut ours = Record::from_iter(values());
    ours.push("from", "rust");
    let write = || assert!(endpoint.write_record(&ours).expect("the peer is there") > 0);
    if is_master {
        io::stdin().read_line(&mut String::new()).expect("the word to begin");
        write();
    }
    let from = check(&endpoint.read_record(Duration::from_secs(20)).expect("the peer's record"));
    if !is_master {
        write();
    }
    println!("ok {from}");
    if !is_master {
        io::stdin().read_line(&mut String::new()).expect("the word to end"); // what it wrote is read by then
    }
}
