//! `ping`: round trips to an `echo`, with their distribution.

use crate::{
    exit::Exit,
    failure::Failure,
    histogram, numbers,
    progress::{self, Progress},
    say, say_part,
    side::{self, As, SideArgs},
    standard,
    stop::{self, Limit},
    tell, time,
    trips::{self, Wanted},
};
use serde_json::json;
use std::{
    fmt::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Time round trips to an `echo`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    side: SideArgs,
    /// Which side to be.
    #[arg(long = "as", value_name = "SIDE", default_value = "master")]
    role: As,
    /// Bytes of a message.
    #[arg(long, value_name = "BYTES", default_value = "32")]
    size: usize,
    /// Round trips.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// End after this time; a bare number is seconds.
    #[arg(long = "for", value_name = time::VALUE, value_parser = time::seconds)]
    time: Option<Duration>,
    /// From one to the next, as a control loop has them; a bare number is microseconds. 0: one
    /// right after the other.
    #[arg(long, value_name = time::VALUE, default_value = "0us", value_parser = time::microseconds(0..=3_600_000_000))]
    every: Duration,
    /// How long to wait for the echo to be there, and for it to come back if it goes; a bare number
    /// is seconds.
    #[arg(long, value_name = time::VALUE, default_value = "10s", value_parser = time::seconds)]
    wait: Duration,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Draw the distribution into an SVG file; with `-` on standard output, and the figures on
    /// standard error.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let endpoint = side::open(&args.side, args.role)?;
    let name = &args.side.name;
    trips::check_size(&endpoint, args.size).map_err(|failure| failure.about(name))?;
    if !trips::await_echo(&endpoint, name, args.size, args.wait)
        .map_err(|failure| failure.about(name))?
    {
        tell!("nobody echoes on '{name}'; run `eshmctl echo {}` on the other side", name.typed());
        return Ok(Exit::TimedOut);
    }
    let (start, mut shown) = (Instant::now(), Progress::new());
    let wanted = Wanted {
        size: args.size,
        count: args.count,
        pause: args.every,
        gone: args.wait,
        limit: Limit::after(args.time),
    };
    let done = trips::run(&endpoint, name, wanted, |number| {
        shown.tell(|| format!("{number} of {}", args.count))
    })
    .map_err(|failure| failure.about(name))?;
    shown.done();
    let seconds = start.elapsed().as_secs_f64();
    let times = done.times;
    let percentiles = histogram::PERCENTILES.map(|(name, share)| (name, times.percentile(share)));
    let mut told = String::new();
    if args.json {
        let mut object = json!({
            "size": args.size, "trips": times.len(), "lost": done.lost, "per_second": times.len() as f64 / seconds,
            "max_ns": times.max(),
        });
        for (name, value) in percentiles {
            object[format!("{name}_ns")] = value.into();
        }
        let _ = writeln!(told, "{object}");
    } else {
        let _ = writeln!(
            told,
            "{} of {} bytes, {} lost, {:.0} a second",
            numbers::count(times.len(), "round trip"),
            args.size,
            done.lost,
            times.len() as f64 / seconds
        );
        let shown: Vec<String> = percentiles
            .iter()
            .map(|(name, value)| format!("{name} {}", histogram::time(*value)))
            .collect();
        let _ = writeln!(told, "{}, max {}", shown.join(", "), histogram::time(times.max()));
        told.push_str(&times.for_terminal(progress::columns()));
    }
    match args.svg.as_deref().is_some_and(standard::is_meant) {
        true => say::beside(format_args!("{told}")),
        false => say_part!("{told}"),
    }
    if let Some(path) = &args.svg {
        let title = format!("Round trips of {} bytes on {name}", args.size);
        standard::write(path, &times.as_svg(&title))?;
    }
    if done.deserted {
        tell!(
            "nobody echoes on '{name}' any more; `eshmctl show {}` says who is there",
            name.typed()
        );
        return Ok(Exit::TimedOut);
    }
    Ok(Exit::Fine)
}
