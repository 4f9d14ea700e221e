//! `watch`: each value as it passes by.

use crate::{
    exit::Exit,
    failure::Failure,
    name::Name,
    payload::{self, Form, Message},
    stop::{self, Limit},
    tap::{self, Pace, Which},
    tell, text, time,
};
use serde::Serialize;
use std::{
    io::{self, Write},
    time::{Duration, Instant, SystemTime},
};

/// Print each value as it passes by, without taking it from its reader.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The segment; waited for if there is none.
    name: Name,
    /// Whose values.
    #[arg(long, value_name = "SIDE", default_value = "both")]
    from: Which,
    /// Print bytes in hexadecimal.
    #[arg(long)]
    hex: bool,
    /// Print the values of records, in JSON; exit code 3 if any message was none.
    #[arg(long, conflicts_with_all = ["hex", "csv"])]
    record: bool,
    /// Print one JSON object a line.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values: time, writer, size, missed, bytes in hexadecimal.
    #[arg(long)]
    csv: bool,
    /// End after so many values.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time; a bare number is seconds.
    #[arg(long = "for", value_name = time::VALUE, value_parser = time::seconds)]
    time: Option<Duration>,
    /// Look so often; a bare number is microseconds. What is overwritten in between is missed.
    /// Shorter catches more and costs the pair more. By default 1ms, and 10ms while more than
    /// 10000 values a second pass by.
    #[arg(long, value_name = time::VALUE, value_parser = time::microseconds(1..=10_000_000))]
    every: Option<Duration>,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line {
    unix_time: f64,
    writer: &'static str,
    missed: u32,
    message: Message,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let (start, began) = (Instant::now(), SystemTime::now());
    let mut out = io::stdout().lock();
    let form = Form::of(args.hex, args.record);
    if args.csv {
        writeln!(out, "unix_time,writer,size,missed,hex")?;
    }
    let (mut values, mut missed, mut no_records) = (0_u64, 0_u64, 0_u64);
    let limit = Limit::after(args.time);
    let ever = tap::listen(&args.name, args.from, Pace::of(args.every), limit, false, |caught| {
        let since = caught.at - start;
        let unix = (began + since)
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let writer = tap::writer(caught.direction);
        values += 1;
        missed += u64::from(caught.missed);
        no_records += u64::from(args.record && !payload::is_record(caught.message));
        if args.json {
            let line = Line {
                unix_time: unix,
                writer,
                missed: caught.missed,
                message: Message::of(caught.message),
            };
            writeln!(out, "{}", text::json(&serde_json::to_string(&line)?))?;
        } else if args.csv {
            let (size, hex) = (caught.message.len(), payload::hex(caught.message));
            writeln!(out, "{unix:.6},{writer},{size},{},{hex}", caught.missed)?;
        } else {
            let (time, size) = (since.as_secs_f64(), caught.message.len());
            let shown = payload::show(caught.message, form);
            writeln!(
                out,
                "{time:11.6} {writer:6} {size:5} bytes, {:5} missed  {shown}",
                caught.missed
            )?;
        }
        out.flush()?;
        Ok(args.count.is_none_or(|count| values < count))
    })?;
    if !args.json && !args.csv {
        writeln!(out, "{values} caught, {missed} missed")?;
    }
    if !ever {
        tell!("there was no segment '{}'; `eshmctl list` shows which there are", args.name);
        return Ok(Exit::Missing);
    }
    if no_records > 0 {
        payload::tell_no_records(&args.name, no_records, values);
        return Ok(Exit::Findings);
    }
    Ok(if args.count.is_some_and(|count| values < count) { Exit::TimedOut } else { Exit::Fine })
}
