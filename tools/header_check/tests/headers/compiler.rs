//! The C compiler. Without one nothing here can be checked, which is a failure.

use std::path::Path;
use std::process::Command;

/// Runs gcc in a folder; what it wrote to stdout, or its complaints.
pub fn gcc(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    output(Command::new("gcc").arg("-std=c11").args(arguments).current_dir(folder).env("LC_ALL", "C"))
        .unwrap_or_else(|error| panic!("the header check needs the C compiler gcc (apt-get install gcc libc6-dev): {error}"))
}

/// Runs a program that was compiled in a folder.
pub fn run(folder: &Path, program: &str) -> Result<String, String> {
    output(&mut Command::new(folder.join(program))).unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn output(command: &mut Command) -> std::io::Result<Result<String, String>> {
    let done = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(format!("{command:?}: {}\n{}", done.status, text(&done.stderr)))
    })
}
