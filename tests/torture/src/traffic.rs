//! The traffic of a peer: threads that write and read through its port without a pause, and what they saw.

use crate::{
    frame::{self, Frame, author},
    port::{Opening, Port},
    random::Random,
};
use eshm_processes::ms;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// The machine's monotonic clock in nanoseconds, the same for all processes.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the live struct.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

const MS: u64 = 1_000_000;
/// Milliseconds by which a call may outlast its limit before that is counted: the machine may be busy.
pub(crate) const LATE: u64 = 50;
/// The longest a write waits, in milliseconds.
const WRITE_LIMIT: u64 = 20;
/// Threads of each kind.
pub(crate) const THREADS: usize = 4;

/// How the threads go about it; changed while they run.
pub(crate) struct Settings {
    /// Microseconds between two writes; 0 is flat out, below that none.
    pub(crate) write_pause: AtomicI64,
    /// Bytes of the smallest and largest message.
    pub(crate) smallest: AtomicU64,
    pub(crate) largest: AtomicU64,
    /// The timeout of all reads in milliseconds; negative: mixed.
    pub(crate) read_timeout: AtomicI64,
    /// Nobody calls anything.
    pub(crate) paused: AtomicBool,
}

/// What the threads saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Mixtures.
    pub(crate) torn: AtomicU64,
    /// Messages that came again, or after a later one.
    pub(crate) repeated: AtomicU64,
    /// Results that no call may give.
    pub(crate) wrong: AtomicI64,
    /// Calls that outlasted their limit by more than [`LATE`], and the most that one did, in milliseconds.
    pub(crate) late: AtomicU64,
    pub(crate) latest: AtomicU64,
    /// By thread: when the call that it is in should be over; 0 outside.
    pub(crate) due: [AtomicU64; 2 * THREADS],
    /// When a message by an author came first that had read one of ours.
    pub(crate) exchanged: Mutex<HashMap<u64, u64>>,
    /// Messages read, by author.
    heard: Mutex<HashMap<u64, u64>>,
}

/// The traffic of one peer.
pub(crate) struct Traffic {
    pub(crate) port: RwLock<Option<Port>>,
    pub(crate) settings: Settings,
    pub(crate) seen: Seen,
    author: u64,
    /// Number of the message read last.
    last: AtomicU64,
    /// Messages written.
    count: AtomicU64,
    ours: bool,
    /// Bytes of the largest message.
    capacity: usize,
    /// Several peers write beside each other: a later one's message says nothing about an earlier one's.
    beside: bool,
}

impl Traffic {
    /// Starts `threads` writers and as many readers.
    pub(crate) fn start(port: Port, author: u64, threads: usize, settings: Settings, opening: &Opening) -> Arc<Traffic> {
        let ours = !matches!(port, Port::Released(_));
        let traffic = Arc::new(Traffic {
            port: RwLock::new(Some(port)),
            settings,
            seen: Seen::default(),
            author,
            last: AtomicU64::new(0),
            count: AtomicU64::new(0),
            ours,
            capacity: opening.capacity,
            beside: opening.beside,
        });
        for index in 0..threads.min(THREADS) {
            let (writer, reader) = (traffic.clone(), traffic.clone());
            thread::spawn(move || writer.write_for_ever(index, threads));
            thread::spawn(move || reader.read_for_ever(index));
        }
        traffic
    }

    /// Runs `call` on the port, if there is one, and notes how long it took beyond `limit` milliseconds.
    fn timed<T>(&self, slot: usize, limit: u64, call: impl FnOnce(&Port) -> T) -> Option<T> {
        let port = self.port.read().unwrap_or_else(PoisonError::into_inner);
        let port = port.as_ref()?;
        let due = now() + limit * MS;
        self.seen.due[slot].store(due, SeqCst);
        let result = call(port);
        self.seen.due[slot].store(0, SeqCst);
        let over = now().saturating_sub(due) / MS;
        self.seen.latest.fetch_max(over, SeqCst);
        if over > LATE {
            self.seen.late.fetch_add(1, SeqCst);
        }
        Some(result)
    }

    /// Whether to stand still for a moment.
    fn rests(&self, writer: bool) -> bool {
        let rest = self.settings.paused.load(SeqCst) || writer && self.settings.write_pause.load(SeqCst) < 0;
        if rest {
            thread::sleep(Duration::from_micros(200));
        }
        rest
    }

