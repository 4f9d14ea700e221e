//! Which names there are, and the files they stand for.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Raw, code, open};
use std::{fs, os::unix::fs::MetadataExt, os::unix::fs::PermissionsExt, process};

#[test]
fn a_name_is_1_to_249_bytes_and_any_other_is_refused() {
    for length in [1, 2, 100, 248, 249] {
        // A single letter cannot be anybody's own; the letter is one no other test uses.
        let name = if length == 1 { "\u{7f}".to_owned() } else { format!("{:p<length$}", process::id()) };
        let name = Name::from(name);
        let master = open(&name, Role::Master);
        assert!(name.exists(), "{length} bytes");
        drop(master);
        assert!(!name.exists());
    }
    for name in ["".to_owned(), "x".repeat(250), "x".repeat(255), "x".repeat(5000), "a\0b".to_owned()] {
        for role in [Role::Master, Role::Slave, Role::Auto] {
            assert_eq!(code(Endpoint::builder(&name).role(role).open()), -1, "{} bytes", name.len());
        }
    }
}

#[test]
fn long_names_that_differ_at_the_end_do_not_collide() {
    let stem = format!("{:q<248}", process::id());
    let (first, second) = (Name::from(format!("{stem}1")), Name::from(format!("{stem}2")));
    let (_one, _two) = (open(&first, Role::Master), open(&second, Role::Master));
    assert_ne!(first.inode(), second.inode());
}

#[test]
fn every_slash_becomes_an_underscore_so_that_a_slash_b_and_a_underscore_b_are_one() {
    let name = Name::from(format!("pt/{}/x", process::id()));
    let _master = open(&name, Role::Master);
    assert!(fs::exists(format!("/dev/shm/eshm_pt_{}_x", process::id())).expect("look"));
    let same = Name::from(format!("pt_{}_x", process::id()));
    assert_eq!(open(&same, Role::Auto).role(), Role::Slave);
}

#[test]
fn names_are_bytes_and_need_not_be_text() {
    let name = [b"pt_\xff\xfe_".as_slice(), process::id().to_string().as_bytes()].concat();
    let master = Endpoint::builder(&name).role(Role::Master).open().expect("create");
    let slave = Endpoint::builder(&name).role(Role::Slave).open().expect("attach");
    drop((slave, master));
}

#[test]
fn names_with_dots_stay_in_the_folder() {
    let name = Name::from(format!("../../pt_{}", process::id()));
    let _master = open(&name, Role::Master);
    assert!(fs::exists(format!("/dev/shm/eshm_.._.._pt_{}", process::id())).expect("look"));
}

#[test]
fn the_file_is_made_with_mode_0666_less_the_umask() {
    // The mask is the process's; other tests here do not look at modes, and restoring it is no matter to them.
    for (mask, mode) in [(0o000, 0o666), (0o022, 0o644), (0o077, 0o600)] {
        let name = Name::new();
        // SAFETY: sets a number of this process.
        let before = unsafe { libc::umask(mask) };
        let opened = open(&name, Role::Master);
        // SAFETY: as above.
        unsafe { libc::umask(before) };
        assert_eq!(fs::metadata(name.path()).expect("the file").permissions().mode() & 0o777, mode);
        drop(opened);
    }
}

#[test]
fn the_files_space_is_allocated_so_that_a_full_file_system_is_an_error_and_not_a_crash() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let file = fs::metadata(name.path()).expect("the file");
    assert!(file.blocks() * 512 >= file.size(), "{} blocks for {} bytes", file.blocks(), file.size());
}

#[test]
fn what_is_not_a_regular_file_is_no_segment_and_no_hang() {
    let name = Name::new();
    let path = std::ffi::CString::new(name.path().to_str().expect("text")).expect("no NUL");
    // SAFETY: a NUL-terminated path.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    assert_eq!(code(Endpoint::builder(name.as_str()).role(Role::Slave).open()), -3);
    let _ = Endpoint::builder(name.as_str()).role(Role::Master).open(); // an error or a segment, but an end
    let name = Name::new();
    fs::create_dir(name.path()).expect("make a folder");
    for role in [Role::Master, Role::Slave, Role::Auto] {
        assert!(Endpoint::builder(name.as_str()).role(role).open().is_err());
    }
}

#[test]
fn a_file_without_permission_is_an_error() {
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } == 0 {
        return; // nothing is forbidden to root
    }
    let name = Name::new();
    let _raw = Raw::stamped(&name, 3, 4096);
    fs::set_permissions(name.path(), fs::Permissions::from_mode(0o000)).expect("forbid it");
    assert_eq!(code(Endpoint::builder(name.as_str()).role(Role::Slave).open()), -3);
}
