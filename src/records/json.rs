//! Any record as JSON, without knowing what it is about.
//!
//! Scalars are what they are in JSON; a real always has a point or an exponent, so that it can be told from an integer, and is
//! a string if JSON has no number for it (`"NaN"`, `"Infinity"`, `"-Infinity"`). The rest are objects:
//! `{"binary": "00ff"}` (hexadecimal), `{"event": NAME, "parameters": {...}}`,
//! `{"function": NAME, "return": VALUE or null, "arguments": [...]}`,
//! `{"width": 2, "height": 2, "channels": 3, "timestamp_ns": 1, "data": "00ff"}`. A key that comes twice is shown twice.

use super::decode::Items;
use super::error::{Error, Reason};
use super::view::{ScalarRef, ValueRef};
use super::wire::Writer;
use crate::sys::decimal;
use std::fmt::Write;

/// A record as JSON.
///
/// ```
/// use eshm::records::{Record, to_json};
///
/// let record = Record::from_iter([("temperature", 23.5.into()), ("status", "OK".into())]);
/// assert_eq!(to_json(&record.encode()?)?, r#"{"temperature": 23.5, "status": "OK"}"#);
/// # Ok::<(), eshm::records::Error>(())
/// ```
///
/// # Errors
/// Bytes that are no record; [`Reason::NoMemory`] if the text does not fit into memory.
pub fn to_json(message: &[u8]) -> Result<String, Error> {
    let (mut text, mut needed) = (Vec::new(), message.len().saturating_mul(2));
    loop {
        text.try_reserve_exact(needed - text.len()).map_err(|_| Error::at(needed, Reason::NoMemory))?;
        text.resize(needed, 0);
        match to_json_into(message, &mut text) {
            Ok(size) => {
                text.truncate(size);
                // It has no other: strings and names of records are UTF-8.
                return String::from_utf8(text).map_err(|_| Error::at(0, Reason::NotUtf8));
            }
            Err(Error { reason: Reason::TooLarge { needed: size }, .. }) if size > text.len() => needed = size,
            Err(error) => return Err(error),
        }
    }
}

/// The same into a buffer, without allocation; its length, without a NUL.
pub(crate) fn to_json_into(message: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let mut json = Writer::new(out);
    json.put(b"{");
    for (count, item) in Items::new(message)?.enumerate() {
        let item = item?;
        json.name(count, item.key);
        json.json_value(item.value);
    }
    json.put(b"}");
    json.finish()
}

