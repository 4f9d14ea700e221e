//! Why a command could not do what was asked.

use crate::{exit::Exit, name::Name, standard};
use std::{fmt, io, path::Path};

/// Why a command could not do what was asked: the segment, the cause and the next step.
#[derive(Debug)]
pub struct Failure {
    text: String,
    exit: Exit,
    closed_pipe: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Failure {
    /// Says so, and ends with [`Exit::Failed`].
    pub fn new(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), exit: Exit::Failed, closed_pipe: false }
    }

    /// Of a file that could not be read or written.
    pub fn of_file(path: &Path, error: &io::Error) -> Failure {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "is it spelt right, and its folder there?",
            io::ErrorKind::PermissionDenied => {
                "name one that this user may use; `ls -l` shows owner and mode"
            }
            io::ErrorKind::StorageFull => "make room there, or name one elsewhere",
            _ => "name another one",
        };
        Failure {
            closed_pipe: standard::is_meant(path) && error.kind() == io::ErrorKind::BrokenPipe,
            ..Failure::new(format!(
                "{}: {error}; {advice}",
                standard::shown(path, "standard input or output")
            ))
        }
    }

    /// Ends with another code.
    pub fn with_exit(self, exit: Exit) -> Failure {
        Failure { exit, ..self }
    }

    /// Whether all that happened is that the reader of its output has left.
    pub fn is_of_a_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The same, said of this segment.
    pub fn about(self, name: &Name) -> Failure {
        let start = format!("{name}: ");
        if self.text.starts_with(&start) {
            self
        } else {
            Failure { text: start + &self.text, ..self }
        }
    }
}

impl From<eshm::Error> for Failure {
    fn from(error: eshm::Error) -> Self {
        use eshm::Error::{Attach, BufferTooSmall, Create, InvalidParameter, RoleMismatch};
        let advice = match error {
            InvalidParameter(_) => return Failure::new(error.to_string()),
            RoleMismatch => "another master has taken this one's place; `eshmctl list` shows which",
            BufferTooSmall { .. } => "who creates the segment says how much it takes: --capacity",
            Create(_) | Attach(_) => "`eshmctl doctor` checks the usual causes",
            _ => "`eshmctl show` says who is there",
        };
        Failure::new(format!("{error}; {advice}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Failure {
            closed_pipe,
            ..Failure::new(format!(
                "input or output failed: {error}; is what it reads and writes still there, with room left?"
            ))
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<eshm::records::Error> for Failure {
    fn from(error: eshm::records::Error) -> Self {
        Failure::new(error.to_string())
    }
}
