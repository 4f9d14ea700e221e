//! Records as users type them: JSON in the form in which records are shown
//! (`eshm::records::to_json`).

use crate::failure::Failure;
use eshm::records::{Call, Event, Image, Record, Scalar, Value};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::{Value as Json, value::RawValue};
use std::fmt;

/// The members of a JSON object, all of them, in order: a key may come twice.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Members, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object such as {\"speed\": 1.5, \"on\": true}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(All)
    }
}

/// The bytes of the record that this JSON object shows.
pub fn encode(text: &[u8]) -> Result<Vec<u8>, Failure> {
    let wrong = |why: String| Failure::new(format!("the value is no record in JSON: {why}"));
    let Members(members) =
        serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
    let mut record = Record::new();
    for (key, json) in members {
        let value =
            value(&json).map_err(|why| wrong(format!("\"{}\": {why}", key.escape_debug())))?;
        record.push(key, value);
    }
    Ok(record.encode()?)
}

/// What an object with other members is not.
const OBJECTS: &str = "an object here is {\"binary\": HEX}, {\"event\": NAME, \"parameters\": \
                       {...}}, {\"function\": NAME, \"return\": VALUE or null, \"arguments\": \
                       [...]} or an image: {\"width\", \"height\", \"channels\", \
                       \"timestamp_ns\", \"data\": HEX}";

fn value(json: &RawValue) -> Result<Value, String> {
    let Ok(Members(members)) = serde_json::from_str(json.get()) else {
        return scalar(json).map(Value::from);
    };
    let keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    // Each member once: a second of its name would be lost.
    let all =
        |wanted: &[&str]| keys.len() == wanted.len() && wanted.iter().all(|key| keys.contains(key));
    let find =
        |wanted: &str| members.iter().find(|(key, _)| key == wanted).map(|(_, json)| &**json);
    let member = |wanted: &str| find(wanted).expect("checked before");
    match keys.first() {
        Some(&"binary") => scalar(json).map(Value::from),
        Some(&"event") if all(&["event", "parameters"]) => Ok(Value::Event(Event {
            name: plain(member("event"))?,
            parameters: {
                let Members(all) = plain(member("parameters"))?;
                all.into_iter()
                    .map(|(key, json)| Ok((key, scalar(&json)?)))
                    .collect::<Result<_, String>>()?
            },
        })),
        Some(&"function")
            if all(&["function", "return", "arguments"]) || all(&["function", "arguments"]) =>
        {
            Ok(Value::FunctionCall(Call {
                name: plain(member("function"))?,
                result: find("return")
                    .filter(|json| json.get() != "null")
                    .map(scalar)
                    .transpose()?,
                arguments: {
                    let all: Vec<Box<RawValue>> = plain(member("arguments"))?;
                    all.iter().map(|json| scalar(json)).collect::<Result<_, _>>()?
                },
            }))
        }
        Some(&"width") if all(&["width", "height", "channels", "timestamp_ns", "data"]) => {
            let side = |key: &str| {
                let number: u64 = plain(member(key))?;
                u32::try_from(number).map_err(|_| format!("{number} is too large for an image"))
            };
            Ok(Value::ImageFrame(Image {
                width: side("width")?,
                height: side("height")?,
                channels: side("channels")?,
                timestamp_ns: plain(member("timestamp_ns"))?,
                data: bytes(&plain::<String>(member("data"))?)?,
            }))
        }
        _ => Err(OBJECTS.to_owned()),
    }
}

fn scalar(json: &RawValue) -> Result<Scalar, String> {
    match plain(json)? {
        Json::Bool(value) => Ok(Scalar::Boolean(value)),
        Json::String(text) => Ok(Scalar::String(text)),
        Json::Number(number) if number.is_f64() => {
            Ok(Scalar::Real(number.as_f64().expect("a double")))
        }
        Json::Number(number) => number
            .as_i64()
            .map(Scalar::Integer)
            .ok_or(format!("{number} is beyond 64 bits with a sign")),
        Json::Object(object) if object.len() == 1 && object.contains_key("binary") => {
            object["binary"].as_str().ok_or(OBJECTS.to_owned()).and_then(bytes).map(Scalar::Binary)
        }
        Json::Object(_) | Json::Array(_) | Json::Null => {
            Err("a value is a number, true or false, a string, or {\"binary\": HEX}".to_owned())
        }
    }
}

