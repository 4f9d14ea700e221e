//! Segment names as users type them.

use crate::text;
use clap::builder::{OsStringValueParser, TryMapValueParser, TypedValueParser, ValueParserFactory};
use eshm::inspect;
use std::{
    ffi::{CString, OsString},
    fmt,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

/// A segment's name. `demo`, `eshm_demo` as `ls` shows it and `/dev/shm/eshm_demo` mean the same,
/// unless `eshm_demo` is itself the name of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name(Vec<u8>);

impl Name {
    /// One of those that `inspect::names` gives.
    pub fn of_file(bytes: Vec<u8>) -> Name {
        Name(bytes)
    }

    /// That of a recording: the name itself, whatever it looks like.
    ///
    /// # Errors
    /// If no segment can have it.
    pub fn recorded(bytes: &[u8]) -> Result<Name, eshm::Error> {
        let path = inspect::path(bytes)?;
        let file = path.file_name().expect("a file in /dev/shm");
        Ok(Name(file.as_bytes()["eshm_".len()..].to_vec()))
    }

    /// The file that it stands for.
    pub fn path(&self) -> PathBuf {
        Path::new("/dev/shm").join(OsString::from_vec([b"eshm_", &self.0[..]].concat()))
    }

    /// Whether this user may read and write that file.
    pub fn may_be_used(&self) -> bool {
        let path = CString::new(self.path().into_os_string().into_vec())
            .expect("a file's name has no NUL");
        // SAFETY: a NUL-terminated path.
        unsafe { libc::access(path.as_ptr(), libc::R_OK | libc::W_OK) == 0 }
    }

    /// The path as text; what is not printable or no UTF-8 is escaped.
    pub fn shown_path(&self) -> String {
        text::name(self.path().as_os_str().as_bytes())
    }

    /// As a word that bash and zsh take for this very name: a hint is there to be pasted.
    pub fn typed(&self) -> String {
        // An option, or a name that is itself called like a file, is told by its path alone.
        let ambiguous = self.0.starts_with(b"-") || self.0.starts_with(b"eshm_");
        let prefix: &[u8] = if ambiguous { b"/dev/shm/eshm_" } else { b"" };
        quote([prefix, &self.0].concat())
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<OsString> for Name {
    type Error = eshm::Error;

    fn try_from(typed: OsString) -> Result<Name, eshm::Error> {
        let typed = typed.into_vec();
        let file = typed.strip_prefix(b"/dev/shm/").unwrap_or(&typed);
        let name = match file.strip_prefix(b"eshm_") {
            Some(rest) if file.len() < typed.len() || !inspect::path(&typed)?.exists() => rest,
            _ => &typed,
        };
        Name::recorded(name) // refuses what no segment can be called
    }
}

/// A word of a shell: plain where it can be, in quotes where all of it is printable, else in the
/// quotes that know escapes.
fn quote(bytes: Vec<u8>) -> String {
    const PLAIN: &[u8] = b"_-./:,@%+=";
    let shown = text::name(&bytes);
    match String::from_utf8(bytes) {
        Ok(text)
            if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || PLAIN.contains(&byte)) =>
        {
            text
        }
        Ok(text) if text == shown => format!("'{text}'"), // no quote, and nothing else that was escaped
        Ok(text) => ansi_quoted(text.as_bytes()),
        Err(error) => ansi_quoted(error.as_bytes()),
    }
}

/// In `$'...'` (bash(1), QUOTING).
fn ansi_quoted(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\\' | b'\'' => word.extend(['\\', byte.into()]),
            b' '..=b'~' => word.push(byte.into()),
            _ => word += &format!("\\x{byte:02x}"),
        }
    }
    word + "'"
}

/// A name on the command line is bytes, as a file's is.
impl ValueParserFactory for Name {
    type Parser = TryMapValueParser<OsStringValueParser, fn(OsString) -> Result<Name, eshm::Error>>;

    fn value_parser() -> Self::Parser {
        OsStringValueParser::new().try_map(Name::try_from)
    }
}

/// As text; what is not printable or no UTF-8 is escaped.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::name(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Result<Name, eshm::Error> {
        OsString::from(text).try_into()
    }

    #[test]
    fn what_ls_shows_is_understood() {
        for text in
            ["demo_of_name_test", "eshm_demo_of_name_test", "/dev/shm/eshm_demo_of_name_test"]
        {
            assert_eq!(typed(text).unwrap().as_ref(), b"demo_of_name_test");
        }
        assert_eq!(typed("a/b").unwrap().as_ref(), b"a_b");
        assert!(typed("").is_err());
        assert_eq!(Name::of_file(b"x\n\xff".to_vec()).to_string(), "x\\n\\xff");
        assert_eq!(Name::of_file(b"x\x1b[31m".to_vec()).shown_path(), "/dev/shm/eshm_x\\u{1b}[31m");
        assert_eq!(typed("a/b").unwrap().path(), inspect::path("a/b").unwrap());
    }

    #[test]
    fn a_word_of_a_shell_is_no_more_quoted_than_it_must_be() {
        for (bytes, word) in [
            (&b"robot_arm-2.a"[..], "robot_arm-2.a"),
            (b"a b", "'a b'"),
            ("\u{e4}$x".as_bytes(), "'\u{e4}$x'"),
            (b"it's", r"$'it\'s'"),
            (b"a\\b", r"$'a\\b'"),
            (b"arm\xff", r"$'arm\xff'"),
            (b"a\n", r"$'a\x0a'"),
            (b"-x", "/dev/shm/eshm_-x"),
            (b"eshm_x", "/dev/shm/eshm_eshm_x"),
        ] {
            assert_eq!(Name::of_file(bytes.to_vec()).typed(), word);
        }
    }
}
