//! What others have chosen, as this program prints it: names, command lines, values. None of it may
//! steer a terminal, or hide or reorder what stands beside it.

use std::fmt::Write;

/// Letters and signs by their kind, and nothing to be seen: fillers of Hangul, the empty Braille cell.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// Whether a character is none to be printed as it is: it controls a terminal (C0, DEL, C1), breaks
/// a line, reorders text (bidirectional marks), is not to be seen, or is a mark on the one before:
/// with marks enough that one is not to be seen, and with an invisible one it looks like another.
pub fn is_unprintable(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Of the rest the standard library has the tables.
        _ => c.is_control() || BLANK.contains(&c) || c.escape_debug().nth(1) == Some('u'),
    }
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
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match BLANK.contains(&c) {
            true => out.extend(c.escape_unicode()),
            false => out.extend(c.escape_debug()),
        }
        out
    })
}

/// A name, or a file's path, for the terminal: different bytes never look alike.
pub fn name(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += &shown(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // cannot fail
        }
    }
    text
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
    const HOSTILE: &str = "a\u{1b}[31m\u{7f}\u{9b}\u{200e}\u{202e}\u{2066}\u{61c}\u{2028}\u{e0041}\
                           \u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{2800}\u{3164}\u{fe00}\u{fe0f}\u{ffa0}\
                           \u{1bca0}\u{1bca3}\u{1d173}\u{1d17a}\u{e0100}\u{e01ef}\u{301}";

    #[test]
    fn nothing_unprintable_is_left() {
        for shown in [shown(HOSTILE), json(HOSTILE), message(HOSTILE), name(HOSTILE.as_bytes())] {
            assert!(shown.is_ascii() && !shown.contains(is_unprintable), "{shown:?}");
        }
        assert_eq!(name(b"a\n\xff\xe2\x80"), "a\\n\\xff\\xe2\\x80");
        assert!(!"\u{e9}\u{4f60}\u{ac00}\u{1f916}\u{20ac}".contains(is_unprintable));
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
