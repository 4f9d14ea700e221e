//! Any sequence of calls, on several handles of two names, with odd arguments; every message that arrives is whole, and
//! arrives once.

use crate::{
    buffers::{Buffer, LARGEST},
    handle::{self, AUTO, Handle, MASTER},
    input::Input,
    message, options,
};
use eshm::ffi::eshm_data::ESHMConfig;
use eshm_processes::{Name, pause};

/// Handles at once.
const SLOTS: usize = 4;
const STEPS: usize = 300;
const PAUSES: usize = 12;
const CAPACITY: usize = 4096;
/// Sizes at which something changes, and some that no buffer has.
const SIZES: [usize; 20] =
    [0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 127, 128, 511, 512, 1399, 1400, 4095, CAPACITY, CAPACITY + 1, LARGEST];

/// An open handle and what it has read.
struct Slot {
    handle: Handle,
    name: usize,
    read: message::Read,
}

/// A state of the whole.
struct Run<'a> {
    input: Input<'a>,
    /// Before the names, so that no master makes its name anew after the file was removed.
    slots: [Option<Slot>; SLOTS],
    names: [Name; 2],
    buffer: Buffer,
    source: Buffer,
    /// Messages numbered so far.
    written: u32,
    paused: usize,
    /// A read that may wait for a second has been made.
    waited: bool,
}

impl Run<'_> {
    fn config(&mut self) -> ESHMConfig {
        let flags = self.input.byte();
        let mut config = handle::config(i32::from(flags & 3) % 3, flags & 4 != 0);
        config.disconnect_behavior = i32::from(flags >> 3 & 3) % 3;
        config.stale_threshold_ms = self.input.pick(&[100, 1, 2, 5, 20, 0]);
        if flags & 0x20 != 0 {
            config.reconnect_wait_ms = self.input.pick(&[0, 1, 5, 5000, u32::MAX]);
            config.reconnect_retry_interval_ms = self.input.pick(&[0, 1, 2, 100, u32::MAX]);
            config.max_reconnect_attempts = self.input.pick(&[0, 1, 2, 50, u32::MAX]);
        }
        if flags & 0x40 != 0 {
            (config.auto_cleanup, config.use_threads) = (self.input.byte(), self.input.byte());
        }
        if flags & 0x80 != 0 {
            (config.role, config.disconnect_behavior) = (self.input.word() as i32, self.input.word() as i32);
        }
        config
    }

    fn open(&mut self, at: usize) {
        let config = self.config();
        let name = usize::from(self.input.byte() & 1);
        let opened = Handle::open(self.names[name].as_str().as_bytes(), config);
        let is_valid = (0..3).contains(&config.role) && (0..3).contains(&config.disconnect_behavior);
        match &opened {
            Some(handle) => assert!(is_valid && (config.role == AUTO || config.role == handle.role())),
            None => assert!(!is_valid || config.role == 1, "a master is refused"),
        }
        self.slots[at] = opened.map(|handle| Slot { handle, name, read: message::Read::default() });
    }

    fn size(&mut self) -> usize {
        let choice = usize::from(self.input.byte());
        SIZES.get(choice).copied().unwrap_or(choice * 16)
    }

    fn write(&mut self, at: usize) -> bool {
        let size = self.size();
        let Some(slot) = &self.slots[at] else { return false };
        let message = self.source.last(size);
        message::fill(message, self.written);
        self.written += 1;
        let code = slot.handle.write(message);
        assert!(code != -13 || size > CAPACITY, "{size} bytes are too many");
        code == 0
    }

    fn read(&mut self, at: usize, timeout: u32) {
        let size = self.size();
        let Some(slot) = &mut self.slots[at] else { return };
        if let (0, got) = slot.handle.read(&mut self.buffer, size, timeout, CAPACITY) {
            let message = self.buffer.last(size)[..got].to_vec();
            slot.read.check(&message, self.written);
        }
    }

    /// A write by one side and a waiting read by the other.
    fn exchange(&mut self, at: usize) {
        let to = (at + 1) % SLOTS;
        if self.waited || !self.write(at) {
            return;
        }
        let masters = |run: &Self, name| {
            let on_it = run.slots.iter().flatten().filter(|slot| slot.name == name);
            on_it.filter(|slot| slot.handle.role() == MASTER).count()
        };
        let [Some(from), Some(reader)] = [&self.slots[at], &self.slots[to]] else { return };
        if from.name != reader.name || from.handle.role() == reader.handle.role() || masters(self, from.name) != 1 {
            return;
        }
        self.waited = true;
        let Some(slot) = &mut self.slots[to] else { return };
        let code = slot.handle.read_waiting(&mut self.buffer, LARGEST, CAPACITY);
        if code >= 0 {
            let message = self.buffer.last(LARGEST)[..code as usize].to_vec();
            slot.read.check(&message, self.written);
        }
    }

    fn rest(&mut self, at: usize) {
        match self.input.byte() % 12 {
            0 => handle::nulls(None),
            1 => handle::nulls(self.slots[at].as_ref().map(|slot| &slot.handle)),
            2 => handle::text_of(self.input.word() as i32),
            3 => handle::text_of(-i32::from(self.input.byte())),
            4 => self.names[at & 1].remove(),
            5 if self.paused < PAUSES => {
                self.paused += 1;
                pause(u64::from(self.input.byte() % 8) + 1);
            }
            6 => {
                let mode = self.input.word() as i32;
                self.with(at, |handle| handle.set_mode(mode));
            }
            7 => {
                let time = self.input.pick(&[0, 1, 50, u32::MAX - 1, u32::MAX]);
                let time = if time == u32::MAX - 1 { 300 } else { time };
                self.with(at, |handle| handle.set_spin(time));
            }
            8 => self.with(at, |handle| handle.set_mode(1)),
            9 => options::run(&mut self.input),
            _ => self.with(at, Handle::ask_everything),
        }
    }

    fn with(&self, at: usize, action: impl FnOnce(&Handle)) {
        if let Some(slot) = &self.slots[at] {
            action(&slot.handle);
        }
    }
}

