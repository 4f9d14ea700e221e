//! What is said of a wrong command line or a file that cannot be had: which one, what would be
//! right, the next step.

mod common;

use common::{ctl, json, scratch};
use eshm::Role;
use eshm_processes::{Name, open};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::Path,
};

#[test]
fn a_number_out_of_range_is_refused_with_the_range() {
    let name = Name::new();
    for (args, words) in [
        (&["send", name.as_str(), "x", "--rate", "0"][..], "not between 0.000001 and 1000000"),
        (&["replay", "a.file", "--speed", "0"], "not between 0.000001 and 1000000"),
        (&["recv", name.as_str(), "--capacity", "0"], "between 1 and 1073741824"),
        (&["ping", name.as_str(), "--capacity", "99999999999"], "between 1 and 1073741824"),
        (&["replay", "a.file", "--capacity", "x"], "between 1 and 1073741824"),
        (&["recv", name.as_str(), "--for", "0"], "not between 1us and a year"),
        (
            &["recv", name.as_str(), "--for", "3 weeks"],
            "not a time, such as 3s, 300ms or 200us; a bare number is seconds",
        ),
        (&["top", "--every", "40"], "not between 50ms and 60s"),
    ] {
        let done = ctl(args);
        assert!(done.code == Some(2) && done.err.contains(words), "{args:?}: {}", done.err);
    }
    assert!(!name.exists());
}

#[test]
fn a_file_that_cannot_be_had_is_named_with_the_next_step() {
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let nowhere = scratch(&name, "nowhere");
    let inside = nowhere.join("file");
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    for (args, path) in [
        (&["replay", &text(&nowhere)][..], &*nowhere),
        (&["record", name.as_str(), "-o", &text(&inside)], &inside),
        (&["send", name.as_str(), "--as", "slave", "--file", &text(&nowhere)], &nowhere),
        (&["top", "--every", "50", "--svg", &text(&inside)], &inside),
        (&["man", "/proc/x"], Path::new("/proc/x")),
    ] {
        let done = ctl(args);
        assert_eq!(done.code, Some(1), "{args:?}: {}", done.err);
        let (named, next) =
            done.err.split_once("; ").unwrap_or_else(|| panic!("no next step: {}", done.err));
        assert!(
            named.starts_with(&format!("eshmctl: {}: ", path.display())) && !next.is_empty(),
            "{}",
            done.err
        );
    }
}

#[test]
fn a_name_of_any_bytes_can_be_typed() {
    let bytes = [format!("pt_{}_", std::process::id()).as_bytes(), b"\xFF"].concat();
    let master = eshm::Endpoint::builder(&bytes).role(Role::Master).open().expect("a master");
    let typed = OsStr::from_bytes(&bytes);
    let with_prefix = OsString::from_iter([OsStr::new("eshm_"), typed]);
    for name in [typed, &with_prefix] {
        let shown = json(&ctl(&[OsStr::new("show"), name, OsStr::new("--json")]));
        assert_eq!(shown["master"]["pid"], std::process::id(), "{shown}");
    }
    drop(master);
    assert_eq!(ctl(&[OsStr::new("show"), typed]).code, Some(4));
}

#[test]
fn a_file_is_shown_with_what_is_not_printable_escaped_and_standard_input_by_its_name() {
    let name = Name::new();
    let bytes = [scratch(&name, "x").into_os_string().as_bytes(), b"\x1b[31m\xff"].concat();
    let file = OsStr::from_bytes(&bytes);
    let _master = open(&name, Role::Master);
    for args in [
        [OsStr::new("replay"), file, OsStr::new("x")].to_vec(),
        [
            OsStr::new("send"),
            OsStr::new(name.as_str()),
            OsStr::new("--as=slave"),
            OsStr::new("--file"),
            file,
        ]
        .to_vec(),
    ] {
        let done = ctl(&args);
        assert!(
            done.code == Some(1) && done.err.contains(r"\u{1b}[31m\xff: No such file"),
            "{done:?}"
        );
    }
    std::fs::write(file, b"no recording").expect("a file");
    let done = ctl(&[OsStr::new("replay"), file]);
    assert!(done.err.contains(r"\xff: not a file") && !done.err.contains('\x1b'), "{done:?}");
    let done = ctl(&[OsStr::new("record"), OsStr::new(name.as_str()), OsStr::new("-o"), file]);
    assert!(done.err.contains(r"\xff exists; --force"), "{done:?}");
    std::fs::remove_file(file).expect("remove it");
    let done = ctl(&["replay", "-", name.as_str()]);
    assert!(done.err.starts_with("eshmctl: standard input: not a file"), "{done:?}");
}
