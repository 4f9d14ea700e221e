//! Records as users type them: JSON in the form in which records are shown (`eshm::records::to_json`).

use crate::failure::Failure;
use eshm::records::{Call, Event, Image, Record, Scalar, Value};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value as Json};
use std::fmt;

/// The members of a JSON object, all of them, in order.
struct Members(Vec<(String, Json)>);

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
    let Members(members) = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
    let mut record = Record::new();
    for (key, json) in members {
        let value = value(json).map_err(|why| wrong(format!("\"{}\": {why}", key.escape_debug())))?;
        record.push(key, value);
    }
    Ok(record.encode()?)
}

/// What an object with other members is not.
const OBJECTS: &str = "an object here is {\"binary\": HEX}, {\"event\": NAME, \"parameters\": {...}}, {\"function\": NAME, \
                       \"return\": VALUE or null, \"arguments\": [...]} or an image: {\"width\", \"height\", \"channels\", \
                       \"timestamp_ns\", \"data\": HEX}";

fn value(json: Json) -> Result<Value, String> {
    let Json::Object(mut object) = json else { return scalar(json).map(Value::from) };
    if object.contains_key("binary") {
        return scalar(Json::Object(object)).map(Value::from);
    }
    let value = match object.keys().next().map(String::as_str) {
        Some("event") => Value::Event(Event {
            name: text(&mut object, "event")?,
            parameters: match object.remove("parameters") {
                Some(Json::Object(all)) => {
                    all.into_iter().map(|(key, json)| Ok((key, scalar(json)?))).collect::<Result<_, String>>()?
                }
                _ => return Err(OBJECTS.to_owned()),
            },
        }),
        Some("function") => Value::FunctionCall(Call {
            name: text(&mut object, "function")?,
            result: match object.remove("return") {
                None | Some(Json::Null) => None,
                Some(json) => Some(scalar(json)?),
            },
            arguments: match object.remove("arguments") {
                Some(Json::Array(all)) => all.into_iter().map(scalar).collect::<Result<_, _>>()?,
                _ => return Err(OBJECTS.to_owned()),
            },
        }),
        Some("width") => {
            let mut number = |key: &str| object.remove(key).and_then(|json| json.as_u64()).ok_or(OBJECTS.to_owned());
            let small = |number: u64| u32::try_from(number).map_err(|_| format!("{number} is too large for an image"));
            Value::ImageFrame(Image {
                width: small(number("width")?)?,
                height: small(number("height")?)?,
                channels: small(number("channels")?)?,
                timestamp_ns: number("timestamp_ns")?,
                data: bytes(&text(&mut object, "data")?)?,
            })
        }
        _ => return Err(OBJECTS.to_owned()),
    };
    if object.is_empty() { Ok(value) } else { Err(OBJECTS.to_owned()) }
}

fn scalar(json: Json) -> Result<Scalar, String> {
    match json {
        Json::Bool(value) => Ok(Scalar::Boolean(value)),
        Json::String(text) => Ok(Scalar::String(text)),
        Json::Number(number) if number.is_f64() => Ok(Scalar::Real(number.as_f64().expect("a double"))),
        Json::Number(number) => {
            number.as_i64().map(Scalar::Integer).ok_or(format!("{number} is beyond 64 bits with a sign"))
        }
        Json::Object(mut object) if object.len() == 1 => Ok(Scalar::Binary(bytes(&text(&mut object, "binary")?)?)),
        Json::Object(_) | Json::Array(_) | Json::Null => {
            Err("a value is a number, true or false, a string, or {\"binary\": HEX}".to_owned())
        }
    }
}

fn text(object: &mut Map<String, Json>, key: &str) -> Result<String, String> {
    match object.remove(key) {
        Some(Json::String(text)) => Ok(text),
        _ => Err(OBJECTS.to_owned()),
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let digits: Option<Vec<u8>> = hex.as_bytes().iter().map(digit).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect()),
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
            r#"{"i": -5, "r": 1.0, "b": true, "s": "a\"b\\c\né", "x": {"binary": "00ff"}, "i": 9223372036854775807}"#,
            r#"{"e": {"event": "tick", "parameters": {"z": 1, "a": {"binary": ""}}}}"#,
            r#"{"f": {"function": "add", "return": null, "arguments": [1, 2.5]}, "g": {"function": "now", "return": 42, "arguments": []}}"#,
            r#"{"m": {"width": 1, "height": 2, "channels": 3, "timestamp_ns": 18446744073709551615, "data": "01ab"}}"#,
        ] {
            let bytes = encode(text.as_bytes()).unwrap_or_else(|failure| panic!("{text}: {failure}"));
            assert_eq!(to_json(&bytes).expect("a record"), text);
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
            (r#"{"a": {"width": 5000000000, "height": 1, "channels": 1, "timestamp_ns": 0, "data": ""}}"#, "too large"),
        ] {
            let said = encode(text.as_bytes()).expect_err(text).to_string();
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}
