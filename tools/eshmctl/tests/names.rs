//! Names of any bytes: no two look alike, none changes the terminal, and a hint with one can be
//! pasted into a shell.

mod common;

use common::{PROGRAM, ctl};
use eshm::{Endpoint, Role, inspect};
use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::PathBuf, process::Command};

/// A name of this process that ends in these bytes.
fn named(end: &[u8]) -> Vec<u8> {
    [format!("pt_{}_", std::process::id()).as_bytes(), end].concat()
}

fn master(name: &[u8]) -> Endpoint {
    Endpoint::builder(name).role(Role::Master).open().expect("a master")
}

#[test]
fn two_names_that_are_no_utf_8_do_not_look_alike() {
    let names = [named(b"arm\xff"), named(b"arm\xfe")];
    let _masters = names.each_ref().map(|name| master(name));
    let shown = [r"arm\xff", r"arm\xfe"].map(|end| format!("pt_{}_{end}", std::process::id()));
    let list = ctl(&["list"]).out;
    for (name, shown) in names.iter().zip(&shown) {
        assert!(list.lines().any(|line| line.starts_with(&format!("{shown} "))), "{list}");
        let typed = OsStr::from_bytes(name);
        let show = ctl(&[OsStr::new("show"), typed]);
        assert!(show.out.starts_with(&format!("{shown}  /dev/shm/eshm_{shown}\n")), "{show:?}");
        let args = ["send", "", "x", "--as", "slave", "--linger", "0.01"].map(OsStr::new);
        let send = ctl(&args.map(|arg| if arg.is_empty() { typed } else { arg }));
        assert!(send.err.contains(&format!("{shown}: nobody read it")), "{send:?}");
        for run in [&list, &show.out, &send.err] {
            assert!(!run.contains('\u{fffd}'), "{run}");
        }
    }
    // Of one that is not there, in the library's own words too.
    for (command, typed) in
        [("show", named(b"\xfd")), ("doctor", named(b"\xfd")), ("clean", named(b"\xfd"))]
    {
        let done = ctl(&[OsStr::new(command), OsStr::from_bytes(&typed)]);
        let said = done.out + &done.err;
        assert!(said.contains(r"\xfd") && !said.contains('\u{fffd}'), "{command}: {said}");
    }
}

#[test]
fn a_hint_can_be_pasted_into_a_shell() {
    let ends: [&[u8]; 9] = [
        b"plain",
        b"arm\xff",
        b"a b",
        b"it's",
        b"$HOME`x`",
        b"tab\tnew\nline",
        "\u{e4}\u{fc}".as_bytes(),
        b"a\\xff",
        b"*?[!",
    ];
    let whole: [Vec<u8>; 2] =
        [[b"-".to_vec(), named(b"x")].concat(), [b"eshm_".to_vec(), named(b"x")].concat()];
    for name in ends.map(|end| named(&[b"paste_", end].concat())).into_iter().chain(whole) {
        let path = inspect::path(&name).expect("a name");
        fs::write(&path, b"no segment").expect("a file");
        let done = ctl(&[OsStr::new("clean"), OsStr::from_bytes(path.as_os_str().as_bytes())]);
        let hint = done
            .out
            .split_once("stays; `")
            .and_then(|(_, rest)| rest.split_once("` says"))
            .expect("a hint")
            .0;
        let pasted = hint.replacen("eshmctl", PROGRAM, 1);
        let shown = Command::new("bash").args(["-c", &pasted]).output().expect("run bash");
        let out = String::from_utf8(shown.stdout).expect("text");
        let right = format!("  {}\n", inspect::shown(path.as_os_str().as_bytes()));
        fs::remove_file(PathBuf::from(&path)).expect("remove it");
        assert!(
            out.lines().next().is_some_and(|line| format!("{line}\n").ends_with(&right)),
            "{hint}: {out}{done:?}"
        );
    }
}
