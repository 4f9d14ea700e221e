//! Messages as text.

use clap::ValueEnum;
use serde_json::{Value, json};

/// How a message's bytes are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Form {
    /// As text where it is text, else in hexadecimal.
    Auto,
    /// In hexadecimal.
    Hex,
}

/// On one line, whatever the bytes.
pub fn show(bytes: &[u8], form: Form) -> String {
    match std::str::from_utf8(bytes) {
        // One trailing NUL is a C program's end of text.
        Ok(text) if form == Form::Auto => text.strip_suffix('\0').unwrap_or(text).escape_debug().to_string(),
        _ => hex(bytes),
    }
}

/// Two digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As JSON: `text` where the bytes are text, `hex` always.
pub fn json(bytes: &[u8]) -> Value {
    json!({ "size": bytes.len(), "text": std::str::from_utf8(bytes).ok(), "hex": hex(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_become_one_line() {
        assert_eq!(show(b"a\nb\0", Form::Auto), "a\\nb");
        assert_eq!(show(b"a\xff", Form::Auto), "61ff");
        assert_eq!(show(b"ab", Form::Hex), "6162");
        assert_eq!(json(b"ab"), json!({ "size": 2, "text": "ab", "hex": "6162" }));
    }
}
