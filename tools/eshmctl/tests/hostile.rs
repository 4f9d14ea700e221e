//! Files that somebody has made to harm who looks: every command that looks ends, in time, and says
//! what it saw of the others.

mod common;

use common::{
    ENDLESS, ctl_in_time, ctl_in_time_by, dead_pid, json, scratch, silent, start_with_errors,
    terminal::Terminal,
};
use eshm::Role;
use eshm_processes::{Name, Raw, open, until};
use std::{
    fs::{self, File},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

#[test]
fn no_threshold_keeps_a_command_waiting() {
    let (gone, here) = (Name::new(), Name::new());
    silent(&gone, ENDLESS, 64, dead_pid());
    let _mapped = silent(&here, ENDLESS, 64, std::process::id());
    for name in [&gone, &here] {
        let name = name.as_str();
        for args in [
            vec!["list"],
            vec!["show", name],
            vec!["doctor", name],
            vec!["clean", "--dry-run", name],
            vec!["clean", "--dry-run"],
            vec!["send", name, "x", "--as", "slave", "--linger", "0.01"],
        ] {
            let done = ctl_in_time(&args);
            assert!(matches!(done.code, Some(0..=5)), "{args:?}: {done:?}");
        }
    }
    let shown = json(&ctl_in_time(&["show", here.as_str(), "--json"]));
    assert_eq!(shown["master"]["life"], "silent", "its process runs");
}

/// Truncates a segment's file and makes it whole again, on and on, until it is dropped.
struct Truncating<'a> {
    over: &'a AtomicBool,
}

impl Drop for Truncating<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed); // a flag alone
    }
}

#[test]
fn a_file_that_is_truncated_while_it_is_looked_at_ends_no_look() {
    let (name, good) = (Name::new(), Name::new());
    let _master = open(&good, Role::Master);
    drop(silent(&name, ENDLESS, 64, dead_pid()));
    let bytes = fs::read(name.path()).expect("its bytes");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _truncating = Truncating { over: &over };
        scope.spawn(|| {
            let file = File::options().write(true).open(name.path()).expect("the file");
            while !over.load(Ordering::Relaxed) {
                std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("written");
                thread::sleep(eshm_processes::ms(7));
                file.set_len(0).expect("truncated");
                thread::sleep(eshm_processes::ms(1));
            }
        });
        let at = name.as_str();
        for args in [
            vec!["list"],
            vec!["show", at],
            vec!["doctor", at],
            vec!["clean", "--dry-run", at],
            vec!["watch", at, "--for", "1"],
            vec!["record", at, "-o", "/dev/null", "--force", "--for", "1"],
            vec!["top", "--svg", "-", "--every", "500ms"],
        ] {
            for _ in 0..3 {
                let done = ctl_in_time(&args);
                assert!(matches!(done.code, Some(0..=5)), "{args:?}: {done:?}");
                let all = args == ["list"];
                assert!(
                    !all || done.out.contains(good.as_str()),
                    "the others are listed: {done:?}"
                );
            }
        }
    });
}

#[test]
fn a_side_whose_file_is_truncated_ends_with_words() {
    for args in [["recv", "--as", "master"], ["echo", "--as", "master"]] {
        let name = Name::new();
        let mut side = start_with_errors(&[args[0], name.as_str(), args[1], args[2]]);
        until("it is there", || name.exists() && name.raw().get("master_alive") == 1);
        File::options().write(true).open(name.path()).expect("it").set_len(0).expect("truncated");
        assert_eq!(side.end_code(), Some(1), "{args:?}");
        let lines = side.rest();
        let told = format!("eshmctl: {}: somebody has truncated its file", name.as_str());
        assert!(lines.contains(&told), "{lines}");
    }
}

#[test]
fn watch_tells_of_a_truncated_file_and_goes_on_with_the_next() {
    let name = Name::new();
    drop(Raw::stamped(&name, 3, 64));
    let mut watch = start_with_errors(&["watch", name.as_str(), "--count", "1"]);
    watch.until_it_looks();
    File::options().write(true).open(name.path()).expect("it").set_len(100).expect("truncated");
    let told = watch.line();
    assert!(told.contains("is no segment: it has only 100 bytes; waiting for one"), "{told}");
    let master = open(&name, Role::Master);
    master.write(b"anew").expect("written");
    assert!(watch.line().contains("anew"));
}

#[test]
fn top_outlives_a_truncated_file() {
    let name = Name::new();
    drop(silent(&name, 1000, 64, std::process::id()));
    let mut top = Terminal::start(&["top", "--every", "100ms"], &[]);
    top.shows("the segment", |screen| screen.contains(name.as_str()));
    File::options().write(true).open(name.path()).expect("it").set_len(0).expect("truncated");
    top.shows("that it is none", |screen| !screen.contains(name.as_str()));
    top.press("q");
    assert_eq!(top.code(), Some(0));
    assert!(!top.is_raw());
}

