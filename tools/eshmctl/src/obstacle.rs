//! What has a segment's name and keeps this user from using it: the words for it in every command,
//! with one cure.

use crate::{failure::Failure, name::Name};
use std::{
    fs::{FileType, Metadata},
    os::unix::fs::{FileTypeExt, MetadataExt},
};

/// One of them.
pub struct Obstacle {
    /// What it is about: the subject of a check and of a finding.
    pub subject: &'static str,
    /// What stands there.
    pub what: String,
    /// What to do.
    pub cure: &'static str,
}

/// The subject of all that a file's owner and mode decide.
pub const PERMISSION: &str = "permission";

impl Obstacle {
    /// What keeps this user from using what is under `name`; `None` for a file that may be read and
    /// written, or that is not there.
    pub fn of(name: &Name) -> Option<Obstacle> {
        let file = name.path().symlink_metadata().ok()?;
        if let Some(kind) = other_than_a_file(file.file_type()) {
            return Some(Obstacle {
                subject: "the file",
                what: format!("{} is {kind}, no segment", name.shown_path()),
                cure: "no master replaces it: find out who put it there, and remove it by hand",
            });
        }
        (!name.may_be_used()).then(|| denied(name, &file))
    }

    /// The same, where it is what the library was refused for in these words.
    pub fn behind(name: &Name, refusal: &str) -> Option<Obstacle> {
        let denied =
            ["Permission denied", "not permitted"].iter().any(|words| refusal.contains(words));
        Obstacle::of(name).filter(|obstacle| denied || obstacle.subject != PERMISSION)
    }

    /// As the reason why a command cannot go on.
    pub fn failure(&self, name: &Name) -> Failure {
        Failure::new(format!("channel '{name}': {}; {}", self.what, self.cure))
    }
}

fn denied(name: &Name, file: &Metadata) -> Obstacle {
    let (path, user, mode) = (name.shown_path(), file.uid(), file.mode() & 0o7777);
    Obstacle {
        subject: PERMISSION,
        what: format!(
            "this user may not read and write it: {path} is of user {user}, mode {mode:04o} (Permission denied)"
        ),
        cure: "have its creator set the mode to 0666, or run both sides as one user",
    }
}

/// What no library opens.
fn other_than_a_file(kind: FileType) -> Option<&'static str> {
    match () {
        () if kind.is_file() => None,
        () if kind.is_symlink() => Some("a symbolic link"),
        () if kind.is_dir() => Some("a folder"),
        () if kind.is_fifo() => Some("a named pipe"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}
