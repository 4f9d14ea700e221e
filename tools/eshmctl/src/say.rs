//! What is said on standard output and standard error. A reader that leaves (`| head -1`) must not
//! kill the process there: a side that it holds would stay behind. So the command ends by itself,
//! and only then as any tool does whose reader has left.

use crate::{exit::Exit, stop, text};
use std::{
    fmt::Arguments,
    io::{self, Write},
    sync::Mutex,
};

/// Why standard output takes no more.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// A line on standard output.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::say::out(format_args!("{}\n", format_args!($($text)*))) };
}

/// The beginning of a line, or a text with its own ends, on standard output.
#[macro_export]
macro_rules! say_part {
    ($($text:tt)*) => { $crate::say::out(format_args!($($text)*)) };
}

/// A line on standard error, about this command.
#[macro_export]
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::say::told(format_args!($($text)*))
    };
}

/// A text on standard output. Where that takes no more, the command is to stop, and `end` tells
/// why.
pub fn out(text: Arguments<'_>) {
    let mut failed = FAILED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if failed.is_none()
        && let Err(error) = io::stdout().lock().write_fmt(text)
    {
        *failed = Some(error);
        stop::ask();
    }
}

/// The line of `tell!`: what it quotes may be anybody's words.
pub fn told(line: Arguments<'_>) {
    beside(format_args!("eshmctl: {}\n", text::message(&line.to_string())));
}

/// A text on standard error, whether that takes it or not.
pub fn beside(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Ends what `out` began: the command's own end, unless standard output failed.
pub fn end(exit: Exit) -> Exit {
    let mut failed = FAILED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match failed.take().map_or_else(|| io::stdout().flush(), Err) {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => die_of_a_closed_pipe(),
        Err(error) => {
            tell!("standard output: {error}; make room there, or send it elsewhere");
            Exit::Failed
        }
    }
}

/// Ends as any tool does whose reader has left, and so tells the shell.
pub fn die_of_a_closed_pipe() -> ! {
    // SAFETY: one signal's disposition, then that signal.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::raise(libc::SIGPIPE);
    }
    std::process::exit(128 + libc::SIGPIPE) // blocked by whoever started us
}