    fn write_for_ever(&self, index: usize, threads: usize) {
        let (mut random, mut buffer) = (Random::new(self.author ^ (index as u64) << 50), vec![0; self.capacity]);
        let mut count = 0;
        loop {
            if self.rests(true) {
                continue;
            }
            let (low, high) = (self.settings.smallest.load(SeqCst), self.settings.largest.load(SeqCst));
            let message = &mut buffer[..(low + random.below(high - low + 1)) as usize];
            count += 1;
            // Several threads of an author count apart: which of two publishes first is nobody's promise.
            let number = frame::number(self.author * THREADS as u64 + index as u64, count);
            frame::fill(message, number, self.last.load(SeqCst));
            match self.timed(index, WRITE_LIMIT, |port| port.write(message)) {
                Some(Ok(())) => drop(self.seen.writes.fetch_add(1, SeqCst)),
                // Without a master, or behind a message of a dead writer; nothing else.
                Some(Err(-10)) => {
                    self.seen.refused.fetch_add(1, SeqCst);
                    thread::sleep(ms(1));
                }
                Some(Err(code)) => self.seen.wrong.store(code.into(), SeqCst),
                None => thread::sleep(Duration::from_micros(200)),
            }
            self.count.fetch_add(1, SeqCst);
            let pause = self.settings.write_pause.load(SeqCst);
            if pause > 0 {
                thread::sleep(Duration::from_micros(random.below(2 * pause as u64)));
            } else if threads > 1 && random.chance(1) {
                thread::yield_now();
            }
        }
    }

    fn read_for_ever(&self, index: usize) {
        let (mut random, mut buffer) = (Random::new(self.author ^ (index as u64) << 51), vec![0; self.capacity]);
        let (mut lasts, mut newest) = (HashMap::new(), 0);
        loop {
            if self.rests(false) {
                continue;
            }
            let timeout = match self.settings.read_timeout.load(SeqCst) {
                fixed @ 0.. => fixed as u32,
                _ => random.pick(&[0, 1, 1, 5, 20, 60]),
            };
            match self.timed(THREADS + index, timeout.into(), |port| port.read(&mut buffer, timeout)) {
                Some(Ok(size)) => self.take(&buffer[..size], &mut lasts, &mut newest),
                Some(Err(-9 | -10)) if timeout == 0 => thread::sleep(Duration::from_micros(100)),
                Some(Err(-10)) => {}
                Some(Err(code)) => self.seen.wrong.store(code.into(), SeqCst),
                None => thread::sleep(Duration::from_micros(200)),
            }
        }
    }

    /// Judges a message.
    fn take(&self, bytes: &[u8], lasts: &mut HashMap<u64, u64>, newest: &mut u64) {
        self.seen.reads.fetch_add(1, SeqCst);
        let Some(frame) = frame::check(bytes) else {
            let start = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect::<String>();
            eprintln!("torn: {} bytes, {start}", bytes.len());
            self.seen.torn.fetch_add(1, SeqCst);
            return;
        };
        let Frame::Long { number, ack } = frame else { return };
        let (thread_of, peer) = (author(number), author(number) / THREADS as u64);
        let before = lasts.insert(thread_of, number).unwrap_or(0);
        // A released reader may be given a message twice: that is how it is built.
        if self.ours && (number <= before || peer < *newest && !self.beside) {
            eprintln!("repeated: {peer}:{number:#x} after {newest}:{before:#x}");
            self.seen.repeated.fetch_add(1, SeqCst);
        }
        if peer > *newest && !self.beside {
            lasts.retain(|&other, _| other == thread_of);
        }
        *newest = peer.max(*newest);
        self.last.store(number, SeqCst);
        *self.seen.heard.lock().unwrap_or_else(PoisonError::into_inner).entry(peer).or_insert(0) += 1;
        if author(ack) / THREADS as u64 == self.author {
            let mut exchanged = self.seen.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
            exchanged.entry(peer).or_insert_with(now);
        }
    }

    /// How many messages of a peer came.
    pub(crate) fn heard(&self, author: u64) -> u64 {
        self.seen.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&author).copied().unwrap_or(0)
    }

    /// One write, and a read that finds nothing: how long they took in microseconds, and how many messages or results on the
    /// way were wrong. Nobody may be on the other side.
    pub(crate) fn probe(&self, timeout_ms: u32) -> String {
        let port = self.port.read().unwrap_or_else(PoisonError::into_inner);
        let Some(port) = port.as_ref() else { return "no port".to_owned() };
        let (mut bad, mut buffer, start) = (0, vec![0; self.capacity], now());
        // The least number of an author who is none: it is never taken for an answer, or for a message out of order.
        frame::fill(&mut buffer[..8], 0, 0);
        bad += u64::from(!matches!(port.write(&buffer[..8]), Ok(()) | Err(-10)));
        let write = (now() - start) / 1000;
        loop {
            let start = now();
            match port.read(&mut buffer, timeout_ms) {
                // The last words of the dead.
                Ok(size) => bad += u64::from(frame::check(&buffer[..size]).is_none()),
                Err(-10) => return format!("ok read={} write={write} bad={bad}", (now() - start) / 1000),
                Err(_) => return format!("ok read=0 write={write} bad={}", bad + 1),
            }
        }
    }

    /// The longest that a call now going on is overdue, in milliseconds.
    pub(crate) fn overdue(&self) -> u64 {
        let now = now();
        let over = |due: u64| if due == 0 { 0 } else { now.saturating_sub(due) / MS };
        self.seen.due.iter().map(|due| over(due.load(SeqCst))).max().unwrap_or(0)
    }
}