#[test]
fn looking_reserves_no_memory_for_a_sparse_file() {
    const CAPACITY: usize = 32 << 20;
    /// A few pages, in blocks of 512 bytes: what is mapped while a side is judged.
    const FEW: u64 = 64;
    let name = Name::new();
    let raw = silent(&name, 20, CAPACITY, dead_pid());
    raw.set("m2s.data_size", CAPACITY as u64);
    raw.set("m2s.sequence", 2);
    raw.set("m2s.write_count", 1);
    let blocks = || raw.file().metadata().expect("its state").blocks();
    let before = blocks();
    let file = scratch(&name, "cap");
    let output = file.to_str().expect("text");
    let at = name.as_str();
    let mut watch = start_with_errors(&["watch", at, "--count", "1", "--hex"]);
    watch.until_it_looks();
    raw.set("m2s.sequence", 4);
    assert_eq!(watch.end_code(), Some(0));
    for args in [
        vec!["list"],
        vec!["show", at],
        vec!["doctor", at],
        vec!["record", at, "-o", output, "--for", "0.3"],
        vec!["clean", "--yes", at],
    ] {
        let done = ctl_in_time(&args);
        assert!(matches!(done.code, Some(0 | 3)), "{args:?}: {:?} {}", done.code, done.err);
        assert!(blocks() <= before + FEW, "{args:?}: {} blocks, {before} before", blocks());
    }
    let _ = fs::remove_file(file);
}

#[test]
fn a_message_is_no_larger_in_memory_than_there_is_memory() {
    const CAPACITY: usize = 1 << 29;
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, CAPACITY);
    raw.set("m2s.data_size", CAPACITY as u64);
    raw.set("m2s.sequence", 2);
    let at = name.as_str();
    for args in [vec!["show", at], vec!["show", at, "--json"], vec!["watch", at, "--for", "0.3"]] {
        let done = ctl_in_time_by("ulimit -v 400000;", &args);
        assert!(matches!(done.code, Some(0 | 3)), "{args:?}: {done:?}");
    }
    let shown = ctl_in_time(&["show", at]).out;
    assert!(shown.contains("536870912 bytes, too many to be shown"), "{shown}");
    let done = ctl_in_time_by("ulimit -v 400000;", &["recv", at, "--as", "slave", "--for", "0.3"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(!done.err.contains("memory allocation"), "{done:?}");
}

/// Whatever bytes a file's name may have.
#[test]
fn files_of_every_kind_get_a_line_each_and_the_good_one_is_seen() {
    let good = Name::new();
    let _master = open(&good, Role::Master);
    let start = format!("/dev/shm/eshm_{}_odd_", good.as_str());
    let longest = "x".repeat(255 - (start.len() - "/dev/shm/".len()));
    let named = |name: &[u8]| {
        std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&[start.as_bytes(), name].concat()))
    };
    struct Odd(Vec<std::path::PathBuf>);
    impl Drop for Odd {
        fn drop(&mut self) {
            for path in &self.0 {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
            }
        }
    }
    let mut odd = Odd(Vec::new());
    let mut add = |name: &[u8], make: &dyn Fn(&std::path::Path)| {
        let path = named(name);
        make(&path);
        odd.0.push(path);
    };
    let empty = |path: &std::path::Path| fs::write(path, []).expect("a file");
    let by = |program: &'static str, more: &'static [&'static str]| {
        move |path: &std::path::Path| {
            let made = Command::new(program).arg(path).args(more).status();
            assert!(made.is_ok_and(|status| status.success()), "{program}");
        }
    };
    add(b"pipe", &by("mkfifo", &[]));
    add(b"folder", &|path| fs::create_dir(path).expect("a folder"));
    add(b"link", &|path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link"));
    add(b"socket", &|path| drop(std::os::unix::net::UnixListener::bind(path).expect("a socket")));
    if eshm_processes::sandbox::is_root() {
        add(b"device", &by("mknod", &["c", "1", "5"]));
    } else {
        eshm_processes::sandbox::skipped("a device: this user is not root");
    }
    add(b"empty", &empty);
    add(b"line\nbreak", &empty);
    add(b"no\xff\xfetext", &empty);
    add(b"\x1b[2J\xc2\x9b\xe2\x80\xae", &empty);
    add(longest.as_bytes(), &empty);
    add(b"sparse", &|path| {
        File::create(path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
    });
    let count = odd.0.len();
    let done = ctl_in_time(&["list", "--json"]);
    let all = json(&done);
    let all = all["segments"].as_array().expect("a list");
    let of_this = |segment: &&serde_json::Value| {
        segment["name"].as_str().is_some_and(|name| name.starts_with(good.as_str()))
    };
    let (whole, odd): (Vec<_>, Vec<_>) =
        all.iter().filter(of_this).partition(|segment| segment["kind"] == "segment");
    assert_eq!((whole.len(), odd.len()), (1, count), "{}", done.out);
    for one in &odd {
        assert!(one["findings"][0]["what"].as_str().is_some_and(|what| !what.is_empty()), "{one}");
    }
    for args in [vec!["list"], vec!["doctor"], vec!["clean", "--dry-run"]] {
        let done = ctl_in_time(&args);
        assert!(matches!(done.code, Some(0 | 3)), "{args:?}: {done:?}");
        let lines = done.out.lines().filter(|line| line.starts_with(good.as_str())).count();
        assert!(args != ["list"] || lines == count + 1, "{done:?}");
    }
    let mut top = Terminal::start_with_columns(250, &["top", "--every", "100ms"], &[]);
    top.shows("the good one", |screen| {
        screen.contains(good.as_str()) && screen.contains("are no segments")
    });
    top.press("q");
    assert_eq!(top.code(), Some(0));
}
