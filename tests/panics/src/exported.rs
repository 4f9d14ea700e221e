//! Every function that the library exports: how it is called, what it gives when all is well, and what after a panic.
//!
//! [`declared`] and [`defined`] are the same list as the headers and the library itself have it, so that none is forgotten.

use crate::{records, triggers};
use std::{
    collections::BTreeSet,
    env,
    ffi::{CStr, CString, c_char, c_int, c_void},
    fs,
    path::{Path, PathBuf},
    process::Command,
    ptr,
};

/// The configuration, field by field as the header has it.
#[repr(C)]
struct Config {
    name: *const c_char,
    role: c_int,
    disconnect_behavior: c_int,
    milliseconds: [u32; 3],
    max_reconnect_attempts: u32,
    auto_cleanup: bool,
    use_threads: bool,
}

unsafe extern "C" {
    fn eshm_init(config: *const Config) -> *mut c_void;
    fn eshm_init_ex(config: *const Config, options: *const c_void) -> *mut c_void;
    fn eshm_capacity(handle: *mut c_void) -> usize;
    fn eshm_has_given_up(handle: *mut c_void) -> bool;
    fn eshm_last_error() -> *const c_char;
    fn eshm_version() -> *const c_char;
    fn eshm_destroy(handle: *mut c_void) -> c_int;
    fn eshm_write(handle: *mut c_void, data: *const c_void, size: usize) -> c_int;
    fn eshm_read(handle: *mut c_void, buffer: *mut c_void, size: usize) -> c_int;
    fn eshm_read_ex(handle: *mut c_void, buffer: *mut c_void, size: usize, bytes: *mut usize, timeout_ms: u32) -> c_int;
    fn eshm_update_heartbeat(handle: *mut c_void) -> c_int;
    fn eshm_check_remote_alive(handle: *mut c_void, alive: *mut bool) -> c_int;
    fn eshm_get_stats(handle: *mut c_void, stats: *mut c_void) -> c_int;
    fn eshm_get_role(handle: *mut c_void, role: *mut c_int) -> c_int;
    fn eshm_error_string(error_code: c_int) -> *const c_char;
    fn eshm_set_wakeup_mode(handle: *mut c_void, mode: c_int) -> c_int;
    fn eshm_get_wakeup_mode(handle: *mut c_void, mode: *mut c_int) -> c_int;
    fn eshm_set_spin_us(handle: *mut c_void, microseconds: u32) -> c_int;
    fn eshm_get_event_fd(handle: *mut c_void) -> c_int;
}

/// Two ends of a segment in this process; a function is called on the first.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The master.
    pub master: Handle,
    /// The slave.
    pub slave: Handle,
}

/// A handle as C has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(pub(crate) *mut c_void);

// SAFETY: the contract lets any threads call any functions on one handle.
unsafe impl Send for Handle {}

/// `eshm_init` with the defaults; NULL is `None`. Role 0 is a master, 1 a slave.
pub fn init(name: &str, role: c_int) -> Option<Handle> {
    // SAFETY: the configuration and its name live over the call.
    init_by(name, role, |config| unsafe { eshm_init(config) })
}

fn init_by(name: &str, role: c_int, open: fn(&Config) -> *mut c_void) -> Option<Handle> {
    let name = CString::new(name).expect("no NUL in it");
    let config = Config {
        name: name.as_ptr(),
        role,
        disconnect_behavior: 1,
        milliseconds: [100, 5000, 100],
        max_reconnect_attempts: 50,
        auto_cleanup: true,
        use_threads: true,
    };
    let handle = open(&config);
    (!handle.is_null()).then_some(Handle(handle))
}

impl Handle {
    /// `eshm_write`.
    pub fn write(self, text: &str) -> c_int {
        self.write_bytes(text.as_bytes())
    }