impl Writer<'_> {
    fn separate(&mut self, count: usize) {
        if count > 0 {
            self.put(b", ");
        }
    }

    fn name(&mut self, count: usize, name: &str) {
        self.separate(count);
        self.quoted(name);
        self.put(b": ");
    }

    fn quoted(&mut self, text: &str) {
        self.put(b"\"");
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7F) {
            self.put(&rest[..at]);
            match rest[at] {
                b'\n' => self.put(b"\\n"),
                b'\t' => self.put(b"\\t"),
                byte @ (b'"' | b'\\') => self.put(&[b'\\', byte]),
                byte => {
                    self.put(b"\\u00");
                    self.hex(byte);
                }
            }
            rest = &rest[at + 1..];
        }
        self.put(rest);
        self.put(b"\"");
    }

    fn hex(&mut self, byte: u8) {
        let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 15)];
        self.put(&[digit(byte >> 4), digit(byte)]);
    }

    fn hexadecimal(&mut self, octets: &[u8]) {
        self.put(b"\"");
        octets.iter().for_each(|&byte| self.hex(byte));
        self.put(b"\"");
    }

    fn number(&mut self, name: &str, value: u64) {
        self.put(name.as_bytes());
        let _ = write!(self, "{value}"); // cannot fail
    }

    fn json_scalar(&mut self, scalar: ScalarRef<'_>) {
        match scalar {
            ScalarRef::Integer(value) => {
                let _ = write!(self, "{value}"); // cannot fail
            }
            ScalarRef::Boolean(value) => self.put(if value { b"true" } else { b"false" }),
            ScalarRef::Real(value) if value.is_finite() => {
                self.put(decimal::write(value, &mut [0; size_of::<decimal::Text>()]));
            }
            ScalarRef::Real(value) if value.is_nan() => self.put(b"\"NaN\""),
            ScalarRef::Real(value) => self.put(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" }),
            ScalarRef::String(text) => self.quoted(text),
            ScalarRef::Binary(octets) => {
                self.put(b"{\"binary\": ");
                self.hexadecimal(octets);
                self.put(b"}");
            }
        }
    }

    fn json_value(&mut self, value: ValueRef<'_>) {
        if let Some(scalar) = value.scalar() {
            return self.json_scalar(scalar);
        }
        match value {
            ValueRef::Event(event) => {
                self.put(b"{\"event\": ");
                self.quoted(event.name);
                self.put(b", \"parameters\": {");
                for (count, (key, value)) in event.parameters.enumerate() {
                    self.name(count, key);
                    self.json_scalar(value);
                }
                self.put(b"}}");
            }
            ValueRef::FunctionCall(call) => {
                self.put(b"{\"function\": ");
                self.quoted(call.name);
                self.put(b", \"return\": ");
                match call.result {
                    Some(result) => self.json_scalar(result),
                    None => self.put(b"null"),
                }
                self.put(b", \"arguments\": [");
                for (count, argument) in call.arguments.enumerate() {
                    self.separate(count);
                    self.json_scalar(argument);
                }
                self.put(b"]}");
            }
            ValueRef::ImageFrame(image) => {
                self.number("{\"width\": ", image.width.into());
                self.number(", \"height\": ", image.height.into());
                self.number(", \"channels\": ", image.channels.into());
                self.number(", \"timestamp_ns\": ", image.timestamp_ns);
                self.put(b", \"data\": ");
                self.hexadecimal(image.data);
                self.put(b"}");
            }
            _ => {}
        }
    }
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Call, Event, Image, Record, Value};
    use super::*;

    #[test]
    fn all_eight_types() {
        let record = Record::from_iter([
            ("i", (-5).into()),
            ("b", true.into()),
            ("r", 1.0.into()),
            ("small", 5e-324.into()),
            ("s", "a\"b\\c\n\u{1}é\u{7f}".into()),
            ("x", vec![0, 255].into()),
            ("nan", f64::NAN.into()),
            ("inf", f64::NEG_INFINITY.into()),
            (
                "e",
                Value::Event(Event {
                    name: "tick".into(),
                    parameters: vec![("n".into(), 1.into()), ("t".into(), "x".into())],
                }),
            ),
            ("f", Value::FunctionCall(Call { name: "add".into(), result: None, arguments: vec![1.into(), 2.5.into()] })),
            ("g", Value::FunctionCall(Call { name: "now".into(), result: Some(42.into()), arguments: vec![] })),
            (
                "m",
                Value::ImageFrame(Image { width: 1, height: 2, channels: 3, timestamp_ns: u64::MAX, data: vec![1, 0xAB] }),
            ),
        ]);
        let json = to_json(&record.encode().expect("it has a form")).expect("it is a record");
        let expected = concat!(
            r#"{"i": -5, "b": true, "r": 1.0, "small": 4.94065645841247e-324, "s": "a\"b\\c\n\u0001é\u007f", "x": {"binary": "00ff"}, "#,
            r#""nan": "NaN", "inf": "-Infinity", "e": {"event": "tick", "parameters": {"n": 1, "t": "x"}}, "#,
            r#""f": {"function": "add", "return": null, "arguments": [1, 2.5]}, "#,
            r#""g": {"function": "now", "return": 42, "arguments": []}, "#,
            r#""m": {"width": 1, "height": 2, "channels": 3, "timestamp_ns": 18446744073709551615, "data": "01ab"}}"#
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn what_is_no_record() {
        assert_eq!(to_json(b"a text"), Err(Error::at(0, Reason::UnexpectedTag)));
        let mut bytes = Record::from_iter([("a", 1.into())]).encode().expect("it has a form");
        bytes.pop();
        assert_eq!(to_json(&bytes).map_err(|error| error.reason), Err(Reason::Truncated));
        assert_eq!(to_json(&Record::new().encode().expect("it has a form")).as_deref(), Ok("{}"));
    }
}
