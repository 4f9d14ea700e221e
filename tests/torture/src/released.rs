//! A released peer, played by raw bytes as protocol.md says: it creates before it fills in, adds to the sequence blindly, and
//! judges its master by heartbeat alone. Each of its steps is one to die at.

use crate::plan::step;
use eshm_processes::{
    Name, Raw, ms,
    raw::{MAGIC, total_size},
};
use std::{
    fs::OpenOptions,
    hint,
    mem::ManuallyDrop,
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst, fence},
    },
    thread,
    time::{Duration, Instant},
};

/// What every released library is built with.
const CAPACITY: usize = 4096;
/// Milliseconds of a master's silence.
const THRESHOLD: u64 = 100;

/// Fields of one direction, named once.
struct Fields([&'static str; 6], &'static str);

const M2S: Fields =
    Fields(["m2s.sequence", "m2s.data_size", "m2s.write_count", "m2s.read_count", "m2s.wake_seq", "m2s.waiters"], "m2s");
const S2M: Fields =
    Fields(["s2m.sequence", "s2m.data_size", "s2m.write_count", "s2m.read_count", "s2m.wake_seq", "s2m.waiters"], "s2m");

/// A played peer.
pub(crate) struct Released(Arc<Shared>);

struct Shared {
    name: ManuallyDrop<Name>,
    master: bool,
    protocol: u64,
    /// Milliseconds between two attempts to find a master.
    retry: u64,
    segment: Mutex<Arc<Raw>>,
    /// The write count last read; the first look takes its baseline.
    seen: Mutex<Option<u64>>,
    /// Moves with each segment attached to.
    attached: AtomicU64,
    over: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Truncates first, then the magic, then zeros and the rest.
fn create(name: &Name, protocol: u64) -> Result<Raw, String> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(name.path());
    let file = file.map_err(|error| error.to_string())?;
    step("old.opened");
    file.set_len(total_size(CAPACITY) as u64).map_err(|error| error.to_string())?;
    step("old.truncated");
    let raw = Raw::map(file, CAPACITY).map_err(|error| error.to_string())?;
    raw.set("magic", MAGIC);
    step("old.magic");
    for offset in 4..raw.size() {
        raw.set_byte(offset, 0);
    }
    step("old.zeroed");
    raw.set("version", protocol);
    step("old.version");
    if protocol == 3 {
        raw.set("features", 1);
        raw.set("layout_size", raw.size() as u64);
    }
    raw.set("stale_threshold", THRESHOLD);
    step("old.filled");
    Ok(raw)
}

/// Opens what is there. Protocol 2 looks at the magic alone, protocol 3 refuses what is not its own layout.
fn attach(name: &Name, protocol: u64) -> Option<Raw> {
    let raw = Raw::open(name, CAPACITY).ok()?;
    let fits = protocol == 2 || (raw.get("version") == 3 && raw.get("layout_size") == raw.size() as u64);
    (raw.get("magic") == MAGIC && fits).then_some(raw)
}

/// Whether its creator came to the end. A master of protocol 2 that used half a segment would be heard by nobody.
fn is_complete(raw: &Raw) -> bool {
    match raw.get("version") {
        2 => true,
        3 => raw.get("layout_size") != 0,
        _ => false,
    }
}

impl Shared {
    fn raw(&self) -> Arc<Raw> {
        lock(&self.segment).clone()
    }

    fn own(&self, master: &'static str, slave: &'static str) -> &'static str {
        if self.master { master } else { slave }
    }

    /// Takes the side.
    fn settle(&self, raw: &Raw) {
        if self.master {
            raw.add("master_generation", 1);
        }
        raw.set(self.own("master_heartbeat", "slave_heartbeat"), 0);
        raw.set(self.own("master_pid", "slave_pid"), process::id().into());
        step("old.pid");
        raw.set(self.own("master_alive", "slave_alive"), 1);
        step("old.alive");
    }

    /// Beats each millisecond; a slave whose master has been silent for the threshold opens the name anew.
    fn beat(&self) {
        let field = self.own("master_heartbeat", "slave_heartbeat");
        let (mut last, mut since, mut tried) = (u64::MAX, Instant::now(), Instant::now());
        while !self.over.load(SeqCst) {
            thread::sleep(ms(1));
            let raw = self.raw();
            raw.add(field, 1);
            let heartbeat = raw.get("master_heartbeat");
            if self.master || heartbeat != last {
                (last, since) = (heartbeat, Instant::now());
            } else if since.elapsed() >= ms(THRESHOLD) && tried.elapsed() >= ms(self.retry.max(1)) {
                tried = Instant::now();
                let Some(new) = attach(&self.name, self.protocol) else { continue };
                if new.get("master_alive") == 0 || is_same_file(&new, &raw) {
                    continue;
                }
                self.settle(&new);
                *lock(&self.segment) = Arc::new(new);
                *lock(&self.seen) = Some(0);
                self.attached.fetch_add(1, SeqCst);
                (last, since) = (u64::MAX, Instant::now());
            }
        }
    }

    fn out(&self) -> &'static Fields {
        if self.master { &M2S } else { &S2M }
    }

    fn inn(&self) -> &'static Fields {
        if self.master { &S2M } else { &M2S }
    }

    /// One look at `raw`: the newest value if it was not read before and is whole. Its bytes are copied before the second
    /// look at the sequence.
    fn look(&self, raw: &Raw, buffer: &mut [u8]) -> Option<usize> {
        let Fields([sequence, size, writes, reads, ..], channel) = self.inn();
        let count = raw.get(writes);
        let mut seen = lock(&self.seen);
        let last = *seen.get_or_insert(count);
        let before = raw.get(sequence);
        if count == last || before % 2 == 1 {
            return None;
        }
        let bytes = raw.data(channel, (raw.get(size) as usize).min(buffer.len()));
        step("old.copied");
        fence(SeqCst);
        if raw.get(sequence) != before {
            return None;
        }
        raw.add(reads, 1);
        *seen = Some(count);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Some(bytes.len())
    }
}