    pub(crate) fn write_bytes(self, bytes: &[u8]) -> c_int {
        // SAFETY: a live handle, as for all of these; as many bytes as said.
        unsafe { eshm_write(self.0, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// `eshm_read_ex`: the text, or the error.
    pub fn read(self, timeout_ms: u32) -> Result<String, c_int> {
        let (mut buffer, mut size) = ([0_u8; 64], 0);
        // SAFETY: as many bytes as said.
        let result = unsafe { eshm_read_ex(self.0, buffer.as_mut_ptr().cast(), 64, &mut size, timeout_ms) };
        if result == 0 { Ok(String::from_utf8_lossy(&buffer[..size]).into_owned()) } else { Err(result) }
    }

    /// `eshm_destroy`.
    pub fn destroy(self) -> c_int {
        // SAFETY: the tests call it last, but after a panic in it once more: then it has not begun.
        unsafe { eshm_destroy(self.0) }
    }
}

/// One function.
#[derive(Clone, Copy, Debug)]
pub struct Exported {
    /// Its name.
    pub name: &'static str,
    /// Calls it on the master of the pair, where there is a message to read: a number that stands for what it gave.
    pub call: fn(Pair, &str) -> i64,
    /// What the call gives when all is well.
    pub good: i64,
    /// What it gives after a panic within.
    pub bad: i64,
}

/// `ESHM_ERROR_NOT_INITIALIZED`, which stands for a panic.
pub(crate) const PANICKED: i64 = -14;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Exported> + Clone {
    [CORE, records::ALL, triggers::ALL].into_iter().flatten()
}

/// Those of `eshm.h`.
const CORE: &[Exported] = &[
    Exported {
        name: "eshm_init",
        call: |_, name| {
            // A name of its own, for a handle that lives only here.
            init(&format!("{name}_more"), 0).map_or(0, |handle| 1 + i64::from(handle.destroy()))
        },
        good: 1,
        bad: 0,
    },
    Exported {
        name: "eshm_init_ex",
        call: |_, name| {
            // SAFETY: as for eshm_init; no options are the defaults.
            let more = init_by(&format!("{name}_more"), 0, |config| unsafe { eshm_init_ex(config, ptr::null()) });
            more.map_or(0, |handle| 1 + i64::from(handle.destroy()))
        },
        good: 1,
        bad: 0,
    },
    Exported {
        name: "eshm_capacity",
        // SAFETY: a live handle.
        call: |pair, _| unsafe { eshm_capacity(pair.master.0) } as i64,
        good: eshm::MAX_DATA_SIZE as i64,
        bad: 0,
    },
    Exported {
        name: "eshm_has_given_up",
        // SAFETY: a live handle; of a master, which never gives up.
        call: |pair, _| unsafe { eshm_has_given_up(pair.master.0) }.into(),
        good: 0,
        bad: 0,
    },
    Exported {
        name: "eshm_last_error",
        // After a refusal: the text of which begins with "the handle".
        call: |_, _| {
            // SAFETY: NULL is refused; NUL-terminated text, never NULL.
            let text = unsafe {
                eshm_destroy(ptr::null_mut());
                CStr::from_ptr(eshm_last_error())
            };
            i64::from(text.to_bytes().starts_with(b"the handle"))
        },
        good: 1,
        bad: 0,
    },
    Exported {
        name: "eshm_version",
        // SAFETY: static, NUL-terminated text, never NULL.
        call: |_, _| unsafe { CStr::from_ptr(eshm_version()) }.to_bytes().len() as i64,
        good: env!("CARGO_PKG_VERSION").len() as i64,
        bad: 0,
    },
    Exported { name: "eshm_destroy", call: |pair, _| pair.master.destroy().into(), good: 0, bad: PANICKED },
    Exported { name: "eshm_write", call: |pair, _| pair.master.write("to the slave").into(), good: 0, bad: PANICKED },
    Exported {
        name: "eshm_read",
        call: |pair, _| {
            let mut buffer = [0_u8; 64];
            // SAFETY: a live handle, and as many bytes as said; likewise in all below.
            unsafe { eshm_read(pair.master.0, buffer.as_mut_ptr().cast(), 64) }.into()
        },
        good: "to the master".len() as i64,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_read_ex",
        call: |pair, _| match pair.master.read(1000) {
            Ok(text) => text.len() as i64,
            Err(code) => code.into(),
        },
        good: "to the master".len() as i64,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_update_heartbeat",
        // SAFETY: a live handle.
        call: |pair, _| unsafe { eshm_update_heartbeat(pair.master.0) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_check_remote_alive",
        // SAFETY: a live handle, a bool to fill in.
        call: |pair, _| unsafe { eshm_check_remote_alive(pair.master.0, &mut false) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_get_stats",
        // SAFETY: a live handle, 80 bytes.
        call: |pair, _| unsafe { eshm_get_stats(pair.master.0, [0_u64; 10].as_mut_ptr().cast()) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_get_role",
        // SAFETY: a live handle, an int to fill in.
        call: |pair, _| unsafe { eshm_get_role(pair.master.0, &mut 0) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_error_string",
        // 0 for the right text, 1 for the one that stands for any other number.
        call: |_, _| {
            // SAFETY: static, NUL-terminated text, never NULL.
            let text = unsafe { CStr::from_ptr(eshm_error_string(-10)) };
            ["Operation timed out", "Unknown error"]
                .iter()
                .position(|known| text.to_bytes() == known.as_bytes())
                .map_or(-1, |at| at as i64)
        },
        good: 0,
        bad: 1,
    },
    Exported {
        name: "eshm_set_wakeup_mode",
        // SAFETY: a live handle.
        call: |pair, _| unsafe { eshm_set_wakeup_mode(pair.master.0, 0) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_get_wakeup_mode",
        // SAFETY: a live handle, an int to fill in.
        call: |pair, _| unsafe { eshm_get_wakeup_mode(pair.master.0, &mut 0) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_set_spin_us",
        // SAFETY: a live handle.
        call: |pair, _| unsafe { eshm_set_spin_us(pair.master.0, u32::MAX) }.into(),
        good: 0,
        bad: PANICKED,
    },
    Exported {
        name: "eshm_get_event_fd",
        // Its number may be any.
        // SAFETY: a live handle.
        call: |pair, _| unsafe { eshm_get_event_fd(pair.master.0) }.min(3).into(),
        good: 3,
        bad: -1,
    },
];

/// The functions that the headers declare: a declaration begins in the first column, `static inline` is no export.
pub fn declared() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include");
    let headers = fs::read_dir(&folder).expect("the headers").flatten().map(|entry| entry.path());
    let texts = headers.filter(|path| path.extension().is_some_and(|end| end == "h"));
    let texts: Vec<String> = texts.map(|path| fs::read_to_string(path).expect("a header")).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
    let lines = lines.filter(|line| !line.starts_with("static ") && !line.starts_with("typedef "));
    lines.filter_map(|line| Some(line.split_once('(')?.0.rsplit([' ', '*']).next()?.to_owned())).collect()
}

/// The functions that the shared library defines; `None` where there is no `nm`.
pub fn defined() -> Option<BTreeSet<String>> {
    let listed = Command::new("nm").args(["-D", "--defined-only"]).arg(library()).output().ok()?;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    Some(text.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect())
}

/// The shared library of this very build lies beside the test.
fn library() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let found =
        [test.with_file_name("libeshm.so"), test.with_file_name("../libeshm.so")].into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no libeshm.so beside {}", test.display()))
}
