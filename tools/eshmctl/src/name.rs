//! Segment names as users type them.

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

    /// The path as text; what is not printable is escaped.
    pub fn shown_path(&self) -> String {
        self.path().to_string_lossy().escape_debug().to_string()
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
        let path = inspect::path(name)?; // refuses what no segment can be called
        let file = path.file_name().expect("a file in /dev/shm");
        Ok(Name(file.as_bytes()["eshm_".len()..].to_vec()))
    }
}

/// A name on the command line is bytes, as a file's is.
impl ValueParserFactory for Name {
    type Parser = TryMapValueParser<OsStringValueParser, fn(OsString) -> Result<Name, eshm::Error>>;

    fn value_parser() -> Self::Parser {
        OsStringValueParser::new().try_map(Name::try_from)
    }
}

/// As text; what is not printable is escaped.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).escape_debug().fmt(f)
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
        assert_eq!(Name::of_file(b"x\n\xff".to_vec()).to_string(), "x\\n\u{fffd}");
        assert_eq!(Name::of_file(b"x\x1b[31m".to_vec()).shown_path(), "/dev/shm/eshm_x\\u{1b}[31m");
        assert_eq!(typed("a/b").unwrap().path(), inspect::path("a/b").unwrap());
    }
}
