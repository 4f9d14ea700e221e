//! `watch`: each value as it passes by.

use crate::{
    exit::Exit,
    name::Name,
    payload::{self, Form},
    report::Failure,
    stop::{self, Limit},
    tap::{self, Which},
};
use serde_json::json;
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
    /// Print one JSON object a line.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values: time, writer, size, missed, bytes in hexadecimal.
    #[arg(long)]
    csv: bool,
    /// End after so many values.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = stop::seconds)]
    time: Option<f64>,
    /// Look every so many microseconds: what is overwritten in between is missed. Shorter catches more and costs the pair more.
    #[arg(long, value_name = "US", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    every: u64,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let (start, began) = (Instant::now(), SystemTime::now());
    let mut out = io::stdout().lock();
    let form = if args.hex { Form::Hex } else { Form::Auto };
    if args.csv {
        writeln!(out, "unix_time,writer,size,missed,hex")?;
    }
    let (mut values, mut missed) = (0_u64, 0_u64);
    let limit = Limit::of_seconds(args.time);
    let ever = tap::listen(&args.name, args.from, Duration::from_micros(args.every), limit, |caught| {
        let since = caught.at - start;
        let unix = (began + since).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let writer = tap::writer(caught.direction);
        values += 1;
        missed += u64::from(caught.missed);
        if args.json {
            let message = payload::json(caught.message);
            let line = json!({ "unix_time": unix, "writer": writer, "missed": caught.missed, "message": message });
            writeln!(out, "{line}")?;
        } else if args.csv {
            let (size, hex) = (caught.message.len(), payload::hex(caught.message));
            writeln!(out, "{unix:.6},{writer},{size},{},{hex}", caught.missed)?;
        } else {
            let (time, size) = (since.as_secs_f64(), caught.message.len());
            let shown = payload::show(caught.message, form);
            writeln!(out, "{time:11.6} {writer:6} {size:5} bytes, {:5} missed  {shown}", caught.missed)?;
        }
        out.flush()?;
        Ok(args.count.is_none_or(|count| values < count))
    })?;
    if !args.json && !args.csv {
        writeln!(out, "{values} caught, {missed} missed")?;
    }
    if !ever {
        eprintln!("eshmctl: there was no segment '{}'; `eshmctl list` shows which there are", args.name);
        return Ok(Exit::Missing);
    }
    Ok(if args.count.is_some_and(|count| values < count) { Exit::TimedOut } else { Exit::Fine })
}
