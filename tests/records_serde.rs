//! Records from and to the data model of serde. Built with the feature `serde` only.

use eshm::records::{Call, Event, Image, Record, Scalar, Value, from_record, to_record};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Mode {
    Slow,
    Fast,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Meters(f32);

/// Everything that a field may be.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct State {
    temperature: f64,
    height: Meters,
    status: String,
    letter: char,
    count: u16,
    large: i64,
    on: bool,
    mode: Mode,
    octets: Vec<u8>,
    pair: (u8, u8),
    there: Option<i32>,
    absent: Option<String>,
    event: Value,
}

fn record_of_all_types() -> Record {
    let mut record = Record::new();
    record.push("i", i64::MIN);
    record.push("b", true);
    record.push("r", -0.5);
    record.push("s", "häuser \"\0");
    record.push("x", vec![0_u8, 255]);
    let parameters = vec![("n".into(), Scalar::Integer(5)), ("x".into(), Scalar::Binary(vec![1]))];
    record.push("e", Value::Event(Event { name: "tick".into(), parameters }));
    for result in [None, Some(Scalar::Boolean(false))] {
        let arguments = vec![Scalar::Real(1.5), Scalar::String(String::new()), Scalar::Binary(vec![])];
        record.push("f", Value::FunctionCall(Call { name: "add".into(), result, arguments }));
    }
    let image = Image { width: u32::MAX, height: 0, channels: 3, timestamp_ns: u64::MAX, data: vec![7; 3] };
    record.push("m", Value::ImageFrame(image));
    record
}

#[test]
fn a_struct_becomes_a_record_and_again_a_struct() {
    let state = State {
        temperature: 23.5,
        height: Meters(1.5),
        status: "OK".into(),
        letter: 'é',
        count: 65_535,
        large: i64::MIN,
        on: true,
        mode: Mode::Fast,
        octets: vec![1, 0, 255],
        pair: (3, 4),
        there: Some(-1),
        absent: None,
        event: Value::Event(Event { name: "go".into(), parameters: vec![("n".into(), Scalar::Integer(1))] }),
    };
    let record = to_record(&state).expect("it fits");
    let keys: Vec<_> = record.iter().map(|(key, _)| key).collect();
    let fields =
        ["temperature", "height", "status", "letter", "count", "large", "on", "mode", "octets", "pair", "there", "event"];
    assert_eq!(keys, fields);
    assert_eq!(record.get("mode"), Some(&Value::String("Fast".into())));
    assert_eq!(record.get("octets"), Some(&Value::Binary(vec![1, 0, 255])));
    assert_eq!(record.get("event"), Some(&state.event));

    // By way of the bytes.
    let bytes = record.encode().expect("it has a form");
    assert_eq!(from_record::<State>(Record::decode(&bytes).expect("a record")), Ok(state));
}

#[test]
fn records_go_through_any_format() {
    let record = record_of_all_types();
    assert_eq!(to_record(&record).as_ref(), Ok(&record));
    assert_eq!(from_record::<Record>(record.clone()).as_ref(), Ok(&record));
    let text = serde_json::to_string(&record).expect("JSON");
    assert_eq!(serde_json::from_str::<Record>(&text).expect("a record"), record);
    let (_, event) = record.iter().nth(5).expect("an event");
    assert_eq!(serde_json::to_value(event).expect("JSON"), json!({"event": "tick", "parameters": {"n": 5, "x": [1]}}));
}

#[test]
fn what_is_no_record_is_refused_with_a_reason() {
    for (json, reason) in [
        ("3", "a record is made of a struct or a map"),
        (r#"{"a": [1, 256]}"#, "a: a sequence of anything but numbers from 0 to 255"),
        (r#"{"a": 9223372036854775808}"#, "a: 9223372036854775808 is over what an integer holds"),
        (r#"{"a": {"b": 1}}"#, "a: a map that is no event, function call or image frame"),
        (r#"{"a": {"event": "b"}}"#, "a: there is no 'parameters'"),
        (r#"{"a": {"event": "b", "parameters": {}, "c": 1}}"#, "a: an unknown field 'c'"),
        (r#"{"a": {"event": "b", "parameters": {"p": {}}}}"#, "a: a map where a scalar must be"),
        (r#"{"a": {"event": 1, "parameters": {}}}"#, "a: a name that is no text"),
        (r#"{"a": {"event": "b", "parameters": 1}}"#, "a: parameters that are no map"),
        (r#"{"a": {"function": "b", "arguments": {}}}"#, "a: arguments that are no sequence"),
        (r#"{"a": {"function": "b", "arguments": [null]}}"#, "a: nothing where a value must be"),
        (
            r#"{"a": {"width": -1, "height": 1, "channels": 1, "timestamp_ns": 1, "data": []}}"#,
            "a: a size that is no number of 32 bits",
        ),
        (r#"{"a": {"width": 1, "height": 1, "channels": 1, "timestamp_ns": -1, "data": []}}"#, "a: a negative time"),
        (
            r#"{"a": {"width": 1, "height": 1, "channels": 1, "timestamp_ns": "", "data": []}}"#,
            "a: a time that is no number",
        ),
    ] {
        let error = serde_json::from_str::<Record>(json).expect_err(json).to_string();
        assert!(error.starts_with(reason), "{json}: {error}");
    }
    assert_eq!(serde_json::from_str::<Record>(r#"{"a": null, "b": 1}"#).expect("b alone").len(), 1);
    assert_eq!(serde_json::from_str::<Value>("1").expect("a value"), Value::Integer(1));
    assert_eq!(serde_json::from_str::<Scalar>("true").expect("a scalar"), Scalar::Boolean(true));

    #[derive(Serialize)]
    enum Shape {
        Circle { radius: f64 },
        Point(u8),
        Line(u8, u8),
    }
    fn keyed<T>(key: &str, value: T) -> BTreeMap<&str, T> {
        BTreeMap::from([(key, value)])
    }
    for shape in [Shape::Circle { radius: 1.0 }, Shape::Point(1), Shape::Line(1, 2)] {
        let error = to_record(&keyed("a", shape)).expect_err("an enum with content").to_string();
        assert!(error.ends_with(": a record has no enums with content"), "{error}");
    }
    assert_eq!(to_record(&BTreeMap::from([(1, 2)])).expect_err("no text").to_string(), "a key that is no text");
    assert_eq!(to_record(&1).expect_err("no map").to_string(), "a record is made of a struct or a map");
    assert!(from_record::<State>(Record::new()).expect_err("nothing in it").to_string().contains("temperature"));
    assert!(from_record::<BTreeMap<String, u8>>(to_record(&keyed("a", 256)).expect("it fits")).is_err());
    assert!(from_record::<BTreeMap<String, Mode>>(to_record(&keyed("a", "Stopped")).expect("it fits")).is_err());
}
