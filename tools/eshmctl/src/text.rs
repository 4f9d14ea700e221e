//! What others have chosen, as this program prints it: names, command lines, values. None of it may
//! steer a terminal, or hide or reorder what stands beside it.

use std::fmt::Write;

/// Whether a character is none to be printed as it is: it controls a terminal (C0, DEL, C1), breaks
/// a line, reorders text (bidirectional marks), or is not to be seen.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Bytes as text, with what is no UTF-8 as `\xNN`; the rest as it is, for JSON.
pub fn decoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // cannot fail
        }
    }
    text
}

/// A text for the terminal, on one line.
pub fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

/// JSON, laid out or not, with escapes for what is unprintable in its strings: the same values, and
/// still JSON.
pub fn json(text: &str) -> String {
    replaced(text, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}"); // cannot fail
        }
    })
}

/// A message for standard error, which may have several lines.
pub fn message(text: &str) -> String {
    replaced(text, |c, out| out.extend(c.escape_unicode()))
}

/// The text with all that is unprintable, but the ends of lines, replaced.
fn replaced(text: &str, replace: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            c if is_unprintable(c) => replace(c, &mut out),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind.
    const HOSTILE: &str = "a\u{1b}[31m\u{7f}\u{9b}\u{200e}\u{202e}\u{2066}\u{61c}\u{2028}\u{e0041}";

    #[test]
    fn nothing_unprintable_is_left() {
        for shown in [shown(HOSTILE), json(HOSTILE), message(HOSTILE)] {
            assert!(!shown.contains(is_unprintable), "{shown:?}");
        }
        assert_eq!(decoded(b"a\xff\xc3\xa9"), "a\\xff\u{e9}");
        assert_eq!(message("one\ntwo\x1b"), "one\ntwo\\u{1b}");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "\u{e9}\n"] });
        for text in [value.to_string(), format!("{value:#}")] {
            let escaped = json(&text);
            assert!(!escaped.contains(|c| c != '\n' && is_unprintable(c)), "{escaped}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).expect("JSON"), value);
        }
        assert!(json("\"\u{e0041}\"").contains("\\udb40\\udc41"), "a pair beyond 16 bits");
    }
}
