//! Messages as text.

use crate::{tell, text};
use eshm::records;
use serde::Serialize;
use serde_json::value::RawValue;

/// Of what is larger only the size is shown: as text it takes some times its memory, and its size is
/// its writer's word.
pub const LARGEST: usize = 16 << 20;

/// What is said of it instead.
pub fn too_large(size: usize) -> String {
    format!("{size} bytes, too many to be shown; `eshmctl record` has room for them")
}

/// How a message's bytes are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As text where it is text, else in hexadecimal.
    Auto,
    /// In hexadecimal.
    Hex,
    /// As a record, in JSON.
    Record,
}

impl Form {
    /// What `--hex` and `--record` ask for.
    pub fn of(hex: bool, record: bool) -> Form {
        match (hex, record) {
            (_, true) => Form::Record,
            (true, _) => Form::Hex,
            _ => Form::Auto,
        }
    }
}

/// On one line, whatever the bytes.
pub fn show(bytes: &[u8], form: Form) -> String {
    if bytes.len() > LARGEST {
        return too_large(bytes.len());
    }
    match (form, std::str::from_utf8(bytes)) {
        (Form::Record, _) => match records::to_json(bytes) {
            Ok(json) => text::json(&json),
            Err(error) => format!("no {error}"),
        },
        // One trailing NUL is a C program's end of text.
        (Form::Auto, Ok(text)) => text::shown(text.strip_suffix('\0').unwrap_or(text)),
        _ => hex(bytes),
    }
}

/// Whether a text has no control characters but those of layout, and a C program's NUL at its end.
pub fn is_plain(text: &str) -> bool {
    !text
        .strip_suffix('\0')
        .unwrap_or(text)
        .contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

/// Whether the bytes are a record, as far as one is shown.
pub fn is_record(bytes: &[u8]) -> bool {
    bytes.len() <= LARGEST && records::to_json(bytes).is_ok()
}

/// Two digits a byte, and none of what is too large.
pub fn hex(bytes: &[u8]) -> String {
    let bytes = if bytes.len() > LARGEST { &[] } else { bytes };
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A message as JSON.
#[derive(Clone, Serialize, Debug)]
pub struct Message {
    /// Bytes.
    size: usize,
    /// The bytes, if they are text.
    text: Option<String>,
    /// The bytes in hexadecimal, if they are not too many.
    hex: Option<String>,
    /// The values, if the bytes are a record; in its order, as `eshm::records::to_json` shows
    /// them.
    record: Option<Box<RawValue>>,
}

impl Message {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Message {
        let size = bytes.len();
        if size > LARGEST {
            return Message { size, text: None, hex: None, record: None };
        }
        let record = records::to_json(bytes).ok();
        Message {
            size,
            text: std::str::from_utf8(bytes).ok().map(str::to_owned),
            hex: Some(hex(bytes)),
            record: record.map(|json| RawValue::from_string(json).expect("to_json writes JSON")),
        }
    }
}

/// Says how many values were no records, where records were asked for.
pub fn tell_no_records(name: &crate::name::Name, count: u64, values: u64) {
    tell!(
        "{name}: {count} of {values} values are no records; without --record they are shown as \
         text or in hexadecimal"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use eshm::records::Record;

    #[test]
    fn any_bytes_become_one_line() {
        assert_eq!(show(b"a\nb\0", Form::Auto), "a\\nb");
        assert_eq!(show(b"a\xff", Form::Auto), "61ff");
        assert_eq!(show(b"ab", Form::Hex), "6162");
        assert_eq!(
            show(b"ab", Form::Record),
            "no record: an element that does not belong here (at 0)"
        );
        let json = |bytes: &[u8]| serde_json::to_string(&Message::of(bytes)).expect("JSON");
        assert_eq!(json(b"ab"), r#"{"size":2,"text":"ab","hex":"6162","record":null}"#);
    }

    #[test]
    fn control_characters_make_a_text_doubtful() {
        assert!(is_plain("a\tb\r\n\0") && is_plain("") && is_plain("\u{e9}"));
        assert!(!is_plain("a\0b") && !is_plain("a\0\0") && !is_plain("\u{10}\u{1}\u{2}"));
    }

    #[test]
    fn a_record_is_shown_in_its_order() {
        let bytes = Record::from_iter([("z", 1.into()), ("a", 2.0.into()), ("z", "x\ny".into())])
            .encode()
            .expect("bytes");
        let shown = r#"{"z": 1, "a": 2.0, "z": "x\ny"}"#;
        assert_eq!(show(&bytes, Form::Record), shown);
        assert!(
            serde_json::to_string(&Message::of(&bytes))
                .expect("JSON")
                .ends_with(&format!("\"record\":{shown}}}"))
        );
    }
}