/// A part of an object, in the form that belongs there.
fn plain<T: DeserializeOwned>(json: &RawValue) -> Result<T, String> {
    serde_json::from_str(json.get()).map_err(|_| OBJECTS.to_owned())
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let digits: Option<Vec<u8>> = hex.as_bytes().iter().map(digit).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect())
        }
        _ => Err(format!("\"{}\" is not hexadecimal, two digits a byte", hex.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eshm::records::to_json;

    #[test]
    fn what_is_shown_is_what_is_typed() {
        for text in [
            r#"{}"#,
            concat!(
                r#"{"i": -5, "r": 1.0, "b": true, "s": "a\"b\\c\né", "#,
                r#""x": {"binary": "00ff"}, "i": 9223372036854775807}"#
            ),
            concat!(
                r#"{"e": {"event": "tick", "#,
                r#""parameters": {"z": 1, "a": {"binary": ""}, "z": 2.5, "z": "three"}}}"#
            ),
            concat!(
                r#"{"f": {"function": "add", "return": null, "arguments": [1, 2.5]}, "#,
                r#""g": {"function": "now", "return": 42, "arguments": []}}"#
            ),
            concat!(
                r#"{"m": {"width": 1, "height": 2, "channels": 3, "#,
                r#""timestamp_ns": 18446744073709551615, "data": "01ab"}}"#
            ),
        ] {
            let bytes =
                encode(text.as_bytes()).unwrap_or_else(|failure| panic!("{text}: {failure}"));
            assert_eq!(to_json(&bytes).expect("a record"), text);
        }
    }

    #[test]
    fn doubles_come_back_to_the_last_bit() {
        let mut bits: u64 = 0x4042_0000_0000_0000;
        for _ in 0..2000 {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407); // Knuth, MMIX
            let real = f64::from_bits(bits);
            if !real.is_finite() {
                continue;
            }
            let bytes = Record::from_iter([("r", real.into())]).encode().expect("bytes");
            let shown = to_json(&bytes).expect("a record");
            assert_eq!(encode(shown.as_bytes()).expect("bytes"), bytes, "{shown}");
        }
    }

    #[test]
    fn what_is_no_record_is_told_with_its_key() {
        for (text, words) in [
            ("12", "such as {"),
            ("{\"a\": 1", "EOF"),
            (r#"{"a": null}"#, "\"a\": a value is a number"),
            (r#"{"a": [1]}"#, "\"a\": a value is a number"),
            (r#"{"a": 9223372036854775808}"#, "beyond 64 bits"),
            (r#"{"a": {"binary": "0g"}}"#, "not hexadecimal"),
            (r#"{"a": {"binary": "012"}}"#, "two digits"),
            (r#"{"a": {"binary": "01", "more": 1}}"#, "a value is a number"),
            (r#"{"a": {"b": 1}}"#, "an object here is"),
            (r#"{"a": {"event": "e", "parameters": {}, "more": 1}}"#, "an object here is"),
            (r#"{"a": {"event": "e", "parameters": {}, "event": "f"}}"#, "an object here is"),
            (r#"{"a": {"event": "e", "parameters": [1]}}"#, "an object here is"),
            (
                r#"{"a": {"function": "f", "return": [1], "arguments": []}}"#,
                "\"a\": a value is a number",
            ),
            (
                concat!(
                    r#"{"a": {"width": 5000000000, "height": 1, "channels": 1, "#,
                    r#""timestamp_ns": 0, "data": ""}}"#
                ),
                "too large",
            ),
        ] {
            let said = encode(text.as_bytes()).expect_err(text).to_string();
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}
