//! Reading, writing, asking and the service thread's ticks take no memory from the allocator. Alone in its process, since it
//! counts what the whole process does.

use eshm::{Endpoint, Error, Role};
use eshm_processes::{Name, Peer, builder, c, ms, tasks, until};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    process,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::Duration,
};

/// The system's allocator, with two counts.
struct Counting;

thread_local! {
    /// Whether this thread's allocations are counted; no destructor, so it may be asked at any time.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}
/// Allocations by threads that are watched.
static BY_CALLS: AtomicU64 = AtomicU64::new(0);
/// Allocations by the library's service thread, which is known by its name.
static BY_SERVICE: AtomicU64 = AtomicU64::new(0);

fn count() {
    if WATCHED.get() {
        BY_CALLS.fetch_add(1, SeqCst);
    }
    let mut name = [0_u8; 16];
    // SAFETY: the kernel writes at most 16 bytes, with a NUL.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    if name.starts_with(b"eshm\0") {
        BY_SERVICE.fetch_add(1, SeqCst);
    }
}

// SAFETY: all of it is the system's; counting touches no memory but its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises, likewise below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        count(); // giving back takes as long
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread allocates and gives back in `action`.
fn allocations<T>(action: impl FnOnce() -> T) -> (u64, T) {
    let before = BY_CALLS.load(SeqCst);
    WATCHED.set(true);
    let result = action();
    WATCHED.set(false);
    (BY_CALLS.load(SeqCst) - before, result)
}

/// Fails if `action` allocates; `what` names it.
#[track_caller]
fn none<T>(what: &str, action: impl FnOnce() -> T) -> T {
    let (count, result) = allocations(action);
    assert_eq!(count, 0, "allocations by {what}");
    result
}

fn every_call_over_rust(from: &Endpoint, to: &Endpoint) {
    let mut buffer = [0; 4096];
    for size in [0, 1, 8, 100, 1400, 4096] {
        let message = vec![7; size];
        for _ in 0..100 {
            none("a write", || from.write(&message)).expect("written");
            assert_eq!(none("a read that finds a message", || to.read_timeout(&mut buffer, ms(1000))), Ok(size));
            none("a write", || from.write(&message)).expect("written");
            assert_eq!(none("a try_read that finds one", || to.try_read(&mut buffer)), Ok(Some(size)));
            assert_eq!(none("a try_read that finds none", || to.try_read(&mut buffer)), Ok(None));
        }
    }
    assert_eq!(none("a write that is too large", || from.write(&[0; 4097])).map_err(|error| error.code()), Err(-13));
    from.write(b"too large for it").expect("written");
    let small = none("a read into too small a buffer", || to.try_read(&mut [0; 3]));
    assert_eq!(small, Err(Error::BufferTooSmall { size: 16, given: 3 }));
    to.try_read(&mut buffer).expect("read");
    for timeout in [1, 5, 30].map(ms) {
        let end = none("a read that times out", || to.read_timeout(&mut buffer, timeout));
        assert_eq!(end, Err(Error::Timeout));
    }
    for _ in 0..100 {
        none("stats", || from.stats()).expect("attached");
        none("remote_alive", || from.remote_alive()).expect("attached");
        none("update_heartbeat", || from.update_heartbeat()).expect("attached");
        none("capacity", || from.capacity()).expect("attached");
    }
}

fn every_call_over_c(name: &Name) {
    let pair = [0, 1].map(|role| c::Handle::init(name.as_str(), role).expect("a handle"));
    for [from, to] in [pair, [pair[1], pair[0]]] {
        let mut buffer = [0; 64];
        for _ in 0..100 {
            assert_eq!(none("eshm_write", || from.write(b"message")), 0);
            assert_eq!(none("eshm_read_ex", || to.read_ex(&mut buffer, 0)), (0, 7));
            assert_eq!(none("eshm_write", || from.write(b"message")), 0);
            assert_eq!(none("eshm_read", || to.read(&mut buffer)), 7);
            assert_eq!(none("eshm_read_ex of nothing", || to.read_ex(&mut buffer, 0)).0, -9);
            assert_eq!(none("heartbeat, alive, statistics, role", || from.questions()), [0; 4]);
        }
        assert_eq!(none("eshm_read_ex that times out", || to.read_ex(&mut buffer, 5)).0, -10);
    }
    assert_eq!(pair.map(c::Handle::destroy), [0, 0]);
}

