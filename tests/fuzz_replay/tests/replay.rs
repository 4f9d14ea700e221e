//! The committed inputs of the fuzz targets, run once each.

use eshm::{Endpoint, LogLevel, Role};
use eshm_fuzz_replay::{TARGETS, checked};
use std::{
    collections::BTreeSet,
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// The longest an input may take: far over what any does, under every load.
const HANG: Duration = Duration::from_secs(120);

/// Panics so far, in any thread: the library's own end in its guard and would go unnoticed.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Inputs look at what the whole process holds, so one runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(info);
        }));
        if env::var_os("ESHM_LOG").is_none() {
            // Thousands of refusals are no news. A level is taken with the first handle that opens.
            let name = format!("replay_{}", process::id());
            drop(Endpoint::builder(name).role(Role::Master).log_level(LogLevel::Off).open().expect("open"));
        }
    });
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = root().join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn replay(name: &str) {
    let _alone = alone();
    let &(_, target) = TARGETS.iter().find(|(other, _)| *other == name).expect("a target");
    let files = corpus(name);
    assert!(files.len() >= 10, "the corpus of {name} has {} files", files.len());
    for path in files {
        let bytes = fs::read(&path).expect("an input");
        let before = PANICS.load(Ordering::SeqCst);
        let (done, result) = mpsc::channel();
        thread::spawn(move || done.send(panic::catch_unwind(AssertUnwindSafe(|| checked(target, &bytes))).is_ok()));
        let ended = result.recv_timeout(HANG).unwrap_or_else(|_| panic!("{} hangs", path.display()));
        assert!(ended, "{} fails", path.display());
        assert_eq!(PANICS.load(Ordering::SeqCst), before, "{}: a panic inside the library", path.display());
    }
}

#[test]
fn api_calls() {
    replay("api_calls");
}

/// The corpus of `api_calls` has few options in it.
#[test]
fn options() {
    let _alone = alone();
    let mut state = 1_u64;
    for _ in 0..3000 {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let bytes: Vec<u8> = (0..40).map(|_| next()).collect();
        eshm_fuzz_replay::options::run(&mut eshm_fuzz_replay::input::Input::new(&bytes));
    }
}

#[test]
fn hostile_segment() {
    replay("hostile_segment");
}

#[test]
fn mutating() {
    replay("mutating");
}

#[test]
fn names() {
    replay("names");
}

#[test]
fn record_bytes() {
    replay("record_bytes");
}

#[test]
fn record_calls() {
    replay("record_calls");
}

#[test]
fn trigger_calls() {
    replay("trigger_calls");
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let _alone = alone(); // the targets count open files
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join("fuzz").join(folder)).expect("a folder");
        let stems = entries.map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_owned());
        stems.map(|stem| stem.into_string().expect("text")).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
}

#[test]
fn every_exported_function_is_called() {
    let _alone = alone(); // the targets count open files
    let read = |folder: &str| -> String {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        entries.map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("text")).collect()
    };
    let calls = read("tests/fuzz_replay/src");
    let exported: Vec<String> = read("src/ffi")
        .lines()
        .filter_map(|line| line.split_once("extern \"C\" fn ")?.1.split_once('(').map(|(name, _)| name.to_owned()))
        .collect();
    assert!(exported.len() >= 38, "{exported:?}");
    for function in exported {
        assert!(calls.contains(&format!("{function}(")), "no target calls {function}");
    }
}
