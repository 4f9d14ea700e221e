//! What single calls of the C interface cost in one process: the built library beside the baseline, both loaded at run time.
//!
//! `ESHM_BENCH_OURS` and `ESHM_BENCH_BASELINE` name the two `libeshm.so.1`; `make bench` sets them.

use criterion::{BenchmarkId, Criterion};
use eshm::ffi::{eshm::ESHMHandle, eshm_data::ESHMConfig};
use libloading::Library;
use std::{
    env,
    ffi::{CString, c_int, c_void},
    hint::black_box,
};

type Init = unsafe extern "C" fn(*const ESHMConfig) -> *mut ESHMHandle;
type Destroy = unsafe extern "C" fn(*mut ESHMHandle) -> c_int;
type Write = unsafe extern "C" fn(*mut ESHMHandle, *const c_void, usize) -> c_int;
type ReadEx = unsafe extern "C" fn(*mut ESHMHandle, *mut c_void, usize, *mut usize, u32) -> c_int;

/// One loaded library.
struct Api {
    init: Init,
    destroy: Destroy,
    write: Write,
    read: ReadEx,
    _library: Library,
}

impl Api {
    fn load(path: &str) -> Api {
        // SAFETY: a libeshm, whose functions have these types by its header.
        unsafe {
            let library = Library::new(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            Api {
                init: *library.get(b"eshm_init").expect("eshm_init"),
                destroy: *library.get(b"eshm_destroy").expect("eshm_destroy"),
                write: *library.get(b"eshm_write").expect("eshm_write"),
                read: *library.get(b"eshm_read_ex").expect("eshm_read_ex"),
                _library: library,
            }
        }
    }

    fn open(&self, name: &str, role: i32) -> *mut ESHMHandle {
        let name = CString::new(name).expect("no NUL");
        let config = ESHMConfig {
            shm_name: name.as_ptr(),
            role,
            disconnect_behavior: 1,
            stale_threshold_ms: 100,
            reconnect_wait_ms: 5000,
            reconnect_retry_interval_ms: 100,
            max_reconnect_attempts: 50,
            auto_cleanup: 1,
            use_threads: 1,
        };
        // SAFETY: a valid configuration whose name outlives the call.
        let handle = unsafe { (self.init)(&config) };
        assert!(!handle.is_null(), "cannot open");
        handle
    }

    fn close(&self, handle: *mut ESHMHandle) {
        // SAFETY: the handle is not used again.
        assert_eq!(unsafe { (self.destroy)(handle) }, 0);
    }

    fn write(&self, handle: *mut ESHMHandle, message: &[u8]) {
        // SAFETY: an open handle and a message of this length.
        assert_eq!(unsafe { (self.write)(handle, message.as_ptr().cast(), message.len()) }, 0);
    }

    fn read_now(&self, handle: *mut ESHMHandle, buffer: &mut [u8]) -> c_int {
        let mut size = 0;
        // SAFETY: an open handle and a buffer of this length.
        unsafe { (self.read)(handle, buffer.as_mut_ptr().cast(), buffer.len(), &mut size, 0) }
    }
}

fn calls(criterion: &mut Criterion) {
    let library = |variable: &str| env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; use `make bench`"));
    let apis = [("baseline", Api::load(&library("ESHM_BENCH_BASELINE"))), ("ours", Api::load(&library("ESHM_BENCH_OURS")))];
    let name = format!("calls_{}", std::process::id());
    let mut buffer = vec![0; 4096];

    let mut group = criterion.benchmark_group("write");
    for size in [8, 32, 256, 1024, 4096] {
        for (which, api) in &apis {
            let master = api.open(&name, 0);
            let message = vec![7; size];
            let id = BenchmarkId::new(*which, size);
            group.bench_function(id, |bencher| bencher.iter(|| api.write(master, black_box(&message))));
            api.close(master);
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("write, then read");
    for size in [32, 4096] {
        for (which, api) in &apis {
            let (master, slave) = (api.open(&name, 0), api.open(&name, 1));
            let message = vec![7; size];
            api.read_now(slave, &mut buffer); // a release takes its baseline at the first read
            group.bench_function(BenchmarkId::new(*which, size), |bencher| {
                bencher.iter(|| {
                    api.write(master, black_box(&message));
                    assert_eq!(api.read_now(slave, &mut buffer), 0);
                });
            });
            api.close(slave);
            api.close(master);
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("read without news");
    for (which, api) in &apis {
        let (master, slave) = (api.open(&name, 0), api.open(&name, 1));
        api.read_now(slave, &mut buffer);
        group.bench_function(*which, |bencher| bencher.iter(|| api.read_now(slave, &mut buffer)));
        api.close(slave);
        api.close(master);
    }
    group.finish();

    let mut group = criterion.benchmark_group("open and close");
    group.sample_size(10);
    for (which, api) in &apis {
        group.bench_function(*which, |bencher| bencher.iter(|| api.close(api.open(&name, 0))));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    calls(&mut criterion);
    criterion.final_summary();
}
