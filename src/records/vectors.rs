//! The encodings that the released library produced, both ways.

use super::{Call, Event, Image, Record, Scalar, Type, Value};
use serde_json::Value as Json;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn number<T: std::str::FromStr>(json: &Json) -> T {
    json.to_string().trim_matches('"').parse().unwrap_or_else(|_| panic!("{json} is no number"))
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no string"))
}

fn scalar(json: &Json) -> Scalar {
    let (kind, value) = json.as_object().expect("an object").iter().next().expect("one member");
    match kind.as_str() {
        "integer" => Scalar::Integer(number(value)),
        "boolean" => Scalar::Boolean(value.as_bool().expect("a boolean")),
        "real_bits" => Scalar::Real(f64::from_bits(u64::from_str_radix(text(value), 16).expect("hexadecimal"))),
        "string" => Scalar::String(text(value).into()),
        "binary" => Scalar::Binary(bytes(text(value))),
        other => panic!("there is no {other}"),
    }
}

fn value(kind: i64, json: &Json) -> Value {
    match Type::of(kind).expect("a type") {
        Type::Event => Value::Event(Event {
            name: text(&json["event"]).into(),
            parameters: json["parameters"]
                .as_object()
                .expect("an object")
                .iter()
                .map(|(k, v)| (k.clone(), scalar(v)))
                .collect(),
        }),
        Type::FunctionCall => Value::FunctionCall(Call {
            name: text(&json["function"]).into(),
            result: (!json["return"].is_null()).then(|| scalar(&json["return"])),
            arguments: json["arguments"].as_array().expect("an array").iter().map(scalar).collect(),
        }),
        Type::ImageFrame => Value::ImageFrame(Image {
            width: number(&json["width"]),
            height: number(&json["height"]),
            channels: number(&json["channels"]),
            timestamp_ns: number(&json["timestamp_ns"]),
            data: bytes(text(&json["data"])),
        }),
        _ => scalar(json).into(),
    }
}

#[test]
fn ours_are_the_releases_bytes_and_theirs_are_read() {
    let vectors: Json = serde_json::from_str(include_str!("../../tests/data/record-vectors.json")).expect("JSON");
    let vectors = vectors.as_array().expect("an array");
    assert_eq!(vectors.len(), 44);
    let mut kinds = std::collections::BTreeSet::new();
    for vector in vectors {
        let items = vector["items"].as_array().expect("an array");
        let record = Record::from_iter(items.iter().map(|item| {
            let kind = item["type"].as_i64().expect("a number");
            kinds.insert(kind);
            (text(&item["key"]), value(kind, &item["value"]))
        }));
        let expected = bytes(text(&vector["hex"]));
        assert_eq!(record.encode().as_deref(), Ok(&expected[..]), "{}", vector["name"]);
        assert_eq!(Record::decode(&expected).as_ref(), Ok(&record), "{}", vector["name"]);
    }
    assert_eq!(kinds.len(), 8);
}