/// A read that is certainly parked, and a write that certainly wakes it.
fn park_and_wake(name: &Name, from: &Endpoint, to: &Endpoint) {
    let raw = name.raw();
    to.set_spin(Some(Duration::ZERO));
    for round in 0..50_u32 {
        let (read, written) = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut buffer = [0; 64];
                allocations(|| to.read_timeout(&mut buffer, ms(20_000)))
            });
            until("the reader is parked", || raw.get("m2s.waiters") == 1);
            let message = round.to_ne_bytes();
            let written = allocations(|| from.write(black_box(&message)));
            (reader.join().expect("the reader"), written)
        });
        assert_eq!(read, (0, Ok(4)), "a read that parks and is woken");
        assert_eq!(written, (0, Ok(())), "a write that wakes");
    }
    to.set_spin(None);
}

/// The service thread. One that has only just started may not have its name yet.
fn service() -> u32 {
    let mut found = None;
    until("there is a service thread", || {
        let own = tasks::other_threads(process::id());
        found = own.into_iter().find(|&tid| tasks::status(process::id(), tid, "Name").as_deref() == Some("eshm"));
        found.is_some()
    });
    found.expect("just found")
}

/// What the service thread allocates and gives back in a hundred ticks, once it has taken over what handles were opened and
/// closed before.
fn many_ticks() -> u64 {
    let service = service();
    let ticks = || tasks::sleeps(process::id(), service); // it ticks between two sleeps
    let first = ticks();
    until("it has the present list of handles", || ticks() >= first + 10);
    let (first, before) = (ticks(), BY_SERVICE.load(SeqCst));
    until("there were a hundred ticks", || ticks() >= first + 100);
    BY_SERVICE.load(SeqCst) - before
}

#[test]
fn calls_and_ticks_take_no_memory() {
    assert!(allocations(|| black_box(vec![0_u8; 100])).0 > 0, "the counting works");

    let name = Name::new();
    // A threshold that no loaded machine reaches: whoever is found stale is spoken of on stderr, which takes memory.
    let master = builder(&name, Role::Master).stale_threshold(ms(10_000)).open().expect("create");
    let slave = eshm_processes::open(&name, Role::Slave);
    every_call_over_rust(&master, &slave);
    every_call_over_rust(&slave, &master);
    park_and_wake(&name, &master, &slave);
    every_call_over_c(&Name::new());
    assert_eq!(many_ticks(), 0, "allocations by the ticks of a pair");

    // A pair with another process, a peer that has gone, and one that is looked for.
    let name = Name::new();
    let mut peer = Peer::ours("master", &name, &["--threshold=10000"]);
    let own = builder(&name, Role::Slave).max_reconnect_attempts(0).reconnect_wait(Duration::ZERO).open().expect("attach");
    assert_eq!(many_ticks(), 0, "allocations by the ticks of a handle whose peer lives");
    let before = BY_SERVICE.load(SeqCst);
    peer.kill();
    until("it is found dead", || own.remote_alive() == Ok(false));
    // It has said so on stderr, which takes memory: so the service thread's are counted.
    until("that was counted", || BY_SERVICE.load(SeqCst) > before);
    let mut buffer = [0; 64];
    assert_eq!(none("a write without a master", || own.write(b"x")), Err(Error::Timeout));
    assert_eq!(none("a read without a master", || own.read_timeout(&mut buffer, ms(20))), Err(Error::Timeout));
    assert_eq!(none("remote_alive without a master", || own.remote_alive()), Ok(false));
}
