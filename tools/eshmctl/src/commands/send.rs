//! `send`: values from an argument, a file, or standard input.

use crate::{
    delivery::Delivery,
    exit::Exit,
    failure::Failure,
    lines, numbers,
    payload::{self, Form},
    record_text, say,
    side::{self, As, Place, SideArgs},
    standard, stop, tell, time,
    waiting::{self, Notice},
};
use eshm::{Endpoint, Error};
use std::{
    io::{self, Write},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Send values as one side of a segment; print what comes back.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    side: SideArgs,
    /// The value; without it, and without --file, each line of standard input is one.
    value: Option<String>,
    /// Send a file's bytes as one value; `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,
    /// Take each value for a record in JSON, as `watch --record` prints it, and send its bytes;
    /// show replies likewise.
    #[arg(long)]
    record: bool,
    /// Which side to be.
    #[arg(long = "as", value_name = "SIDE", default_value = "auto")]
    role: As,
    /// Values a second, at most.
    #[arg(long, value_name = "HZ", value_parser = numbers::factor)]
    rate: Option<f64>,
    /// Send a value or file so many times.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Stay so long after the last value; a bare number is seconds. Print replies, and let a reader
    /// come and read it. Exit code 5 if none did.
    #[arg(long, value_name = time::VALUE, default_value = "1s", value_parser = time::seconds)]
    linger: Duration,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let endpoint = side::open(&args.side, args.role)?;
    let over = AtomicBool::new(false);
    let (sent, replies) = thread::scope(|scope| {
        let printing = scope.spawn(|| print_replies(&endpoint, args, &over));
        let stopped = || stop::asked() || printing.is_finished(); // it ends early if it fails
        let delivery = Delivery::new(&args.side.name, endpoint.role());
        let mut sender = Sender { endpoint: &endpoint, args, stopped: &stopped, sent: 0, delivery };
        let result = sender.send_all();
        if result.is_ok() {
            sender.wait_until(Instant::now() + args.linger);
        }
        over.store(true, Ordering::Relaxed); // a flag alone
        let Sender { sent, delivery, .. } = sender;
        (result.map(|()| (sent, delivery)), printing.join().expect("no panic"))
    });
    let ((sent, delivery), replies) = (sent?, replies?);
    say!("{sent} sent, {replies} {}", if replies == 1 { "reply" } else { "replies" });
    if sent > 0 && !delivery.was_read() {
        tell!("{}", delivery.unread(sent, args.linger, "--linger waits longer"));
        return Ok(Exit::TimedOut);
    }
    Ok(Exit::Fine)
}

struct Sender<'a> {
    endpoint: &'a Endpoint,
    args: &'a Args,
    stopped: &'a dyn Fn() -> bool,
    sent: u64,
    delivery: Delivery,
}

impl Sender<'_> {
    fn send_all(&mut self) -> Result<(), Failure> {
        match (&self.args.value, &self.args.file) {
            (Some(text), _) => self.repeat(text.as_bytes()),
            (None, Some(path)) => {
                let bytes = standard::read(path)?;
                self.repeat(&bytes)
            }
            (None, None) => lines::each(self.stopped, |line| self.send(line)),
        }
    }

    fn repeat(&mut self, value: &[u8]) -> Result<(), Failure> {
        for _ in 0..self.args.count {
            if (self.stopped)() {
                break;
            }
            self.send(value)?;
        }
        Ok(())
    }

    /// Sends one value; while the other side is away or another writer is at it, again.
    fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        let record = if self.args.record { Some(record_text::encode(value)?) } else { None };
        let value = record.as_deref().unwrap_or(value);
        let next = self.args.rate.map(|hz| Instant::now() + Duration::from_secs_f64(1.0 / hz));
        let mut notice = Notice::new();
        loop {
            self.delivery.begin();
            match self.endpoint.write(value) {
                Ok(()) => break,
                Err(Error::Timeout) if (self.stopped)() => return Ok(()),
                Err(Error::Timeout) => {
                    notice.tell_if_long(|| waiting::to_write(self.endpoint, &self.args.side.name));
                    thread::sleep(Duration::from_millis(10));
                }
                Err(Error::BufferTooSmall { size, .. }) => {
                    let (name, bytes) = (&self.args.side.name, value.len());
                    return Err(Failure::new(format!(
                        "{name}: a value of {bytes} bytes; the segment takes {size}: see --capacity"
                    )));
                }
                Err(error) => return Err(Failure::from(error).about(&self.args.side.name)),
            }
        }
        self.sent += 1;
        if let Some(next) = next {
            self.wait_until(next);
        }
        Ok(())
    }

    /// Lets the time pass, unless it is to stop.
    fn wait_until(&self, end: Instant) {
        while !(self.stopped)() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
}

/// Prints what comes back until it is over; how many that was.
fn print_replies(endpoint: &Endpoint, args: &Args, over: &AtomicBool) -> Result<u64, Failure> {
    let (mut buffer, mut replies) = (side::buffer(endpoint, &args.side.name)?, 0);
    let mut place = Place::of(endpoint, &args.side.name);
    while !over.load(Ordering::Relaxed) {
        match endpoint.read_timeout(&mut buffer, Duration::from_millis(20)) {
            Ok(size) => {
                replies += 1;
                let mut out = io::stdout().lock();
                writeln!(out, "{}", payload::show(&buffer[..size], Form::of(false, args.record)))?;
                out.flush()?;
            }
            Err(Error::Timeout) => place.check()?,
            Err(Error::BufferTooSmall { size, .. }) => {
                buffer = side::buffer_of(size, &args.side.name)?; // a new master with a larger capacity
            }
            Err(error) => return Err(Failure::from(error).about(&args.side.name)),
        }
    }
    Ok(replies)
}