fn is_same_file(one: &Raw, other: &Raw) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |raw: &Raw| raw.file().metadata().map(|file| file.ino()).ok();
    inode(one) == inode(other)
}

impl Released {
    /// Opens a side. A master takes over a segment that it finds good, unless `fresh`, and else makes one.
    pub(crate) fn open(name: &str, master: bool, protocol: u64, retry: u64, fresh: bool) -> Result<Released, String> {
        let name = ManuallyDrop::new(Name::from(name.to_owned())); // leaving the file is for others to judge
        let raw = match attach(&name, protocol).filter(|raw| !fresh && (!master || is_complete(raw))) {
            Some(raw) => raw,
            None if master => {
                name.remove();
                create(&name, protocol)?
            }
            None => return Err("no segment for a released slave".to_owned()),
        };
        let shared = Arc::new(Shared {
            name,
            master,
            protocol,
            retry,
            segment: Mutex::new(Arc::new(raw)),
            seen: Mutex::new(None),
            attached: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        shared.settle(&shared.raw());
        let beating = shared.clone();
        thread::spawn(move || beating.beat());
        Ok(Released(shared))
    }

    /// A write, step by step.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let raw = self.0.raw();
        let Fields([sequence, size, writes, _, wake_seq, waiters], channel) = self.0.out();
        raw.add(sequence, 1);
        fence(SeqCst); // the data's stores come after it, on every machine
        step("old.odd");
        raw.set_data(channel, &bytes[..bytes.len() / 2]);
        step("old.half");
        raw.set_data(channel, bytes);
        raw.set(size, bytes.len() as u64);
        step("old.sized");
        raw.add(sequence, 1);
        step("old.even");
        raw.add(writes, 1);
        step("old.counted");
        if self.0.protocol == 3 {
            raw.add(wake_seq, 1);
            step("old.signalled");
            if raw.get(waiters) != 0 {
                raw.futex_wake(channel);
            }
        }
    }

    /// A read with a timeout.
    pub(crate) fn read(&self, buffer: &mut [u8], timeout_ms: u32) -> Option<usize> {
        let Fields([_, _, _, _, wake_seq, waiters], channel) = self.0.inn();
        let (start, signals) = (Instant::now(), self.0.protocol == 3);
        loop {
            let (raw, attached) = (self.0.raw(), self.0.attached.load(SeqCst));
            for _ in 0..if signals { 100 } else { 1 } {
                if let Some(size) = self.0.look(&raw, buffer) {
                    return Some(size);
                }
                hint::spin_loop();
            }
            if start.elapsed() >= ms(timeout_ms.into()) {
                return None;
            }
            if !signals {
                thread::sleep(Duration::from_micros(100));
                continue;
            }
            let word = raw.get(wake_seq);
            if let Some(size) = self.0.look(&raw, buffer) {
                return Some(size);
            }
            raw.add(waiters, 1);
            if self.0.attached.load(SeqCst) == attached {
                raw.futex_wait(channel, word, i64::from(timeout_ms.clamp(1, 50)));
            }
            raw.add(waiters, u64::MAX);
        }
    }

    /// A clean exit: the flag falls, and a master unlinks.
    pub(crate) fn close(self) {
        self.0.over.store(true, SeqCst);
        let raw = self.0.raw();
        raw.set(self.0.own("master_alive", "slave_alive"), 0);
        step("old.flag");
        if self.0.master {
            self.0.name.remove();
        }
        step("old.unlinked");
    }
}
