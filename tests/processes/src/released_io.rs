//! One direction as the released libraries use it.

use eshm_processes::{Raw, ms, payload};
use std::{
    hint,
    sync::{
        Arc,
        atomic::{Ordering::SeqCst, fence},
    },
    thread,
    time::{Duration, Instant},
};

/// A channel of a segment, with what a reader of it remembers.
pub(crate) struct Channel {
    raw: Arc<Raw>,
    name: &'static str,
    /// Whether writes signal and reads park: protocol 3.
    pub(crate) signals: bool,
    /// The write count last read; the first read takes its baseline.
    pub(crate) seen: Option<u64>,
}

impl Channel {
    pub(crate) fn new(raw: &Arc<Raw>, name: &'static str, signals: bool) -> Channel {
        Channel { raw: raw.clone(), name, signals, seen: None }
    }

    fn field(&self, field: &str) -> String {
        format!("{}.{field}", self.name)
    }

    fn get(&self, field: &str) -> u64 {
        self.raw.get(&self.field(field))
    }

    fn add(&self, field: &str, amount: u64) {
        self.raw.add(&self.field(field), amount);
    }

    /// All but the last step: the sequence plus 1, blindly, the bytes, the size.
    pub(crate) fn half_write(&self, bytes: &[u8]) -> String {
        self.add("sequence", 1);
        fence(SeqCst); // the data's stores come after it, on every machine
        self.raw.set_data(self.name, bytes);
        self.raw.set(&self.field("data_size"), bytes.len() as u64);
        "ok".to_owned()
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> String {
        self.half_write(bytes);
        self.add("sequence", 1);
        self.add("write_count", 1);
        if self.signals {
            self.add("wake_seq", 1);
            if self.get("waiters") != 0 {
                self.raw.futex_wake(self.name);
            }
        }
        "ok".to_owned()
    }

    /// One look: the newest value if it was not read before and is whole.
    fn look(&mut self) -> Option<Vec<u8>> {
        let count = self.get("write_count");
        let seen = *self.seen.get_or_insert(count);
        let before = self.get("sequence");
        if count <= seen || before % 2 == 1 {
            return None;
        }
        let bytes = self.raw.data(self.name, self.get("data_size") as usize);
        fence(SeqCst);
        if self.get("sequence") != before {
            return None;
        }
        self.add("read_count", 1);
        self.seen = Some(count);
        Some(bytes)
    }

    fn read(&mut self, timeout: Duration) -> Option<Vec<u8>> {
        let start = Instant::now();
        loop {
            for _ in 0..if self.signals { 1000 } else { 1 } {
                if let Some(bytes) = self.look() {
                    return Some(bytes);
                }
                hint::spin_loop();
            }
            if start.elapsed() >= timeout {
                return None;
            }
            if !self.signals {
                thread::sleep(Duration::from_micros(100));
                continue;
            }
            let wake_seq = self.get("wake_seq");
            if let Some(bytes) = self.look() {
                return Some(bytes);
            }
            self.add("waiters", 1);
            self.raw.futex_wait(self.name, wake_seq, 50);
            self.add("waiters", u64::MAX);
        }
    }

    pub(crate) fn read_text(&mut self, timeout_ms: u64) -> String {
        match self.read(ms(timeout_ms)) {
            Some(bytes) => format!("data {}", String::from_utf8_lossy(&bytes)),
            None => "error -10".to_owned(),
        }
    }

    /// A message of one byte, many times.
    pub(crate) fn read_bytes(&mut self, timeout_ms: u64) -> String {
        match self.read(ms(timeout_ms)) {
            Some(bytes) if bytes.iter().all(|byte| *byte == bytes[0]) => {
                format!("ok count={} byte={}", bytes.len(), bytes[0])
            }
            Some(_) => "mixed".to_owned(),
            None => "error -10".to_owned(),
        }
    }

    /// One park, whatever there is to read.
    pub(crate) fn park(&self, timeout_ms: i64) -> String {
        let wake_seq = self.get("wake_seq");
        self.add("waiters", 1);
        let woken = self.raw.futex_wait(self.name, wake_seq, timeout_ms);
        self.add("waiters", u64::MAX);
        format!("ok woken={}", u32::from(woken))
    }

    pub(crate) fn flood(&self, time_ms: u64, largest: usize) -> String {
        let (start, first, mut count) = (Instant::now(), self.get("write_count") + 1, 0);
        while start.elapsed() < ms(time_ms) {
            let mut message = vec![0; payload::size(first + count, largest)];
            payload::fill(&mut message, first + count);
            self.write(&message);
            count += 1;
        }
        format!("ok count={count}")
    }

    pub(crate) fn drain(&mut self, time_ms: u64) -> String {
        let (start, mut tally) = (Instant::now(), payload::Tally::default());
        while start.elapsed() < ms(time_ms) {
            if let Some(bytes) = self.read(ms(20)) {
                tally.add(&bytes);
            }
        }
        format!("ok reads={} torn={} repeated={} failed=0", tally.reads, tally.torn, tally.repeated)
    }
}
