//! A file of any bytes and any size under a name, then every role and every call; and in the end a fresh pair that works.

use crate::{
    buffers::Buffer,
    handle::{self, AUTO, Handle, MASTER, SLAVE},
    input::Input,
};
use eshm_processes::{Name, raw::MAGIC, raw::channel_size, raw::total_size};
use std::{
    fs::{self, File, OpenOptions},
    os::{fd::AsRawFd, unix::fs::symlink},
};

/// Capacities of files that are segments.
const CAPACITIES: [usize; 6] = [4096, 1, 64, 1000, 8192, 57];
/// The longest silence that a start may have to watch, in milliseconds: it only costs time. 0 would be 100.
const LONGEST_THRESHOLD: u32 = 3;

/// Milliseconds within which a message that was written arrives: a reader that knew another writer before looks at the new one
/// once a millisecond.
const SOON: u32 = 5000;

fn put(file: &mut [u8], offset: usize, bytes: &[u8]) {
    if let Some(to) = file.get_mut(offset..offset + bytes.len()) {
        to.copy_from_slice(bytes);
    }
}

/// The word at an offset of a file.
fn word(file: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(file.get(offset..offset + 4)?.try_into().expect("four bytes")))
}

/// Completes what looks as if somebody were making it right now: a start waits for that, which takes its time.
fn finish(file: &mut Vec<u8>) {
    if file.is_empty() {
        file.push(1);
    }
    let magic = word(file, 0);
    if magic == Some(0) {
        put(file, 0, &[1]);
    }
    if magic == Some(MAGIC as u32) {
        if word(file, 4) == Some(0) {
            put(file, 4, &[1]);
        }
        if word(file, 4) == Some(3) && word(file, 52) == Some(0) {
            put(file, 52, &[1]);
        }
    }
}

/// The bytes of the file.
fn contents(input: &mut Input<'_>) -> Vec<u8> {
    let capacity = input.pick(&CAPACITIES);
    let size = match input.byte() % 8 {
        0 => usize::from(input.short()), // any
        1 => total_size(capacity) + usize::from(input.byte()),
        2 => total_size(capacity) - usize::from(input.byte() % 128),
        3 => total_size(1 + usize::from(input.short())),
        _ => total_size(capacity),
    };
    let mut file = vec![0; size];
    let stamps = input.byte();
    let pids = input.byte();
    // Header and both channels' ends; whatever is left of the input then lies over all.
    put(&mut file, 8, input.bytes(60));
    for channel in [128, 128 + channel_size(capacity)] {
        put(&mut file, channel, input.bytes(8));
        put(&mut file, channel + (8 + capacity).next_multiple_of(8), input.bytes(28));
    }
    if stamps & 1 != 0 {
        let at = usize::from(input.short());
        let rest = input.bytes(usize::MAX);
        put(&mut file, at % (size + 1), rest);
    }
    if stamps & 2 == 0 {
        put(&mut file, 0, &(MAGIC as u32).to_ne_bytes());
    }
    match stamps >> 2 & 3 {
        0 => put(&mut file, 4, &3_u32.to_ne_bytes()),
        1 => put(&mut file, 4, &2_u32.to_ne_bytes()),
        2 => put(&mut file, 4, &u32::from(pids).to_ne_bytes()),
        _ => {}
    }
    if stamps & 16 == 0 {
        put(&mut file, 52, &(size as u32).to_ne_bytes());
    }
    match stamps >> 5 & 3 {
        0 => put(&mut file, 64, &(capacity as u32).to_ne_bytes()),
        1 => put(&mut file, 64, &0_u32.to_ne_bytes()),
        _ => {}
    }
    for (side, choice) in [(0, pids & 7), (1, pids >> 3 & 7)] {
        let pid = match choice {
            0 => 1,
            1 => std::process::id(),
            2 => i32::MAX as u32,
            3 => 0,
            _ => continue,
        };
        put(&mut file, 24 + 4 * side, &pid.to_ne_bytes());
        put(&mut file, 32 + 4 * side, &1_u32.to_ne_bytes());
        if choice == 1 {
            put(&mut file, 56 + 4 * side, &pid.to_ne_bytes());
            put(&mut file, 44, &pid.to_ne_bytes());
        }
    }
    let threshold = word(&file, 40).unwrap_or(0) % LONGEST_THRESHOLD + 1;
    put(&mut file, 40, &threshold.to_ne_bytes());
    file
}

