//! `recv`: prints the values that come.

use crate::{
    exit::Exit,
    failure::Failure,
    payload::{self, Form, Message},
    side::{self, As, Place, SideArgs},
    stop::{self, Limit},
    text, time,
    waiting::{self, Notice},
};
use eshm::{Error, Role};
use std::{
    io::{self, Write},
    time::Duration,
};

/// Print the values that come, as one side of a segment; first the one that stands there, if the
/// other side wrote one before.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    side: SideArgs,
    /// Which side to be.
    #[arg(long = "as", value_name = "SIDE", default_value = "auto")]
    role: As,
    /// Print bytes in hexadecimal.
    #[arg(long)]
    hex: bool,
    /// Print the values of records, in JSON; exit code 3 if any message was none.
    #[arg(long, conflicts_with_all = ["hex", "raw"])]
    record: bool,
    /// Print one JSON object a line.
    #[arg(long, conflicts_with_all = ["hex", "raw"])]
    json: bool,
    /// Write the bytes as they are, with nothing in between.
    #[arg(long, conflicts_with = "hex")]
    raw: bool,
    /// End after so many values.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time; a bare number is seconds.
    #[arg(long = "for", value_name = time::VALUE, value_parser = time::seconds)]
    time: Option<Duration>,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let endpoint = side::open_to_read(&args.side, args.role, true)?;
    let mut notice = Notice::new();
    if args.role == As::Auto && endpoint.role() == Role::Master {
        // It was to find a master, perhaps.
        notice.tell(|| waiting::for_a_value(&endpoint, &args.side.name));
    }
    let limit = Limit::after(args.time);
    let form = Form::of(args.hex, args.record);
    let mut buffer = side::buffer(&endpoint, &args.side.name)?;
    let (mut values, mut no_records) = (0_u64, 0_u64);
    let mut place = Place::of(&endpoint, &args.side.name);
    while !limit.is_over() && args.count.is_none_or(|count| values < count) {
        let size = match endpoint.read_timeout(&mut buffer, Duration::from_millis(50)) {
            Ok(size) => size,
            Err(Error::Timeout) => {
                place.check()?;
                notice.tell_if_long(|| waiting::for_a_value(&endpoint, &args.side.name));
                continue;
            }
            Err(Error::BufferTooSmall { size, .. }) => {
                buffer = side::buffer_of(size, &args.side.name)?; // a new master with a larger capacity
                continue;
            }
            Err(error) => return Err(Failure::from(error).about(&args.side.name)),
        };
        notice.over();
        values += 1;
        no_records += u64::from(args.record && !payload::is_record(&buffer[..size]));
        let (mut out, message) = (io::stdout().lock(), &buffer[..size]);
        match () {
            () if args.raw => out.write_all(message)?,
            () if args.json => {
                writeln!(out, "{}", text::json(&serde_json::to_string(&Message::of(message))?))?
            }
            () => writeln!(out, "{}", payload::show(message, form))?,
        }
        out.flush()?;
    }
    if no_records > 0 {
        payload::tell_no_records(&args.side.name, no_records, values);
        return Ok(Exit::Findings);
    }
    Ok(if args.count.is_some_and(|count| values < count) { Exit::TimedOut } else { Exit::Fine })
}
