//! `-` in place of a file: standard input or standard output.

use crate::{failure::Failure, lines, stop, text, waiting::Notice};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::{fd::AsFd, unix::ffi::OsStrExt},
    path::Path,
};

/// What `-` stands for where something is read.
pub const INPUT: &str = "standard input";

/// Whether a path stands for standard input or output.
pub fn is_meant(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A file as messages show it, or what `-` stands for.
pub fn shown(path: &Path, stream: &str) -> String {
    if is_meant(path) { stream.to_owned() } else { text::name(path.as_os_str().as_bytes()) }
}

/// A file or standard input, as its bytes come: unlike a file's end, a signal ends it while nothing
/// comes.
pub struct Input {
    file: File,
    what: String,
    notice: Notice,
}

impl Input {
    /// Opens a file, or takes standard input if that is meant.
    pub fn open(path: &Path) -> Result<Input, Failure> {
        if !is_meant(path) {
            let file = File::open(path).map_err(|error| Failure::of_file(path, &error))?;
            return Ok(Input { file, what: shown(path, INPUT), notice: Notice::new() });
        }
        // A descriptor of its own: nothing is read ahead that poll(2) does not know of.
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Input { file, what: INPUT.to_owned(), notice: Notice::new() })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !lines::readable(&self.file)? {
            if stop::asked() {
                return Ok(0);
            }
            self.notice.tell_if_long(|| format!("waiting for {}", self.what));
        }
        self.notice.over();
        self.file.read(buffer)
    }
}

/// The bytes of a file, or of standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    Input::open(path)?.read_to_end(&mut bytes).map_err(|error| Failure::of_file(path, &error))?;
    Ok(bytes)
}

/// Writes a text into a file, or on standard output.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if !is_meant(path) {
        return fs::write(path, text).map_err(|error| Failure::of_file(path, &error));
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
