//! Segment names and the files they stand for.

use crate::Error;
use crate::sys::file::{self, FileId};
use std::{
    ffi::{CStr, CString},
    fmt::{self, Write},
    sync::Arc,
};

/// Where POSIX shared memory lives on Linux (shm_overview(7)).
pub(crate) const FOLDER: &CStr = c"/dev/shm";

/// Which folder that is for us now: another after a chroot(2), in another mount namespace, under a new mount. `None`: none.
pub(crate) fn folder_now() -> Option<FileId> {
    file::lookup(c"/dev/shm/.").ok().flatten() // through a symbolic link, as some systems have one there
}

/// What an error begins with, before the quoted name of the channel that it is about.
pub(crate) const OF: &str = "channel ";
/// The file name's limit of 255 less `eshm_`, kept below by the contract.
const LONGEST: usize = 249;

/// A checked name.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    shown: Arc<str>,
    path: CString,
}

impl Name {
    /// Checks a name: 1 to 249 bytes, none of them NUL. Every `/` becomes `_` in the file's name.
    pub(crate) fn new(bytes: &[u8]) -> Result<Name, Error> {
        if bytes.is_empty() || bytes.len() > LONGEST {
            return Err(Error::InvalidParameter(format!(
                "a segment name has 1 to {LONGEST} bytes, this one {}",
                bytes.len()
            )));
        }
        let mut path = FOLDER.to_bytes().to_vec();
        path.extend_from_slice(b"/eshm_");
        path.extend(bytes.iter().map(|&b| if b == b'/' { b'_' } else { b }));
        let path = CString::new(path).map_err(|_| Error::InvalidParameter("a segment name holds no NUL byte".to_owned()))?;
        Ok(Name { shown: quoted(bytes).into(), path })
    }

    /// It as messages show it, for calls after which its handle may be gone.
    pub(crate) fn shown(&self) -> &Arc<str> {
        &self.shown
    }

    /// The file it stands for.
    pub(crate) fn path(&self) -> &CStr {
        &self.path
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A name, checked or not, as messages show it; of one that is too long the start alone.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let (start, more) = if bytes.len() > LONGEST { (&bytes[..40], "...") } else { (bytes, "") };
    format!("'{}{more}'", escaped(start))
}

/// Bytes as text: what is not printable is escaped, and so is what is no UTF-8, byte by byte. Different bytes give different texts.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().escape_debug());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // into a String: it cannot fail
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_files_in_dev_shm() {
        assert_eq!(Name::new(b"a/b").unwrap().path(), c"/dev/shm/eshm_a_b");
        assert_eq!(Name::new(b"..").unwrap().path(), c"/dev/shm/eshm_..");
        assert!(Name::new(&[b'x'; 249]).is_ok());
        for bad in [&b""[..], &[b'x'; 250], b"a\0b"] {
            assert!(matches!(Name::new(bad), Err(Error::InvalidParameter(_))));
        }
    }

    #[test]
    fn messages_quote_a_name_whole_unless_it_is_too_long() {
        assert_eq!(quoted(b"a\n\xff"), "'a\\n\\xff'");
        assert_eq!(quoted(&[b'x'; 249]).len(), 251);
        assert_eq!(quoted(&[b'x'; 5000]), format!("'{}...'", "x".repeat(40)));
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        let marks = "\u{1b}\u{7f}\u{80}\u{9f}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{61c}\u{2028}\u{2029}";
        let shown = escaped(marks.as_bytes()) + &quoted(marks.as_bytes());
        assert!(shown.is_ascii() && !shown.contains(char::is_control), "{shown:?}");
    }

    #[test]
    fn no_two_names_look_alike() {
        let names: [&[u8]; 7] =
            [b"arm\xff", b"arm\xfe", b"arm\\xff", "arm\u{fffd}".as_bytes(), b"arm\xc3", "arm\u{e4}".as_bytes(), b"arm"];
        let shown = names.map(escaped);
        assert_eq!(shown, ["arm\\xff", "arm\\xfe", "arm\\\\xff", "arm\u{fffd}", "arm\\xc3", "arm\u{e4}", "arm"]);
    }
}