/// Holds locks on bytes of the file, as a live peer of ours would.
fn lock(file: &File, byte: i64) {
    // SAFETY: plain numbers, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence, lock.l_start, lock.l_len) = (libc::F_WRLCK as i16, libc::SEEK_SET as i16, byte, 1);
    // SAFETY: an open file and a live struct.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    assert_eq!(result, 0);
}

fn use_every_call(handle: &Handle, input: &mut Input<'_>, buffer: &mut Buffer, most: usize) {
    let sizes = [0, 1, 100, 4096, 1 << 16];
    let mut blocked = false; // a write waits for its lock; once is enough
    for _ in 0..3 {
        handle.ask_everything();
        handle.read(buffer, input.pick(&sizes), u32::from(input.byte() & 15 == 15), most);
        let message = vec![7; input.pick(&sizes)];
        blocked = blocked || handle.write(&message) == -10;
    }
    handle.set_mode(input.byte().into());
    handle.set_spin(input.byte().into());
    handle::nulls(Some(handle));
    handle.read(buffer, 1 << 16, 0, most);
}

/// Whether a file is a segment of a protocol that nobody may touch.
pub(crate) fn is_too_new(file: &[u8]) -> bool {
    word(file, 0) == Some(MAGIC as u32) && word(file, 4).is_some_and(|version| version > 3)
}

/// A fresh master and slave exchange a message each way, whatever was there before.
pub(crate) fn works(name: &Name, threads: bool, buffer: &mut Buffer) {
    let calm = |role| eshm::ffi::eshm_data::ESHMConfig { stale_threshold_ms: 10_000, ..handle::config(role, threads) };
    let name = name.as_str().as_bytes();
    let master = Handle::open(name, calm(MASTER)).expect("a master after a clean end");
    let slave = Handle::open(name, calm(SLAVE)).expect("a slave of a live master");
    assert_eq!(master.write(b"down"), 0);
    assert_eq!(slave.read(buffer, 4096, SOON, 4096), (0, 4));
    assert_eq!(slave.write(b"up"), 0);
    assert_eq!(master.read(buffer, 4096, SOON, 4096), (0, 2));
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = Name::new();
    let (flags, kind) = (input.byte(), input.byte());
    let role = [MASTER, SLAVE, AUTO, AUTO][usize::from(flags & 3)];
    let threads = flags & 0x1C == 0x1C; // some
    let mut locks = None;
    let file = match kind {
        255 => {
            fs::create_dir(name.path()).expect("a folder");
            None
        }
        254 => {
            symlink("/dev/null", name.path()).expect("a link");
            None
        }
        253 => {
            // A size that nobody can map; it holds no pages.
            let file = File::create(name.path()).expect("a file");
            file.set_len(1 << (32 + flags % 30)).expect("a sparse file");
            Some(Vec::new())
        }
        _ => {
            let mut bytes = contents(&mut input);
            if kind < 250 {
                finish(&mut bytes);
            }
            fs::write(name.path(), &bytes).expect("a file");
            Some(bytes)
        }
    };
    if kind & 3 == 3 && kind < 253 {
        let holder = OpenOptions::new().read(true).write(true).open(name.path()).expect("it was just made");
        (0..2).filter(|side| kind & (4 << side) != 0).for_each(|side| lock(&holder, side));
        locks = Some(holder);
    }

    let mut buffer = Buffer::new();
    let first = Handle::open(name.as_str().as_bytes(), handle::config(role, threads));
    let usable = file.as_ref().is_some_and(|file| !is_too_new(file));
    assert!(first.is_some() || role == SLAVE || !usable, "a junk file keeps a master from starting");
    let most = file.map_or(4096, |file| (file.len() / 2).max(4096));
    if let Some(first) = &first {
        let other = if first.role() == MASTER { SLAVE } else { MASTER };
        use_every_call(first, &mut input, &mut buffer, most);
        let second = Handle::open(name.as_str().as_bytes(), handle::config(other, threads));
        if let Some(second) = &second {
            use_every_call(second, &mut input, &mut buffer, most);
            use_every_call(first, &mut input, &mut buffer, most);
        }
    }
    drop(first);
    drop(locks);
    if usable {
        works(&name, threads, &mut buffer);
    }
}
