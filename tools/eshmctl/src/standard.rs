//! `-` in place of a file: standard input or standard output.

use crate::{failure::Failure, lines, stop};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::fd::AsFd,
    path::Path,
};

/// Whether a path stands for standard input or output.
pub fn is_meant(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input, byte by byte as it comes: unlike a file's end, a signal ends it while nothing comes.
pub struct Input(File);

impl Input {
    /// A descriptor of its own.
    pub fn new() -> io::Result<Input> {
        Ok(Input(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !lines::readable(&self.0)? {
            if stop::asked() {
                return Ok(0);
            }
        }
        self.0.read(buffer)
    }
}

/// The bytes of a file, or of standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    if !is_meant(path) {
        return fs::read(path).map_err(|error| Failure::of_file(path, &error));
    }
    let mut bytes = Vec::new();
    Input::new()?.read_to_end(&mut bytes)?;
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