/// Sizes that no object has, and names that are none.
fn odd_arguments() {
    use eshm::ffi::eshm::*;
    let name = Name::new();
    let master = Handle::open(name.as_str().as_bytes(), handle::config(MASTER, false)).expect("a fresh name");
    let mut bytes = [0_u8; 16];
    for size in [isize::MAX as usize + 1, usize::MAX] {
        // SAFETY: an open handle; sizes that no object has are refused before anything is looked at, and of the buffer no more
        // is used than a message has, which is nothing here.
        unsafe {
            assert_eq!(eshm_write(master.raw(), bytes.as_ptr().cast(), size), -13);
            assert_eq!(eshm_read_ex(master.raw(), bytes.as_mut_ptr().cast(), size, std::ptr::null_mut(), 0), -9);
        }
    }
    for name in [&b""[..], &[b'x'; 250], &[b'x'; 5000]] {
        assert!(Handle::open(name, handle::config(AUTO, false)).is_none());
    }
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut run = Run {
        input: Input::new(bytes),
        slots: [const { None }; SLOTS],
        names: [Name::new(), Name::new()],
        buffer: Buffer::new(),
        source: Buffer::new(),
        written: 0,
        paused: 0,
        waited: false,
    };
    for _ in 0..STEPS {
        if run.input.is_empty() {
            break;
        }
        let step = run.input.byte();
        let at = usize::from(step >> 6);
        match step & 15 {
            0 if run.slots[at].is_none() => run.open(at),
            0 | 1 => run.slots[at] = None,
            2..6 => drop(run.write(at)),
            6..10 => run.read(at, 0),
            10 if run.paused < PAUSES => {
                run.paused += 1;
                run.read(at, 1);
            }
            11 => run.exchange(at),
            12 if step & 16 != 0 => odd_arguments(),
            13 if run.paused < PAUSES => {
                run.paused += 1;
                let slot = run.slots[at].take();
                let size = run.size();
                slot.into_iter().for_each(|slot| slot.handle.end_under_a_read(&mut run.buffer, size));
            }
            _ => run.rest(at),
        }
    }
}
