//! `ping`: round trips to an `echo`, with their distribution.

use crate::{
    exit::Exit,
    failure::Failure,
    histogram, numbers,
    progress::Progress,
    side::{self, As, SideArgs},
    stop::{self, Limit},
    trips::{self, Wanted},
};
use serde_json::json;
use std::{
    fs,
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
    /// End after so many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = numbers::seconds)]
    time: Option<f64>,
    /// Microseconds between two, as a control loop has them; without, one right after the other.
    #[arg(long, value_name = "US", default_value = "0")]
    every: u64,
    /// How long to wait for the echo to be there, and for it to come back if it goes.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = numbers::seconds)]
    wait: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Draw the distribution into a file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let endpoint = side::open(&args.side, args.role)?;
    let name = &args.side.name;
    trips::check_size(&endpoint, args.size).map_err(|failure| failure.about(name))?;
    let wait = Duration::from_secs_f64(args.wait);
    if !trips::await_echo(&endpoint, args.size, wait).map_err(|failure| failure.about(name))? {
        eprintln!("eshmctl: nobody echoes on '{name}'; run `eshmctl echo {name}` on the other side");
        return Ok(Exit::TimedOut);
    }
    let (start, mut progress) = (Instant::now(), Progress::new());
    let wanted = Wanted {
        size: args.size,
        count: args.count,
        pause: Duration::from_micros(args.every),
        gone: wait,
        limit: Limit::of_seconds(args.time),
    };
    let done = trips::run(&endpoint, wanted, |number| progress.tell(|| format!("{number} of {}", args.count)))
        .map_err(|failure| failure.about(name))?;
    progress.done();
    let seconds = start.elapsed().as_secs_f64();
    let times = done.times;
    let percentiles = histogram::PERCENTILES.map(|(name, share)| (name, times.percentile(share)));
    if args.json {
        let mut object = json!({
            "size": args.size, "trips": times.len(), "lost": done.lost, "per_second": times.len() as f64 / seconds,
            "max_ns": times.max(),
        });
        for (name, value) in percentiles {
            object[format!("{name}_ns")] = value.into();
        }
        println!("{object}");
    } else {
        println!(
            "{} round trips of {} bytes, {} lost, {:.0} a second",
            times.len(),
            args.size,
            done.lost,
            times.len() as f64 / seconds
        );
        let shown: Vec<String> =
            percentiles.iter().map(|(name, value)| format!("{name} {}", histogram::time(*value))).collect();
        println!("{}, max {}", shown.join(", "), histogram::time(times.max()));
        print!("{}", times.for_terminal(80));
    }
    if let Some(path) = &args.svg {
        let title = format!("Round trips of {} bytes on {name}", args.size);
        fs::write(path, times.as_svg(&title)).map_err(|error| Failure::of_file(path, &error))?;
    }
    if done.deserted {
        eprintln!("eshmctl: nobody echoes on '{name}' any more; `eshmctl show {name}` says who is there");
        return Ok(Exit::TimedOut);
    }
    Ok(Exit::Fine)
}
