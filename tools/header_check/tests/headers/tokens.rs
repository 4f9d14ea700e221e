//! C text, without comments and macros, as tokens.

/// Words and numbers whole, strings whole, everything else a character at a time.
pub fn tokens(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, behind) = rest.split_at(end);
        // <stdbool.h> of C11 makes one of the other; C23 has only the latter.
        all.push(if token == "_Bool" { "bool" } else { token }.to_owned());
        rest = behind.trim_start();
    }
    all
}

/// Whether the token is a name (or a keyword, or a number).
pub fn is_name(token: &str) -> bool {
    token.chars().all(is_word)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[test]
fn tokens_of_a_declaration() {
    let words = tokens("const char\n *f(_Bool b , uint8_t a[0x10],\"a;b\");");
    assert_eq!(words.join(" "), "const char * f ( bool b , uint8_t a [ 0x10 ] , \"a;b\" ) ;");
}
