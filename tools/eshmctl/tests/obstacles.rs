//! What has a segment's name and is none: each command says what it is, where, and what to do.

mod common;

use common::{Done, ctl, ctl_bound_by_modes, recording};
use eshm_processes::Name;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Each command that listens.
fn listeners(name: &str) -> [Vec<&str>; 3] {
    [vec!["watch", name], vec!["echo", name], vec!["record", name, "-o", "-"]]
        .map(|args| [args, vec!["--for", "0.1"]].concat())
}

/// Each command that takes a side, as `side`.
fn sides<'a>(name: &'a str, file: &'a str, side: &'a str) -> [Vec<&'a str>; 5] {
    [
        vec!["send", name, "x", "--linger", "0.01"],
        vec!["recv", name, "--for", "0.1"],
        vec!["echo", name, "--for", "0.1"],
        vec!["ping", name, "--wait", "0.1"],
        vec!["replay", file, name],
    ]
    .map(|args| [args, vec!["--as", side]].concat())
}

/// Runs each with what `make` puts under the name.
fn each(name: &Name, make: impl Fn(&Path), commands: &[Vec<&str>], check: impl Fn(&Done) -> bool) {
    for args in commands {
        make(name.path());
        let done = ctl_bound_by_modes(args);
        assert!(check(&done) && !done.err.contains("panicked"), "{args:?}: {done:?}");
        remove(name.path());
    }
}

fn remove(path: &Path) {
    match path.is_dir() {
        true => fs::remove_dir(path).expect("remove the folder"),
        false => drop(fs::remove_file(path)),
    }
}

#[test]
fn a_folder_or_a_link_is_named_and_what_to_do_with_it() {
    let (name, file) = (Name::new(), recording());
    let commands = [
        &listeners(name.as_str())[..],
        &sides(name.as_str(), &file, "slave"),
        &sides(name.as_str(), &file, "master"),
    ];
    let path = name.path().display().to_string();
    let told = |done: &Done| {
        let said = done.code == Some(1)
            && done.err.starts_with(&format!("eshmctl: channel '{}': ", name.as_str()));
        said && done.err.contains(&path) && done.err.contains("remove it by hand")
    };
    each(&name, |path| fs::create_dir(path).expect("a folder"), &commands.concat(), told);
    each(
        &name,
        |path| std::os::unix::fs::symlink("/nowhere", path).expect("a link"),
        &commands.concat(),
        told,
    );
    fs::remove_file(file).expect("remove it");
}

#[test]
fn a_file_that_may_not_be_opened_is_told_with_owner_and_mode() {
    let (name, file) = (Name::new(), recording());
    let make = |path: &Path| {
        fs::write(path, [0; 9000]).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("its mode");
    };
    let commands = [
        &listeners(name.as_str())[..],
        &sides(name.as_str(), &file, "slave"),
        &sides(name.as_str(), &file, "master"),
    ];
    each(&name, make, &commands.concat(), |done| {
        let cure = "mode 0000 (Permission denied); have its creator set the mode to 0666, or run both sides as one user\n";
        done.code == Some(1) && done.err.contains("Permission denied") && done.err.ends_with(cure)
    });
    for command in ["show", "doctor"] {
        each(&name, make, &[vec![command, name.as_str()]], |done| {
            done.code == Some(3)
                && done.out.contains("mode 0000 (Permission denied)\n")
                && done.out.contains("as one user")
        });
    }
    each(&name, make, &[vec!["list"]], |done| done.out.contains("mode 0000 (Permission denied)"));
    fs::remove_file(file).expect("remove it");
}

#[test]
fn a_file_that_is_no_segment_is_told_and_a_segment_waited_for() {
    let (name, file) = (Name::new(), recording());
    for (bytes, why) in
        [(vec![0; 100], "it has only 100 bytes"), (vec![b'x'; 9000], "its magic is 0x78787878")]
    {
        let make = |path: &Path| fs::write(path, &bytes).expect("a file");
        each(&name, make, &listeners(name.as_str()), |done| {
            done.code == Some(4)
                && done.err.contains(&format!("is no segment: {why}"))
                && done.err.contains("waiting for one")
        });
        each(&name, make, &sides(name.as_str(), &file, "slave"), |done| {
            done.code == Some(1)
                && done.err.contains(why)
                && done.err.contains("a master that starts replaces")
        });
        each(&name, make, &[vec!["show", name.as_str()], vec!["doctor", name.as_str()]], |done| {
            done.code == Some(3)
                && done.out.contains(why)
                && done.out.contains("start a master, which replaces it")
        });
    }
    let empty = |path: &Path| fs::write(path, []).expect("a file");
    each(&name, empty, &listeners(name.as_str()), |done| {
        done.code == Some(4)
            && done.err.contains("is half made; waiting until it is whole, or replaced")
    });
    fs::remove_file(file).expect("remove it");
}

#[test]
fn what_clean_leaves_it_leaves_with_the_reason() {
    let name = Name::new();
    let master = eshm_processes::open(&name, eshm::Role::Master);
    let done = ctl(&["clean", "--yes", name.as_str()]);
    assert!(done.out.contains(&format!("{}: in use; stays", name.as_str())), "{done:?}");
    drop(master);
    fs::write(name.path(), [1; 100]).expect("a file");
    let done = ctl(&["clean", "--yes", name.as_str()]);
    assert!(done.out.contains("not a segment") && done.out.contains("`eshmctl show"), "{done:?}");
    assert!(name.exists());
}

#[test]
fn a_name_that_no_segment_can_have_is_refused_and_a_slash_is_shown_as_what_it_becomes() {
    let name = Name::new();
    for command in ["show", "watch", "send", "recv", "echo", "ping", "doctor", "clean"] {
        let long = "x".repeat(250);
        for (typed, bytes) in [("", 0), (&long, 250)] {
            let done = ctl(&[command, typed]);
            let said = format!("a segment name has 1 to 249 bytes, this one {bytes}");
            assert!(done.code == Some(2) && done.err.contains(&said), "{command}: {done:?}");
        }
    }
    let done = ctl(&["show", &format!("a/{}", name.as_str())]);
    assert!(
        done.code == Some(4) && done.err.contains(&format!("'a_{}'", name.as_str())),
        "{done:?}"
    );
}
