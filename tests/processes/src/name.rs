//! Names of segments that no other test uses, and that are gone when the test is over.

use crate::raw::Raw;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// A name of its own; its file is removed on drop, also when the test fails.
#[derive(Debug)]
pub struct Name {
    name: String,
    path: PathBuf,
}

impl Name {
    /// A name no other test or process uses.
    #[allow(clippy::new_without_default, reason = "each call gives another name")]
    pub fn new() -> Name {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Name::from(format!("pt_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// A name chosen by the test.
    pub fn from(name: String) -> Name {
        let path = Path::new("/dev/shm").join(format!("eshm_{}", name.replace('/', "_")));
        Name { name, path }
    }

    /// What a program passes to the library.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The file it stands for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is there.
    pub fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// The file's inode; `None` if there is none.
    pub fn inode(&self) -> Option<u64> {
        fs::metadata(&self.path).ok().map(|file| file.ino())
    }

    /// Removes the file, as `rm` does.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path); // gone already is as good
    }

    /// The bytes of the segment there, in the layout for the default capacity.
    #[track_caller]
    pub fn raw(&self) -> Raw {
        self.raw_of(4096)
    }

    /// The bytes of the segment there, in the layout for `capacity`.
    #[track_caller]
    pub fn raw_of(&self, capacity: usize) -> Raw {
        Raw::open(self, capacity).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if fs::remove_file(&self.path).is_err() {
            let _ = fs::remove_dir(&self.path); // some tests put other things there
        }
    }
}
