//! Names of any bytes: a refusal, or a segment at exactly `/dev/shm/eshm_NAME`, which is gone at the end.

use crate::{buffers::Buffer, handle, handle::Handle, input::Input};
use eshm::{Endpoint, Role};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// The file that a name stands for, by the contract.
fn file_of(name: &[u8]) -> PathBuf {
    let file: Vec<u8> = name.iter().map(|&byte| if byte == b'/' { b'_' } else { byte }).collect();
    Path::new("/dev/shm").join(OsStr::from_bytes(&[b"eshm_", file.as_slice()].concat()))
}

/// Device and inode of the one file in `/dev/shm`, or anywhere else in a folder of the input's, that we hold open.
fn held() -> Vec<(u64, u64)> {
    let entries = fs::read_dir("/proc/self/fd").expect("the process's own descriptors").flatten();
    let files = entries.filter_map(|entry| fs::metadata(entry.path()).ok()).filter(|file| file.is_file());
    files.map(|file| (file.dev(), file.ino())).collect()
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (flags, repeat) = (input.byte(), usize::from(input.byte()));
    let mut name = input.bytes(6000).to_vec();
    if flags & 1 != 0 {
        name = name.repeat(1 + repeat % 64); // long ones
    }
    if flags & 2 != 0 {
        name.truncate(244 + repeat % 16); // near the limit
    }
    let valid = !name.is_empty() && name.len() <= 249 && !name.contains(&0);
    let path = file_of(&name);
    if valid && path.symlink_metadata().is_ok() {
        return; // somebody else's
    }
    let before = held();
    let threads = flags & 4 != 0;
    if name.contains(&0) {
        for role in [Role::Master, Role::Slave, Role::Auto] {
            let error = Endpoint::builder(&name).role(role).open().expect_err("a name with a NUL");
            assert_eq!(error.code(), -1);
        }
        name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(0)); // what a C caller would have said
        return run(&[[flags & 4, 0].as_slice(), &name].concat());
    }
    assert!(Handle::open(&name, handle::config(handle::SLAVE, threads)).is_none(), "a slave of nothing");
    let role = if flags & 8 != 0 { handle::MASTER } else { handle::AUTO };
    let Some(master) = Handle::open(&name, handle::config(role, threads)) else {
        assert!(!valid, "refused");
        assert_eq!(held(), before);
        return;
    };
    assert!(valid, "opened a name of {} bytes", name.len());
    let made = fs::symlink_metadata(&path).expect("the segment's file");
    assert!(made.is_file() && made.len() == 8576);
    let new: Vec<_> = held().into_iter().filter(|file| !before.contains(file)).collect();
    assert_eq!(new, [(made.dev(), made.ino())], "the only file opened is the one the name stands for");

    let same: Vec<u8> = name.iter().map(|&byte| if byte == b'/' { b'_' } else { byte }).collect();
    let slave = Handle::open(&same, handle::config(handle::AUTO, threads)).expect("the same name");
    assert_eq!((master.role(), slave.role()), (handle::MASTER, handle::SLAVE));
    assert_eq!(master.write(b"down"), 0);
    let mut buffer = Buffer::new();
    assert_eq!(slave.read(&mut buffer, 100, 0, 4096), (0, 4));
    assert_eq!(buffer.last(100)[..4], *b"down");
    drop(slave);
    drop(master);
    assert!(path.symlink_metadata().is_err(), "the name is still there");
}
