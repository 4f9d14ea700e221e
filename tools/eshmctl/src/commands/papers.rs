//! `completions` and `man`.

use crate::{cli, exit::Exit, failure::Failure};
use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

/// Print a shell's completions.
#[derive(clap::Args, Debug)]
pub struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Write the manual pages.
#[derive(clap::Args, Debug)]
pub struct Man {
    /// Into this folder; the main page on standard output without.
    folder: Option<PathBuf>,
}

/// Runs `completions`.
pub fn completions(args: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new(); // it has no patience with a writer that fails
    clap_complete::generate(args.shell, &mut cli::command(), "eshmctl", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Fine)
}

/// Runs `man`.
pub fn man(args: &Man) -> Result<Exit, Failure> {
    match &args.folder {
        None => clap_mangen::Man::new(cli::command()).render(&mut io::stdout())?,
        Some(folder) => {
            let made = fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(cli::command(), folder));
            made.map_err(|error| Failure::of_file(folder, &error))?;
        }
    }
    Ok(Exit::Fine)
}
