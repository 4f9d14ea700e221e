//! `send`: values from an argument, a file, or standard input.

use crate::{
    exit::Exit,
    failure::Failure,
    payload::{self, Form},
    record_text,
    side::{self, As, SideArgs},
    stop::{self, Limit},
};
use eshm::{Endpoint, Error};
use std::{
    fs,
    io::{self, BufRead, Write},
    path::PathBuf,
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
    /// Send a file's bytes as one value.
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,
    /// Take each value for a record in JSON, as `watch --record` prints it, and send its bytes; show replies likewise.
    #[arg(long)]
    record: bool,
    /// Which side to be.
    #[arg(long = "as", value_name = "SIDE", default_value = "auto")]
    role: As,
    /// Values a second, at most.
    #[arg(long, value_name = "HZ", value_parser = stop::seconds)]
    rate: Option<f64>,
    /// Send a value or file so many times.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Go on for so many seconds after the last value: print replies, and stay, so that a slave can come and read it.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = stop::seconds)]
    linger: f64,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let endpoint = side::open(&args.side, args.role)?;
    let pause = args.rate.map(|hz| Duration::from_secs_f64(1.0 / hz));
    let mut sender = Sender { endpoint, args, pause, sent: 0, replies: 0 };
    match (&args.value, &args.file) {
        (Some(text), _) => sender.repeat(text.as_bytes(), args.count)?,
        (None, Some(path)) => {
            let bytes = fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            sender.repeat(&bytes, args.count)?;
        }
        (None, None) => {
            for line in io::stdin().lock().split(b'\n') {
                if stop::asked() {
                    break;
                }
                sender.send(&line?)?;
            }
        }
    }
    let limit = Limit::of_seconds(Some(args.linger));
    while !limit.is_over() {
        sender.print_replies(Duration::from_millis(20))?;
    }
    println!("{} sent, {} replies", sender.sent, sender.replies);
    Ok(Exit::Fine)
}

struct Sender<'a> {
    endpoint: Endpoint,
    args: &'a Args,
    pause: Option<Duration>,
    sent: u64,
    replies: u64,
}

impl Sender<'_> {
    fn repeat(&mut self, value: &[u8], count: u64) -> Result<(), Failure> {
        for _ in 0..count {
            if stop::asked() {
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
        let next = self.pause.map(|pause| Instant::now() + pause);
        loop {
            match self.endpoint.write(value) {
                Ok(()) => break,
                Err(Error::Timeout) if !stop::asked() => thread::sleep(Duration::from_millis(10)),
                Err(Error::BufferTooSmall { size }) => {
                    let (name, bytes) = (&self.args.side.name, value.len());
                    return Err(Failure::new(format!(
                        "{name}: a value of {bytes} bytes; the segment takes {size}: see --capacity"
                    )));
                }
                Err(error) => return Err(Failure::from(error).about(&self.args.side.name)),
            }
        }
        self.sent += 1;
        self.print_replies(Duration::ZERO)?;
        while let Some(next) = next {
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() || stop::asked() {
                break;
            }
            self.print_replies(left.min(Duration::from_millis(20)))?;
        }
        Ok(())
    }

    /// Prints what has come back, waiting for it up to `time`.
    fn print_replies(&mut self, time: Duration) -> Result<(), Failure> {
        let mut buffer = vec![0; self.endpoint.capacity()?];
        match self.endpoint.read_timeout(&mut buffer, time) {
            Ok(size) => {
                self.replies += 1;
                let mut out = io::stdout().lock();
                writeln!(out, "{}", payload::show(&buffer[..size], Form::of(false, self.args.record)))?;
                out.flush()?;
                Ok(())
            }
            Err(Error::Timeout | Error::BufferTooSmall { .. }) => Ok(()),
            Err(error) => Err(Failure::from(error).about(&self.args.side.name)),
        }
    }
}
