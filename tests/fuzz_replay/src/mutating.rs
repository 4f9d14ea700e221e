//! The bytes of a segment change under running calls, and files come and go under its name.

use crate::{
    buffers::Buffer,
    handle::{self, Handle, MASTER, SLAVE},
    hostile_segment::{is_too_new, works},
    input::Input,
};
use eshm_processes::{Name, Raw, pause, raw::total_size};
use std::{
    fs::{self, File},
    io::Write,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

/// Every field that somebody else may store to.
const FIELDS: [&str; 29] = [
    "magic",
    "version",
    "master_heartbeat",
    "slave_heartbeat",
    "master_pid",
    "slave_pid",
    "master_alive",
    "slave_alive",
    "stale_threshold",
    "master_generation",
    "features",
    "layout_size",
    "master_lock",
    "slave_lock",
    "capacity",
    "m2s.sequence",
    "m2s.data_size",
    "m2s.write_count",
    "m2s.read_count",
    "m2s.wake_seq",
    "m2s.waiters",
    "m2s.reader_waiting",
    "s2m.sequence",
    "s2m.data_size",
    "s2m.write_count",
    "s2m.read_count",
    "s2m.wake_seq",
    "s2m.waiters",
    "s2m.reader_waiting",
];
const CAPACITIES: [usize; 4] = [4096, 64, 1000, 9000];
/// Bytes of the largest buffer and message: more than the largest capacity.
const MOST: usize = 9010;
/// Calls and changes that an input may have, and milliseconds it may let pass.
const STEPS: usize = 200;
const PAUSES: usize = 6;
/// Writes that may wait for a lock in vain.
const BLOCKED: usize = 3;
/// Starts, which wait for a file that looks half-made.
const OPENED: usize = 2;

/// One change of the bytes.
#[derive(Clone, Copy, Debug)]
enum Change {
    Byte { offset: usize, value: u8 },
    Set { field: &'static str, value: u64 },
    Add { field: &'static str, amount: u64 },
}

impl Change {
    fn of(input: &mut Input<'_>) -> Change {
        let kind = input.byte();
        let field = FIELDS[usize::from(kind) % FIELDS.len()];
        let raw = input.byte();
        match raw {
            0..64 => Change::Byte { offset: usize::from(input.short()), value: raw },
            64..128 => Change::Add { field, amount: u64::from(raw - 64) },
            128..192 => Change::Set { field, value: u64::from(raw - 128) },
            192..200 => Change::Set { field, value: u64::from(process::id()) },
            200..208 => Change::Set { field, value: u64::MAX },
            208..216 => Change::Set { field, value: 4096 + u64::from(raw - 208) },
            _ => Change::Set { field, value: u64::from(input.word()) },
        }
    }

    fn apply(self, raw: &Raw) {
        match self {
            Change::Byte { offset, value } => raw.set_byte(offset % raw.size(), value),
            Change::Set { field, value } => raw.set(field, value),
            Change::Add { field, amount } => raw.add(field, amount),
        }
    }
}

/// A process that lives as long as this one.
fn parent() -> u32 {
    std::os::unix::process::parent_id().max(1)
}

/// A segment as a released creator leaves it, with somebody on one side; `None` if the name is taken, as by a master whose name
/// was removed.
fn somebody(name: &Name, side: &str, protocol: u64, capacity: usize) -> Option<Raw> {
    let raw = Raw::create(name, capacity).ok()?;
    raw.stamp(protocol);
    raw.set("stale_threshold", 5);
    raw.occupy(side, parent());
    Some(raw)
}

/// A file of other bytes; never over a segment, since a file that is cut while it is mapped kills whoever uses it.
fn junk(name: &Name, bytes: &[u8]) {
    if let Ok(mut file) = File::create_new(name.path()) {
        file.write_all(bytes).expect("room for some bytes");
    }
}

/// The segment that stands under the name now, as far as it is one.
fn current(name: &Name) -> Option<Raw> {
    let size = fs::metadata(name.path()).ok()?.len() as usize;
    let capacity = CAPACITIES.into_iter().find(|&capacity| total_size(capacity) == size)?;
    Raw::open(name, capacity).ok()
}

/// Changes that another thread makes over and over until it is dropped.
struct Mutator {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Mutator {
    fn new(raw: Arc<Raw>, changes: Vec<Change>) -> Mutator {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let body = move || {
            while !seen.load(Relaxed) {
                changes.iter().for_each(|change| change.apply(&raw));
                thread::yield_now();
            }
        };
        Mutator { stop, thread: Some(thread::spawn(body)) }
    }
}

impl Drop for Mutator {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(ended.is_none_or(|result| result.is_ok()) || thread::panicking());
    }
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = Name::new();
    let flags = input.byte();
    let threads = flags & 1 != 0;
    let (protocol, capacity) = (2 + u64::from(flags >> 1 & 1), input.pick(&CAPACITIES));
    let open = |role| {
        let behavior = i32::from(flags >> 2) % 3;
        let config = eshm::ffi::eshm_data::ESHMConfig { disconnect_behavior: behavior, ..handle::config(role, threads) };
        Handle::open(name.as_str().as_bytes(), config)
    };
    let mut raw = None;
    let mut handles: Vec<Handle> = Vec::new();
    match flags >> 4 & 3 {
        0 => {
            raw = somebody(&name, "master", protocol, capacity);
            handles.extend(open(SLAVE));
        }
        1 => {
            raw = somebody(&name, "slave", protocol, capacity);
            handles.extend(open(MASTER));
        }
        _ => {
            handles.extend(open(MASTER));
            handles.extend(open(SLAVE));
        }
    }
    let mut raw = Arc::new(raw.or_else(|| current(&name)).expect("somebody made it"));
    let mutator = (flags >> 6 == 3).then(|| {
        let changes = (0..1 + input.byte() % 8).map(|_| Change::of(&mut input)).collect();
        Mutator::new(raw.clone(), changes)
    });
    let mut most = capacity.max(4096); // of all segments so far
    let (mut buffer, mut paused, mut blocked, mut opened) = (Buffer::new(), 0, 0, 0);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        let step = input.byte();
        let handle = handles.get(usize::from(step >> 7)).or(handles.first());
        match step & 0x1F {
            0..12 => Change::of(&mut input).apply(&raw),
            12..16 => {
                let message = vec![step; usize::from(input.short()) % MOST];
                if let Some(handle) = handle.filter(|_| blocked < BLOCKED) {
                    blocked += usize::from(handle.write(&message) == -10);
                }
            }
            16..20 => {
                if let Some(handle) = handle {
                    handle.read(&mut buffer, usize::from(input.short()) % MOST, 0, most);
                }
            }
            20 | 21 if paused < PAUSES => {
                paused += 1;
                if let Some(handle) = handle {
                    handle.read(&mut buffer, MOST, 1, most);
                }
            }
            22 | 23 if paused < PAUSES => {
                paused += 1;
                pause(u64::from(input.byte() % 3) + 1);
            }
            24 | 25 => {
                if let Some(handle) = handle {
                    handle.ask_everything();
                }
            }
            26 => {
                if let Some(handle) = handle {
                    handle.set_mode((step >> 6 & 1).into());
                    handle.set_spin((step >> 5).into());
                }
            }
            27 => {
                // Another master's segment, perhaps of another capacity, takes the name.
                name.remove();
                let capacity = input.pick(&CAPACITIES);
                most = most.max(capacity);
                raw = somebody(&name, "master", protocol, capacity).map_or(raw, Arc::new);
            }
            28 => {
                name.remove();
                junk(&name, &[&[step], input.bytes(usize::from(step >> 5) * 32)].concat());
            }
            29 => name.remove(),
            30 => raw = current(&name).map_or(raw, Arc::new),
            _ => {
                if let Some(handle) = handle {
                    let role = if handle.role() == MASTER { SLAVE } else { MASTER };
                    if handles.len() < 2 && opened < OPENED {
                        opened += 1;
                        handles.extend(open(role));
                    } else {
                        handles.truncate(1);
                    }
                }
            }
        }
    }
    drop(handles);
    drop(mutator);
    if flags & 8 != 0 && fs::read(name.path()).is_ok_and(|file| !is_too_new(&file)) {
        raw.set("stale_threshold", 5); // else a start may watch a dead master's heartbeat for seconds
        works(&name, threads, &mut buffer);
    }
}
